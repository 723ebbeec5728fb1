"""Intervals that know which measurements belong together: the one bootstrap of the project.

``scipy.stats.bootstrap`` resamples rows, which for sums of 20,001 counts a group takes gigabytes,
and cannot draw in two levels; here a draw is a weight for each group. A test compares the two where
both apply. Shares of independent trials have an exact interval, :func:`share_interval`.
"""

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from helpers.measures import sample_checks


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
        From a sum of rows, (...), to the number or numbers wanted; NaN where there is nothing.

    Returns
    -------
    tuple
        The statistic of all groups, and the low and high ends of its percentile interval: NaN where
        every draw's statistic is NaN. Draws whose statistic is NaN are left out.

    Raises
    ------
    ValueError
        If there are fewer than two groups, no draws, or the level is no share.
    """
    sample_checks.draws(draws, level)
    if len(groups) < 2:
        raise ValueError(f"there are {len(groups)} groups; a bootstrap needs 2 or more")
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), draws)
    flat = groups.reshape(len(groups), -1)
    drawn = np.stack([statistic((w @ flat).reshape(groups.shape[1:])) for w in weights])
    low, high = _percentiles(drawn, level)
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

    Raises
    ------
    ValueError
        If there are no values or not one cluster a value, no draws, or the level is no share.
    """
    sample_checks.draws(draws, level)
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

    Columns are drawn together, so that the interval of a difference of columns is that of pairs. A
    column without any observation has NaN for all three numbers.

    Raises
    ------
    ValueError
        If a value is infinite, or there are fewer than two.
    """
    values = sample_checks.numbers(values)
    if np.isinf(values).any():
        raise ValueError("values hold infinity; expected finite numbers, or NaN to leave one out")
    valid = ~np.isnan(values)
    sums = np.stack([np.where(valid, values, 0), valid], axis=1)

    def mean(sums: np.ndarray) -> np.ndarray:
        total, count = sums
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)[()]

    return bootstrap_groups(sums, mean, draws=draws, level=level, seed=seed)


def share_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """A share of independent trials with its exact interval (Clopper & Pearson 1934).

    Without any trial all three numbers are NaN.

    Raises
    ------
    ValueError
        If the successes are fewer than 0 or more than the trials, or one is no whole number.
    """
    if not 0 <= successes <= trials or successes % 1 or trials % 1:
        raise ValueError(
            f"{successes} successes of {trials} trials; expected whole numbers, 0 to {trials}"
        )
    if trials == 0:
        return np.nan, np.nan, np.nan
    interval = stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    return successes / trials, float(interval.low), float(interval.high)


def bootstrap_means(values: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Two-level bootstrap of means over images and seeds: (draws + 1, M).

    The first row is the mean of all; each other one is of images drawn with replacement, and for
    each of them of seeds drawn with replacement. All methods share the draws, so that rows may be
    ranked and compared.

    Parameters
    ----------
    values
        Of M methods, N images and S seeds, (M, N, S); NaN where an image dropped out, which all
        means leave out. A mean of nothing is NaN. So are all draws of a method of which fewer than
        two images are left: one image says nothing of how images differ.

    Raises
    ------
    ValueError
        If values are of another shape, one is infinite, or there are no draws.
    """
    sample_checks.draws(draws, 0.95)
    if values.ndim != 3 or not values.size or np.isinf(values).any():
        raise ValueError(
            f"values are {values.shape}; expected (M, N, S), finite, or NaN to leave one out"
        )
    methods, images, seeds = values.shape
    generator = np.random.default_rng(seed)
    drawn = generator.integers(images, size=(draws, images, 1))
    which = generator.integers(seeds, size=(draws, images, seeds))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        means = [np.nanmean(method[drawn, which], axis=(1, 2)) for method in values]
        whole = np.nanmean(values, axis=(1, 2))
    drawn_means = np.stack(means, 1).reshape(draws, methods)
    drawn_means[:, (~np.isnan(values)).any(2).sum(1) < 2] = np.nan
    return np.concatenate([whole[None], drawn_means])


def estimate_and_interval(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """The first of draws (D + 1,), an estimate, and the percentile interval of the others.

    The interval is widened to hold the estimate; it is NaN where all others are NaN.
    """
    low, high = _percentiles(drawn[1:], level)
    if np.isnan(low):
        return float(drawn[0]), np.nan, np.nan
    return float(drawn[0]), float(min(low, drawn[0])), float(max(high, drawn[0]))


def _percentiles(drawn: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the percentile interval over the first axis, NaN left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice encountered")
        tail = (1 - level) / 2
        low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return low, high
