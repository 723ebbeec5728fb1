"""Images whose class is decided by a mark that we planted, so that the right explanation is known.

Two marks of different classes are laid over a photograph, at places drawn at random; the stronger
one gives the class. Photograph and places do not depend on it, so that a network that predicts the
class can have it from the marks alone. All marks have the same two colors in equal parts: neither
color nor brightness tells them apart, only their pattern does.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE, MARK = 64, 16  # pixels of an image's and of a mark's side
PATTERNS = ("horizontal stripes", "vertical stripes", "checkerboard", "diagonal stripes")
STRENGTHS = (0.9, 0.5)  # opacity of the mark that gives the class, and of the other one
COLORS = torch.tensor([[0.85, 0.15, 0.75], [0.15, 0.85, 0.25]])  # of a pattern's 1 and -1
PLACES, SLACK = 3, SIDE // 3 - MARK  # marks lie in two of 3 x 3 fields, shifted by 0 to 5 pixels


class Marks(NamedTuple):
    """Two marks on each of N images, that of the image's class first."""

    classes: Tensor  # int64 (N, 2): places in PATTERNS, two different ones
    corners: Tensor  # int64 (N, 2, 2): row and column of each mark's upper left pixel


def patterns() -> Tensor:
    """The marks as 1 and -1, float32 (4, 16, 16); each has as many of either."""
    rows, columns = torch.meshgrid(torch.arange(MARK), torch.arange(MARK), indexing="ij")
    stripes = (rows // 2, columns // 2, rows // 4 + columns // 4, (rows + columns) // 2)
    return torch.stack([1.0 - 2 * (number % 2) for number in stripes])


def draw(count: int, generator: torch.Generator) -> Marks:
    """Classes and places of marks on `count` images, all alike probable; marks do not overlap."""
    classes = torch.rand(count, len(PATTERNS), generator=generator).argsort(1)[:, :2]
    fields = torch.rand(count, PLACES**2, generator=generator).argsort(1)[:, :2]
    corners = torch.stack([fields // PLACES, fields % PLACES], 2) * (SIDE // PLACES)
    shift = torch.randint(SLACK + 1, corners.shape, generator=generator)
    return Marks(classes, corners + shift)


def plant(backgrounds: Tensor, marks: Marks, strengths: tuple[float, float] = STRENGTHS) -> Tensor:
    """Lay two marks over each image: (1 - strength) background + strength mark.

    Parameters
    ----------
    backgrounds
        (N, 3, 64, 64) in [0, 1]; it stays as it is.
    marks
        Of N images.
    strengths
        Opacity of the first and of the second mark, 0 to 1; 0 leaves a mark away.

    Raises
    ------
    ValueError
        If the images are of another size or number.
    """
    expected = (len(marks.classes), 3, SIDE, SIDE)
    if tuple(backgrounds.shape) != expected:
        raise ValueError(f"backgrounds are {tuple(backgrounds.shape)}; expected {expected}")
    images = backgrounds.clone()
    for number, strength in enumerate(strengths):
        inside = region(marks, number)
        painted = _colored(patterns())[marks.classes[:, number]]  # (N, 3, 16, 16)
        layer = torch.zeros_like(images)
        layer.movedim(1, 3)[inside] = painted.movedim(1, 3).reshape(-1, 3).to(images)
        images = torch.where(inside[:, None], (1 - strength) * images + strength * layer, images)
    return images


def region(marks: Marks, number: int) -> Tensor:
    """Where the marks of a number (0: that of the class) are: bool (N, 64, 64)."""
    return _squares(marks.corners[:, number])


def _squares(corners: Tensor) -> Tensor:
    """Squares of a mark's size by their upper left pixels (N, 2): bool (N, 64, 64)."""
    inside = [
        (torch.arange(SIDE) >= edge[:, None]) & (torch.arange(SIDE) < edge[:, None] + MARK)
        for edge in corners.T
    ]
    return inside[0][:, :, None] & inside[1][:, None]


def _colored(pattern: Tensor) -> Tensor:
    """Patterns (K, M, M) of 1 and -1 in the marks' colors, (K, 3, M, M)."""
    return torch.where(
        pattern[:, None] > 0, COLORS[0, None, :, None, None], COLORS[1, None, :, None, None]
    )


def found(images: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pattern lies most likely, by its normalized cross-correlation with the image.

    Of the image only what differs between the marks' two colors counts: its projection on their
    difference. With p a pattern and z a window of that projection less its mean,
    sum(p z) / sqrt(sum(p^2) sum(z^2)) is 1 for a mark without noise, whatever its strength.

    Parameters
    ----------
    images
        (N, 3, 64, 64) in [0, 1].

    Returns
    -------
    tuple
        The correlation of the best place, (N, 4), and that place's square, bool (N, 4, 64, 64).
    """
    axis = (COLORS[0] - COLORS[1]).to(images.device, torch.float64)
    shown = (images.double() * axis[:, None, None]).sum(1, keepdim=True)
    kernels = patterns()[:, None].to(axis)
    ones = torch.ones_like(kernels[:1])
    area = MARK**2
    spread = F.conv2d(shown**2, ones) - F.conv2d(shown, ones) ** 2 / area  # (N, 1, h, w)
    agreement = F.conv2d(shown, kernels) / (area * spread.clamp(min=1e-6)).sqrt()
    best = agreement.flatten(2).max(2)
    width = agreement.shape[-1]
    corners = torch.stack([best.indices // width, best.indices % width], -1).cpu()
    squares = _squares(corners.flatten(0, 1)).unflatten(0, best.indices.shape)
    return best.values, squares.to(images.device)
