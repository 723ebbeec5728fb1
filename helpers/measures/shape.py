"""The shape of distributions that are kept as counts on a grid, see `distributions`."""

import numpy as np

from helpers.measures.distributions import GRID, grid_mean_and_deviation, grid_quantiles


def grid_skewness(counts: np.ndarray) -> np.ndarray:
    r"""Moment skewness over the last axis of grid counts (..., 20001): (...).

    .. math:: g_1 = \overline{(x - \bar x)^3} \,/\, \overline{(x - \bar x)^2}^{\,3/2}

    0 for a symmetric distribution, above 0 for one whose tail to the right is longer. NaN where all
    values are equal.
    """
    total = counts.sum(-1)
    mean = counts @ GRID / total
    variance = np.maximum(counts @ GRID**2 / total - mean**2, 0)
    third = counts @ GRID**3 / total - 3 * mean * (counts @ GRID**2 / total) + 2 * mean**3
    scale = np.where(variance > 0, variance, np.nan) ** 1.5
    return third / scale


def grid_share_within(counts: np.ndarray, limit: float) -> np.ndarray:
    r"""Share of values x with \|x\| < limit, of grid counts (..., 20001): (...), 0 to 1."""
    inside = np.abs(GRID) < limit - 1e-9  # the grid is rounded to four decimals
    return counts[..., inside].sum(-1) / counts.sum(-1)


def grid_median_magnitude(counts: np.ndarray) -> np.ndarray:
    r"""Median of \|x\|, of grid counts (..., 20001): (...), off by at most half a cell."""
    middle = len(GRID) // 2
    folded = counts[..., middle:].copy()
    folded[..., 1:] += counts[..., :middle][..., ::-1]
    cumulative = folded.cumsum(-1)
    above = cumulative >= cumulative[..., -1:] / 2
    return GRID[middle + above.argmax(-1)]


def grid_summaries(counts: np.ndarray, irrelevant: float) -> np.ndarray:
    """Quantiles .01 and .99, mean, deviation, share below `irrelevant`, of counts (..., 20001).

    (..., 5): of all values together what :func:`helpers.measures.summaries.summaries` gives of each
    map.
    """
    low, high = np.moveaxis(grid_quantiles(counts, np.array([0.01, 0.99])), -1, 0)
    share = grid_share_within(counts, irrelevant)
    return np.stack([low, high, *grid_mean_and_deviation(counts), share], axis=-1)
