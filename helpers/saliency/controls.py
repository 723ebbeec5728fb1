"""Controls: maps that never ask the network."""

import torch
from torch import Tensor, nn

from helpers.measures import sobel


def random_map(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """A number for every pixel, drawn evenly and anew at every call."""
    return torch.rand(images[:, 0].shape).to(images)


def center(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """1 in the middle, falling with the distance to 0 in the corners."""
    height, width = images.shape[-2:]
    rows = torch.linspace(-1, 1, height).to(images)[:, None]
    columns = torch.linspace(-1, 1, width).to(images)
    return (1 - ((rows**2 + columns**2) / 2).sqrt()).expand(len(images), -1, -1).clone()


def edges(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The magnitude of each colour's Sobel gradient, summed over colours."""
    return sobel.edge_magnitude(images).sum(1)


def brightness(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The image's own brightness."""
    return images.mean(1)
