"""Edges: a map that does not depend on the network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.measures import checks


def edge_magnitude(images: Tensor) -> Tensor:
    """Magnitude of each channel's Sobel gradient, of images (N, C, H, W), in the same shape.

    Raises
    ------
    ValueError
        If they are no finite floats: the slopes of bytes run over.
    """
    checks.images(images)
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.T])[:, None].to(images)  # (2, 1, 3, 3)
    count, channels, height, width = images.shape
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    slopes = F.conv2d(padded.reshape(-1, 1, height + 2, width + 2), kernels)
    return slopes.square().sum(1).sqrt().view(count, channels, height, width)
