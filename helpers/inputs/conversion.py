"""Between pixels, uint8 0 to 255, and images, float32 in [0, 1]; RGB, (N, 3, H, W) everywhere."""

import torch
from torch import Tensor

from helpers.papers import checks


def to_unit(pixels: Tensor) -> Tensor:
    """Pixels, uint8 of any shape, as float32 in [0, 1]."""
    if pixels.dtype != torch.uint8:
        raise ValueError(f"pixels are {pixels.dtype}; expected uint8, 0 to 255")
    return pixels.float() / 255


def to_pixels(images: Tensor) -> Tensor:
    """Images of any shape in [0, 1] as uint8, by floor(255 x), as Dieter & Zisgen's files are.

    The floor is exact for values that came from pixels: the 1e-4 only undoes float32's rounding.

    Raises
    ------
    ValueError
        If a value is not finite or lies outside [0, 1].
    """
    checks.check_unit_range(images)
    return (images * 255 + 1e-4).floor().to(torch.uint8)
