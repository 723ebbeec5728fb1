"""Estimates over several trained networks (or seeds) that share their images: a crossed design.

Each of S networks is measured on the same images, so that an interval has two parts, one over
images and one over networks; their variances are added (:func:`half_width`). What differs between
networks because the images are few enters both, so that the interval is rather too wide than too
narrow. With one network the second part is missing, and the interval says nothing of another one.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from helpers.measures import intervals, paired, sample_checks

Estimate = tuple[np.ndarray, np.ndarray, np.ndarray]
LEVEL = 0.95


def half_width(
    error: ArrayLike, per_network: ArrayLike, *, n: float = np.inf, level: float = LEVEL
) -> np.ndarray:
    r"""Half of the interval of a mean over networks, given its standard error over images.

    .. math::
        v = e^2 + \frac{s^2}{S}, \qquad
        \nu = \frac{v^2}{\dfrac{e^4}{n - 1} + \dfrac{(s^2 / S)^2}{S - 1}}, \qquad
        t_\nu \sqrt v

    with s the standard deviation between networks. e is not divided by S, as all networks meet the
    same images. The degrees of freedom are Welch and Satterthwaite's: S - 1 where networks differ
    most, those of the images where they do not; of one network, those of the images.

    Parameters
    ----------
    error
        e, (...), 0 where all there are were counted.
    per_network
        The statistic of each network, (S, ...).
    n
        How many images gave e; infinite where e is read from an interval of normal quantiles.
    level
        Of the interval.

    Returns
    -------
    numpy.ndarray
        (...), NaN where e is.
    """
    values = sample_checks.numbers(per_network)
    images, networks = np.square(sample_checks.numbers(error)), np.zeros(values.shape[1:])
    freedom = images**2 / (n - 1) if n > 1 else np.where(images > 0, np.inf, 0.0)
    if len(values) > 1:
        networks = values.var(0, ddof=1) / len(values)
        freedom = freedom + networks**2 / (len(values) - 1)
    variance = images + networks
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.where(freedom > 0, variance**2 / freedom, np.inf)
    return stats.t.ppf((1 + level) / 2, degrees) * np.sqrt(variance)


def widened(per_network: np.ndarray, low: np.ndarray, high: np.ndarray, level: float = LEVEL):
    """Value, low and high of a mean over networks, given its interval [low, high] over images.

    Either side of the given interval is taken as that of normal quantiles. One network keeps it.

    Parameters
    ----------
    per_network
        The statistic of each network, (S, ...).
    low, high
        The interval of its mean over images alone, (...).
    """
    per_network = sample_checks.numbers(per_network)
    value, normal = per_network.mean(0), stats.norm.ppf((1 + level) / 2)
    if len(per_network) == 1:
        return value, low, high
    down, up = (
        half_width(side / normal, per_network, level=level) for side in (value - low, high - value)
    )
    return value, value - down, value + up


def of_counts(
    counts: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    networks: int = 1,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A statistic of summed counts, its mean over networks and their crossed interval.

    Parameters
    ----------
    counts
        A row a group of originals, network by network: (S G, ...), additive.
    statistic
        From a sum of rows (...) to the number or numbers wanted.
    """
    split = counts.reshape(networks, -1, *counts.shape[1:])  # (S, G, ...)
    per_network = np.stack([statistic(part.sum(0)) for part in split])
    groups = np.moveaxis(split, 0, 1)  # (G, S, ...): a draw takes the same originals of all
    if len(groups) < 2:
        return widened(per_network, per_network.mean(0), per_network.mean(0))

    def mean(total: np.ndarray) -> np.ndarray:
        return np.mean([statistic(part) for part in total], axis=0)

    _, low, high = intervals.bootstrap_groups(groups, mean, draws=draws, seed=seed)
    return widened(per_network, low, high)


def of_originals(values: np.ndarray) -> tuple[float, float, float, int]:
    """The mean of one number an original, with its crossed interval, and how many originals.

    `values` are (S, N), the same originals in each network; NaN is left out, an original whose
    networks all have NaN as well. Over originals it is Student's interval of their means.
    """
    values = np.atleast_2d(sample_checks.numbers(values))
    seen = np.isfinite(values)
    count = seen.sum(0)
    total = np.where(seen, values, 0).sum(0)
    means = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    number = int((count > 0).sum())
    value, low, high = paired.mean_and_interval(means)
    if len(values) == 1 or not number:
        return value, low, high, number
    per_network = np.array(
        [row[ok].mean() if ok.any() else np.nan for row, ok in zip(values, seen, strict=True)]
    )
    error = stats.sem(means[np.isfinite(means)]) if number > 1 else np.nan
    half = float(half_width(error, per_network[np.isfinite(per_network)], n=number))
    return value, value - half, value + half, number


def combined(
    estimates: list[tuple[float, float, float]], number: int
) -> tuple[float, float, float, int]:
    """The mean of each network's value, low and high, widened by what differs between networks.

    For statistics whose interval over originals is known for each network alone; the mean of their
    ends is wider than the end of their mean. `number` is how many originals there are.
    """
    values, low, high = np.array(estimates, dtype=float).T
    value, low, high = widened(values, low.mean(), high.mean())
    return float(value), float(low), float(high), number
