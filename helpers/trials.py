"""What the cross-examination computes of maps and of scores: selections, and standings."""

import warnings

import numpy as np
import torch
from torch import Tensor

from helpers import metrics


def reach(maps: Tensor, segments: Tensor, generator: torch.Generator) -> Tensor:
    """The share of the image that is kept once a pixel's superpixel has come, (N, H, W) float64.

    Superpixels come whole, the largest mean of the map first and equal ones in a random order, so
    that ``reach <= 0.2`` is the region that a map selects of at most a fifth of the image. It is
    that region of E-LIME, for the map of any method (Wang et al. select superpixels, not pixels).

    Parameters
    ----------
    maps, segments
        Maps and the numbers of the superpixels, (N, H, W) both.
    """
    index = segments.flatten(1)
    none = torch.zeros(len(maps), int(index.max()) + 1, dtype=torch.float64, device=maps.device)
    means = none.scatter_reduce(1, index, maps.flatten(1).double(), "mean", include_self=False)
    areas = none.scatter_add(1, index, torch.ones_like(index, dtype=torch.float64))
    order = metrics.ranking(metrics.break_ties(means[..., None], generator))
    total = areas.gather(1, order).cumsum(1) / index.shape[1]
    return torch.empty_like(total).scatter_(1, order, total).gather(1, index).view_as(maps)


def drawn_means(values: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Means over images and seeds, as they are and as they might have been, (draws + 1, M).

    The first row is the mean; each other one draws the images with replacement, and of each image
    drawn its seeds. All methods share the draws, so that rows may be ranked and compared.

    Parameters
    ----------
    values
        Of M methods, N images and S seeds, (M, N, S); NaN where an image dropped out, which all
        means leave out. A mean of nothing is NaN.
    """
    methods, images, seeds = values.shape
    generator = np.random.default_rng(seed)
    drawn = generator.integers(images, size=(draws, images, 1))
    which = generator.integers(seeds, size=(draws, images, seeds))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        means = [np.nanmean(one[drawn, which], axis=(1, 2)) for one in values]
        whole = np.nanmean(values, axis=(1, 2))
    return np.concatenate([whole[None], np.stack(means, 1).reshape(draws, methods)])


def ends(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """The first of some draws, and the interval of the others, which holds the first."""
    if np.isnan(drawn[1:]).all():
        return float(drawn[0]), np.nan, np.nan
    low, high = np.nanquantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2])
    return float(drawn[0]), float(min(low, drawn[0])), float(max(high, drawn[0]))
