"""How often a few images show an order of methods, whatever the order over all images is."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

_AT_ONCE = 1000  # draws, so that a million draws need no more memory than a thousand


def means_of_draws(values: np.ndarray, size: int, *, draws: int, seed: int) -> np.ndarray:
    """Means over `size` images that are drawn without replacement, (draws, M).

    Parameters
    ----------
    values
        Of N images and M methods, (N, M), finite.
    size
        How many images a draw has, 1 to N.
    draws
        How many draws; all methods share each.

    Raises
    ------
    ValueError
        If values are of another shape or not finite, or size or draws are out of range.
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"values are {values.shape}; expected finite (images, methods)")
    if not 1 <= size <= len(values) or draws < 1:
        raise ValueError(
            f"size is {size}, draws {draws}; expected 1 to {len(values)}, and 1 or more"
        )
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, draws, _AT_ONCE):
        keys = generator.random((min(_AT_ONCE, draws - start), len(values)))
        # the `size` smallest of independent keys are a set drawn evenly from all
        chosen = np.argpartition(keys, size - 1, axis=1)[:, :size]
        means.append(values[chosen].mean(1))
    return np.concatenate(means)


def shares_of_orders(means: np.ndarray, order: Sequence[Sequence[int]]) -> Mapping[str, float]:
    """In what share of draws the means have an order, parts of it, or its opposite.

    Parameters
    ----------
    means
        (draws, M).
    order
        The methods' columns from the best to the worst, in groups: within a group no order is
        asked for.

    Returns
    -------
    Mapping
        ``first``: the first group is strictly above all others; ``last``: strictly below;
        ``whole``: each group is strictly above the next; ``reversed``: strictly below.
    """
    groups = [means[:, list(group)] for group in order]
    above = [a.min(1) > b.max(1) for a, b in itertools.pairwise(groups)]
    below = [a.max(1) < b.min(1) for a, b in itertools.pairwise(groups)]
    rest = np.concatenate(groups[1:], axis=1)
    return {
        "first": float((groups[0].min(1) > rest.max(1)).mean()),
        "last": float((groups[0].max(1) < rest.min(1)).mean()),
        "whole": float(np.all(above, axis=0).mean()),
        "reversed": float(np.all(below, axis=0).mean()),
    }
