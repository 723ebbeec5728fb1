"""Distributions too large to keep, as counts on a grid."""

import numpy as np
import torch
from torch import Tensor

STEP = 1e-4  # width of a cell of the grid on [-1, 1]; the papers print four decimals
GRID = np.round(np.arange(-1, 1 + STEP / 2, STEP), 4) + 0.0  # (20001,); no negative zero


def grid_counts(values: Tensor) -> Tensor:
    """How many values lie nearest to each point of :data:`GRID`, (20001,) int64.

    Values, of any shape, must lie in [-1, 1]; a quantile read off the counts is wrong by at most
    half a cell.
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
    cells = [np.searchsorted(row, np.asarray(q) * row[-1]) for row in rows]
    return GRID[np.stack(cells)].reshape(*counts.shape[:-1], len(q))


def grid_mean_and_deviation(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the last axis of grid counts (..., 20001): (...) each."""
    total = counts.sum(-1)
    mean = counts @ GRID / total
    return mean, np.sqrt(np.maximum(counts @ GRID**2 / total - mean**2, 0))
