"""Corruptions of images by a strength: noise, rotation and occlusion, for a batch at once."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.papers import checks


def gaussian_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Add N(0, deviation²) to every channel of images (N, C, H, W), and clip to [0, 1]."""
    noise = torch.randn(images.shape, generator=generator).to(images)
    return (images + deviation * noise).clamp(0, 1)


def rotation(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Rotate images (N, C, H, W), each by an angle drawn from -degrees to degrees evenly."""
    return rotate(images, draw_angles(len(images), degrees, generator))


def draw_angles(count: int, degrees: float, generator: torch.Generator) -> Tensor:
    """Angles drawn evenly from -degrees to degrees, (count,)."""
    return (2 * torch.rand(count, generator=generator) - 1) * degrees


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Rotate images (N, C, H, W) about their center, anticlockwise by degrees (N,), bilinearly.

    Outside the image is black, as in torchvision's ``RandomRotation``.
    """
    turn = torch.deg2rad(angles.to(images))
    sine, cosine, zero = turn.sin(), turn.cos(), torch.zeros_like(turn)
    aspect = images.shape[2] / images.shape[3]  # the grid's unit is half a side, in x and in y
    rows = [cosine, -sine * aspect, zero, sine / aspect, cosine, zero]
    return affine(images, torch.stack(rows, dim=1).view(-1, 2, 3))


def affine(
    images: Tensor,
    matrices: Tensor,
    padding_mode: str = "zeros",
    *,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Sample images (N, C, H, W) bilinearly at affine transforms of the pixels' positions.

    Parameters
    ----------
    matrices
        (N, 2, 3): from the result's position (x, y, 1) to the image's (x, y), both from -1 at the
        left or upper edge of the outermost pixel to 1 at the opposite edge.
    padding_mode
        Outside the image: "zeros", or "border" for the nearest pixel of it.
    size
        Height and width of the result; by default the image's own.

    Returns
    -------
    Tensor
        (N, C, *size).
    """
    shape = [*images.shape[:2], *(size or images.shape[2:])]
    grid = F.affine_grid(matrices, shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode=padding_mode, align_corners=False)


def occlusion(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Make `count` random pixels of each image (N, C, H, W) black, different ones in each image."""
    return torch.where(draw_pixels(images, count, generator), 0.0, images)


def blurred_occlusion(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Like :func:`occlusion`, but the pixels take the mean of the 5 x 5 pixels around them.

    Images are (N, C, H, W).
    """
    blurred = F.avg_pool2d(images, 5, stride=1, padding=2, count_include_pad=False)
    return torch.where(draw_pixels(images, count, generator), blurred, images)


def draw_pixels(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Random pixels of images (N, C, H, W): bool (N, 1, H, W) with `count` true an image."""
    number, _, height, width = images.shape
    if count > height * width:
        raise ValueError(f"{count} pixels to occlude; the images have {height * width}")
    index = torch.rand(number, height * width, generator=generator).argsort(1)[:, :count]
    drawn = torch.zeros(number, height * width, dtype=torch.bool).scatter_(1, index, True)
    return drawn.view(number, 1, height, width).to(images.device)


CORRUPTIONS: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "gaussian noise": gaussian_noise,  # strength: standard deviation, of the range 0 to 1
    "rotation": rotation,  # strength: the largest angle, in degrees
    "occlusion": occlusion,  # strength: number of pixels
    "blurred occlusion": blurred_occlusion,  # strength: number of pixels
}


def corrupt(images: Tensor, name: str, strength: float, generator: torch.Generator) -> Tensor:
    """Images (N, C, H, W) in [0, 1] under one of the :data:`CORRUPTIONS`.

    Batches that share a generator get the numbers that all images would get in one call (for noise
    where an image has a multiple of 16 values, as PyTorch draws them).

    Parameters
    ----------
    strength
        In the corruption's own unit; 0 gives the images back.
    generator
        Of the CPU, so that every device draws alike.

    Raises
    ------
    ValueError
        If there is no such corruption, the strength is negative, not finite or, for a number of
        pixels, not whole, or the images are not in [0, 1].
    """
    if name not in CORRUPTIONS:
        raise ValueError(f"there is no corruption {name!r}; there are: {', '.join(CORRUPTIONS)}")
    whole = "occlusion" in name
    if not 0 <= strength < math.inf or (whole and strength != int(strength)):
        kind = "a whole number" if whole else "a finite number"
        raise ValueError(f"the strength of {name} is {strength}; expected {kind}, 0 or more")
    checks.check_unit_range(images)
    if strength == 0:
        return images
    return CORRUPTIONS[name](images, int(strength) if whole else strength, generator)
