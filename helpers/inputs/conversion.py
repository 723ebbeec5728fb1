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


def unit_images(images: Tensor) -> Tensor:
    """Images as the networks take them: float32 (N, 3, H, W) in [0, 1].

    Raises
    ------
    ValueError
        If they have another shape or range, or hold NaN.
    """
    if images.ndim == 4 and images.shape[1] != 3 and images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"images are {tuple(images.shape)}; expected (N, 3, H, W), N at least 1")
    if images.dtype == torch.uint8:
        return to_unit(images)
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; expected uint8, or numbers in [0, 1]")
    if not images.isfinite().all():
        raise ValueError("images hold NaN or infinity; expected numbers in [0, 1]")
    low, high = images.min().item(), images.max().item()
    if low < 0 or high > 1:
        raise ValueError(
            f"images lie in [{low:.3g}, {high:.3g}]; expected [0, 1]: put the normalization into "
            "the network, or behind helpers.inputs.classifiers.Preprocessed"
        )
    return images.float().contiguous()
