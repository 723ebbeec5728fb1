"""Does a map follow an image's contours? Relevance of pixels beside Sobel edges."""

import torch
from torch import Tensor

from helpers.measures import rankings, sobel


def pixel_magnitude(relevance: Tensor) -> Tensor:
    """Sum over colors of |R|, (N, H, W) of (N, C, H, W): both signs draw the same contour."""
    return relevance.abs().sum(1)


def pixel_edges(images: Tensor) -> Tensor:
    """Sobel magnitude summed over colors, (N, H, W) of images (N, C, H, W)."""
    return sobel.edge_magnitude(images).sum(1)


def agreement(maps: Tensor, edges: Tensor) -> Tensor:
    """Spearman correlation, and share of the top tenth in common, of (N, H, W) both: (N, 2).

    NaN where a map is not finite or constant.
    """
    usable = maps.flatten(1).isfinite().all(1)
    result = torch.full((len(maps), 2), torch.nan, dtype=torch.float64)
    if usable.any():
        first, second = maps[usable], edges[usable]
        correlation = rankings.spearman(first, second).cpu()
        tenth = first[0].numel() // 10
        orders = rankings.ranking(first), rankings.ranking(second)
        common = rankings.overlap(rankings.new_positions(*orders, tenth), tenth).cpu().double()
        result[usable.cpu()] = torch.stack([correlation, common], dim=1)
    result[result[:, 0].isnan()] = torch.nan
    return result
