"""An order of methods over networks, tests and images, and how far it can be trusted.

Scores are (L, T, M, N): of L networks, T tests, M methods and N images, more is better, NaN where
one is missing. All networks see the same images.
"""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95


def standings(scores: np.ndarray) -> np.ndarray:
    """Where each method stands on each image, (L, T, M, N): 1 is first, 0 last.

    (rank - 1) / (k - 1) of the k methods that have a number there, ties at their mean rank; NaN
    without a number, or where fewer than two have one.
    """
    ranks = stats.rankdata(scores, axis=2, nan_policy="omit")
    counts = (~np.isnan(scores)).sum(2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        standing = (ranks - 1) / (counts - 1)
    return np.where(np.isnan(scores) | (counts < 2), np.nan, standing)


def means(standing: np.ndarray) -> np.ndarray:
    """Mean standings over images, (L, T, M)."""
    return _mean(standing, 3)


def overall(means: np.ndarray) -> np.ndarray:
    """The mean standing of each method, (..., M), from means (..., L, T, M): over networks, tests.

    So tests count alike however many images or networks they have. A method counts where it has a
    number; one without any is NaN.
    """
    return _mean(over_networks(means), -2)


def over_networks(means: np.ndarray) -> np.ndarray:
    """The mean standing of each method in each test, (..., T, M), from means (..., L, T, M)."""
    return _mean(means, -3)


def drawn(standing: np.ndarray, *, draws: int, seed: int) -> np.ndarray:
    """Mean standings of other networks and images, (draws + 1, L, T, M); first those of all.

    Both are drawn with replacement, each network with all images that were drawn: the pigeonhole
    bootstrap of crossed factors (Owen 2007), which takes networks for a sample as well. Its
    interval is rather too wide than too narrow. The tests stay: they are what we ask.
    """
    networks, tests, methods, images = standing.shape
    generator = np.random.default_rng(seed)
    valid = ~np.isnan(standing)
    filled = np.where(valid, standing, 0)
    found = np.empty((draws + 1, networks, tests, methods))
    found[0] = means(standing)
    for draw in found[1:]:
        weights = np.bincount(generator.integers(images, size=images), minlength=images)
        which = generator.integers(networks, size=networks)
        with np.errstate(invalid="ignore"):
            draw[:] = ((filled @ weights) / (valid @ weights))[which]
    return found


def mean_ranks(standing: np.ndarray) -> tuple[np.ndarray, int]:
    """Mean ranks over images, (M,), 1 the best, and the number of images.

    An image ranks the methods by their mean standing over its networks and tests. Only images count
    on which every method has a number, and only methods that have one anywhere.
    """
    of_image = _mean(_mean(standing, 0), 0)  # (M, N)
    known = ~np.isnan(of_image).all(1)
    complete = ~np.isnan(of_image[known]).any(0)
    ranks = np.full(len(of_image), np.nan)
    if complete.any():
        ranks[known] = stats.rankdata(-of_image[known][:, complete], axis=0).mean(1)
    return ranks, int(complete.sum())


def critical_difference(methods: int, images: int, level: float = LEVEL) -> float:
    """How far mean ranks of two of k methods must differ to count (Nemenyi; Demsar 2006).

    q sqrt(k (k + 1) / (6 N)) with N images and q the quantile of the studentized range of k means
    with infinite degrees of freedom, over the root of 2.

    Raises
    ------
    ValueError
        If there are fewer than two methods, or no image.
    """
    if methods < 2 or images < 1:
        raise ValueError(f"{methods} methods on {images} images; expected two or more, and one")
    quantile = stats.studentized_range.ppf(level, methods, math.inf) / math.sqrt(2)
    return float(quantile * math.sqrt(methods * (methods + 1) / (6 * images)))


def groups(ranks: Sequence[float], difference: float) -> list[list[int]]:
    """Largest groups of methods, by place, whose mean ranks lie within a difference of one another.

    Each is a run in the order of ranks, the best group first; a method may be in several. Methods
    without a rank are in none.
    """
    values = np.asarray(ranks, dtype=float)
    order = [int(place) for place in values.argsort(kind="stable") if not np.isnan(values[place])]
    found: list[list[int]] = []
    for start, place in enumerate(order):
        run = [other for other in order[start:] if values[other] - values[place] <= difference]
        if not found or run[-1] != found[-1][-1]:
            found.append(run)
    return found


def without_each(means: np.ndarray, axis: int) -> np.ndarray:
    """How the overall order agrees with that without one network (axis 0) or test (axis 1).

    Spearman's correlation over the methods that both have, (L,) or (T,), from means (L, T, M); NaN
    where none is left.
    """
    whole = overall(means)
    return np.array(
        [
            agreement(whole, overall(np.delete(means, left_out, axis)))
            for left_out in range(means.shape[axis])
        ]
    )


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two orders (M,) over what both have; NaN for fewer than three."""
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 3 or np.ptp(one[both]) == 0 or np.ptp(other[both]) == 0:
        return math.nan
    return float(stats.spearmanr(one[both], other[both]).statistic)


def same_maps(alike: np.ndarray, limit: float = 0.97) -> list[list[int]]:
    """Methods whose maps are nearly one: groups of two or more, by place.

    alike is (M, M), the mean correlation of each two methods' maps. In a group every two agree by
    more than the limit; groups are made from the most alike on (complete linkage).
    """
    sets = [{place} for place in range(len(alike))]
    while True:
        pairs = [
            (min(alike[one, other] for one in left for other in right), i, j)
            for i, left in enumerate(sets)
            for j, right in enumerate(sets[:i])
        ]
        pairs = [pair for pair in pairs if pair[0] > limit]
        if not pairs:
            return [sorted(group) for group in sets if len(group) > 1]
        _, i, j = max(pairs)
        sets[j] |= sets.pop(i)


def front(quality: np.ndarray, evaluations: np.ndarray) -> list[int]:
    """Methods that none with as few evaluations surpasses, by place, the cheapest first.

    Both are (M,); NaN is left out.
    """
    known = np.flatnonzero(~np.isnan(quality) & ~np.isnan(evaluations)).tolist()
    found: list[int] = []
    for place in sorted(known, key=lambda i: (evaluations[i], -quality[i])):
        if not found or quality[place] > quality[found[-1]]:
            found.append(place)
    return found


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean along an axis without what is NaN; NaN where all is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        return np.nanmean(values, axis)
