"""Estimates over images within one training, and over trainings: images and trainings crossed.

An estimate of one training is a mean over images with its standard error. Several trainings meet
the same images, so that what is common to all of them does not average out over trainings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from helpers.measures import over_networks, sample_checks


class Estimate(NamedTuple):
    """What one training shows: a mean over `n` images, and its standard error (0: all counted)."""

    value: float
    error: float
    n: int


class Interval(NamedTuple):
    """A value with both ends of its 95 % interval."""

    value: float
    low: float
    high: float


def mean(values: np.ndarray) -> Estimate:
    """The mean of values (N,), NaN left out, and its standard error, s / sqrt(n).

    One value has no standard error (NaN), none has no mean either.
    """
    kept = sample_checks.numbers(values)
    kept = kept[~np.isnan(kept)]
    value = float(kept.mean()) if len(kept) else np.nan
    return Estimate(value, float(stats.sem(kept)) if len(kept) > 1 else np.nan, len(kept))


def paired_difference(values: np.ndarray) -> Estimate:
    """The mean of differences of shares (N,), image by image, from -100 to 100; NaN left out.

    Its standard error counts one image more in either direction (Bonett & Price 2012), so that it
    is not 0 where no image differs.
    """
    kept = sample_checks.numbers(values)
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        return Estimate(np.nan, np.nan, 0)
    moved = np.append(kept, [100.0, -100.0])
    return Estimate(float(kept.mean()), float(moved.std() / len(moved) ** 0.5), len(kept))


def over_trainings(estimates: Sequence[Estimate], level: float = 0.95) -> Interval:
    """The mean over trainings, with an interval over trainings and images.

    See :func:`helpers.measures.over_networks.half_width`; the error over images is the root of the
    mean of the trainings' squared errors. One training has only its images' interval.

    Raises
    ------
    ValueError
        If there is no estimate.
    """
    if not estimates:
        raise ValueError("there is no estimate; expected one a training")
    values = np.array([estimate.value for estimate in estimates])
    error = np.sqrt(np.mean([estimate.error**2 for estimate in estimates]))
    fewest = min(estimate.n for estimate in estimates)
    half = float(over_networks.half_width(error, values, n=fewest, level=level))
    middle = float(values.mean())
    return Interval(middle, middle - half, middle + half)


def corrected_agreement(own: np.ndarray, stranger: np.ndarray) -> np.ndarray:
    r"""Agreement beyond what two different images share, linearized image by image.

    .. math:: c = \frac{\bar o - \bar s}{1 - \bar s}

    as in Cohen's kappa: 1 where an image's two maps agree fully, 0 where they agree no better than
    those of two different images. The values have the mean c and, to first order, its standard
    error (the delta method), so that differences of c can be taken image by image.

    Parameters
    ----------
    own, stranger
        Agreement of two maps of one image, and of its map with another image's, (N,), at most 1;
        images for which either is NaN are left out.

    Returns
    -------
    numpy.ndarray
        :math:`c + ((o_i - \bar o) - (1 - c)(s_i - \bar s)) / (1 - \bar s)`, (N,); all NaN where
        strangers agree fully.
    """
    missing = np.isnan(own) | np.isnan(stranger)
    own, stranger = np.where(missing, np.nan, own), np.where(missing, np.nan, stranger)
    if missing.all():
        return own
    alike, common = np.nanmean(own), np.nanmean(stranger)
    if np.isclose(common, 1):
        return np.full(own.shape, np.nan)
    share = (alike - common) / (1 - common)
    return share + ((own - alike) - (1 - share) * (stranger - common)) / (1 - common)
