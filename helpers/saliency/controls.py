"""Controls: maps that do not depend on the network. All give (N, H, W) for (N, 3, H, W)."""

import torch
from torch import Tensor, nn

from helpers.measures import sobel


def random_map(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Uniform random numbers, new ones at every call: (N, H, W) for images (N, 3, H, W)."""
    return torch.rand(images[:, 0].shape).to(images)


def center(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """1 in the middle, falling with the distance to 0 in the corners: (N, H, W)."""
    height, width = images.shape[-2:]
    rows = torch.linspace(-1, 1, height).to(images)[:, None]
    columns = torch.linspace(-1, 1, width).to(images)
    return (1 - ((rows**2 + columns**2) / 2).sqrt()).expand(len(images), -1, -1).clone()


def edges(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The magnitude of each color's Sobel gradient, summed over colors: (N, H, W)."""
    return sobel.edge_magnitude(images).sum(1)


def brightness(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The mean over colors of images (N, 3, H, W): (N, H, W)."""
    return images.mean(1)
