"""Distributions too large to keep, and intervals that know which measurements belong together."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

STEP = 1e-4  # width of a cell of the grid on [-1, 1]; the papers print four decimals
GRID = np.round(np.arange(-1, 1 + STEP / 2, STEP), 4) + 0.0  # (20001,); no negative zero


def grid_counts(values: Tensor) -> Tensor:
    """How many values lie nearest to each point of :data:`GRID`, (20001,) int64.

    Values must lie in [-1, 1]; a quantile read off the counts is off by at most half a cell.
    """
    if values.numel() and not values.abs().max() <= 1:
        raise ValueError(f"values reach {values.abs().max().item():.3g}; expected [-1, 1], finite")
    cells = ((values.flatten() + 1) / STEP).round_().long()
    return torch.bincount(cells, minlength=len(GRID))


def grid_quantiles(counts: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Read the quantiles q off grid counts: for counts (..., 20001) the result is (..., len(q))."""
    cumulative = counts.cumsum(-1)
    total = cumulative[..., -1:]
    if not (total > 0).all():
        raise ValueError("there are no values; expected at least one in every row of counts")
    rows = cumulative.reshape(-1, counts.shape[-1])
    found = [np.searchsorted(row, np.asarray(q) * row[-1]) for row in rows]
    return GRID[np.stack(found)].reshape(*counts.shape[:-1], len(q))


def grid_mean_and_deviation(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the last axis of grid counts."""
    total = counts.sum(-1)
    mean = counts @ GRID / total
    return mean, np.sqrt(np.maximum(counts @ GRID**2 / total - mean**2, 0))


def interval(
    groups: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic of summed groups, with a bootstrap interval over the groups.

    Measurements that belong together (all adversarials of an image, say) sit in one group, and
    groups are drawn with replacement, so that the interval does not pretend they are independent.

    Parameters
    ----------
    groups
        One row of additive counts or sums a group, (G, ...).
    statistic
        From a sum of rows to the number or numbers wanted.

    Returns
    -------
    tuple
        The statistic of all groups, and the low and high ends of its percentile interval.
    """
    if len(groups) < 2:
        raise ValueError(f"there are {len(groups)} groups; a bootstrap needs 2 or more")
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), draws)
    flat = groups.reshape(len(groups), -1)
    drawn = np.stack([statistic((w @ flat).reshape(groups.shape[1:])) for w in weights])
    tail = (1 - level) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return statistic(groups.sum(0)), low, high


def mean_interval(
    values: np.ndarray, *, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over the first axis of values (N, ...), NaN left out, with its bootstrap interval.

    Columns are drawn together, so that the interval of a difference of columns is that of pairs.
    """
    values = np.asarray(values, dtype=float)
    there = ~np.isnan(values)
    sums = np.stack([np.where(there, values, 0), there], axis=1)

    def mean(sums: np.ndarray) -> np.ndarray:
        return sums[0] / np.maximum(sums[1], 1)

    return interval(sums, mean, draws=draws, level=level, seed=seed)
