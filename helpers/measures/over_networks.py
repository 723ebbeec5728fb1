"""Estimates over several trained networks that share their originals: a crossed design.

Each of S networks is measured on the same originals, so that an interval has two parts. One is over
originals, of the mean over networks; the other is Student's interval over the networks, with S - 1
degrees of freedom. They are added in squares on each side. What differs between networks because
the originals are few enters both, so that the interval is rather too wide than too narrow. With one
network the second part is missing, and the interval says nothing of another network.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from helpers.measures import intervals, paired

Estimate = tuple[np.ndarray, np.ndarray, np.ndarray]


def widened(per_network: np.ndarray, low: np.ndarray, high: np.ndarray, level: float = 0.95):
    """Value, low and high of a mean over networks, given its interval [low, high] over originals.

    Parameters
    ----------
    per_network
        The statistic of each network, (S, ...).
    low, high
        The interval of its mean over originals alone, (...).
    """
    per_network = np.asarray(per_network, dtype=float)
    value, half = per_network.mean(0), between(per_network, level)
    return value, value - np.hypot(value - low, half), value + np.hypot(high - value, half)


def between(per_network: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Half of Student's interval of the mean over networks (S, ...): (...); 0 for one network."""
    number = len(per_network)
    if number < 2:
        return np.zeros(np.shape(per_network)[1:])
    error = np.std(per_network, axis=0, ddof=1) / np.sqrt(number)
    return stats.t.ppf((1 + level) / 2, number - 1) * error


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
    values = np.atleast_2d(np.asarray(values, dtype=float))
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
    half = float(between(per_network[np.isfinite(per_network)]))
    return value, value - np.hypot(value - low, half), value + np.hypot(high - value, half), number


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
