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
    """Read the quantiles q off grid counts: for counts (..., 20001) the result is (..., len(q)).

    Raises
    ------
    ValueError
        If there are no values, or a level is no share.
    """
    if not ((np.asarray(q) >= 0) & (np.asarray(q) <= 1)).all():
        raise ValueError(f"quantiles are at {q}; expected levels in [0, 1]")
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
    if not (total > 0).all():
        raise ValueError("there are no values; expected at least one in every row of counts")
    mean = counts @ GRID / total
    return mean, np.sqrt(np.maximum(counts @ GRID**2 / total - mean**2, 0))


def sign_counts(relevance: Tensor, logits: Tensor) -> Tensor:
    """How many components are negative, zero and positive, by the sign of the logit: (2, 3) int64.

    relevance is (N, ...), finite, and logits (N,); the first row counts images with a negative
    logit, the second all others.

    Raises
    ------
    ValueError
        If a component is NaN or infinite, or there is not one logit an image.
    """
    if logits.shape != relevance.shape[:1] or not relevance.isfinite().all():
        raise ValueError(
            f"relevance is {tuple(relevance.shape)} and logits {tuple(logits.shape)}; expected "
            "finite numbers, and one logit an image"
        )
    halves = relevance[logits < 0], relevance[logits >= 0]
    return torch.stack(
        [torch.stack([(r < 0).sum(), (r == 0).sum(), (r > 0).sum()]) for r in halves]
    )
