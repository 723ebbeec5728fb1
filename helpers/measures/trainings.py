"""Estimates over images within one training, and over trainings: images and trainings crossed.

An estimate of one training is a mean over images with its standard error. Several trainings meet
the same images, so that what is common to all of them does not average out over trainings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


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
    kept = np.asarray(values, dtype=float)
    kept = kept[~np.isnan(kept)]
    value = float(kept.mean()) if len(kept) else np.nan
    return Estimate(value, float(stats.sem(kept)) if len(kept) > 1 else np.nan, len(kept))


def paired_difference(values: np.ndarray) -> Estimate:
    """The mean of differences of shares (N,), image by image, from -100 to 100; NaN left out.

    Its standard error counts one image more in either direction (Bonett & Price 2012), so that it
    is not 0 where no image differs.
    """
    kept = np.asarray(values, dtype=float)
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        return Estimate(np.nan, np.nan, 0)
    moved = np.append(kept, [100.0, -100.0])
    return Estimate(float(kept.mean()), float(moved.std() / len(moved) ** 0.5), len(kept))


def over_trainings(estimates: Sequence[Estimate], level: float = 0.95) -> Interval:
    r"""The mean over T trainings, with an interval over trainings and images.

    .. math:: v = \frac{s^2}{T} + \frac1T \sum_t e_t^2, \qquad \bar x \pm t_\nu \sqrt v,

    where s is the standard deviation between trainings and e a training's standard error over
    images, which stays whole because all trainings meet the same images. (What images and trainings
    do together is in both terms, so that v is too large rather than too small.) The degrees of
    freedom are Welch and Satterthwaite's: T - 1 where trainings differ most, those of the images
    where they do not. One training has only its images' interval.

    Raises
    ------
    ValueError
        If there is no estimate.
    """
    if not estimates:
        raise ValueError("there is no estimate; expected one a training")
    values = np.array([estimate.value for estimate in estimates])
    images = float(np.mean([estimate.error**2 for estimate in estimates]))
    freedom = [(images, min(estimate.n for estimate in estimates) - 1)]
    if len(values) > 1:
        freedom.append((float(values.var(ddof=1)) / len(values), len(values) - 1))
    variance = sum(part for part, _ in freedom)
    middle = float(values.mean())
    if not variance > 0:  # NaN where an image alone was measured
        return Interval(middle, *(2 * [middle if variance == 0 else np.nan]))
    degrees = variance**2 / sum(part**2 / count for part, count in freedom if part > 0)
    half = float(stats.t.ppf((1 + level) / 2, degrees)) * variance**0.5
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
