"""Intervals that know which measurements belong together: the one bootstrap of the project."""

import warnings
from collections.abc import Callable

import numpy as np


def bootstrap_groups(
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


def bootstrap_clusters(
    values: np.ndarray,
    clusters: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """A statistic of values, with a bootstrap interval that draws whole clusters.

    For statistics that need the values themselves, such as quantiles; where sums are enough,
    :func:`bootstrap_groups` is faster.

    Parameters
    ----------
    values, clusters
        One row a value, (N, ...), and the number of the cluster that it belongs to, (N,).
    statistic
        From rows of values to a number.

    Returns
    -------
    tuple
        The statistic of all values, and the low and high ends of its percentile interval.
    """
    if len(values) != len(clusters) or not len(values):
        raise ValueError(
            f"there are {len(values)} values and {len(clusters)} clusters; expected as many, and "
            "at least one"
        )
    order = np.argsort(clusters, kind="stable")
    blocks = np.split(values[order], np.flatnonzero(np.diff(clusters[order])) + 1)
    generator = np.random.default_rng(seed)
    drawn = [
        statistic(
            np.concatenate([blocks[i] for i in generator.integers(len(blocks), size=len(blocks))])
        )
        for _ in range(draws)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return statistic(values), low, high


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

    return bootstrap_groups(sums, mean, draws=draws, level=level, seed=seed)


def bootstrap_means(values: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
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


def estimate_and_interval(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """The first of some draws, and the interval of the others, which holds the first."""
    if np.isnan(drawn[1:]).all():
        return float(drawn[0]), np.nan, np.nan
    low, high = np.nanquantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2])
    return float(drawn[0]), float(min(low, drawn[0])), float(max(high, drawn[0]))
