"""Paired comparison: originals beside what was made of them, the original being the unit."""

import numpy as np
from scipy import stats


def differences(before: np.ndarray, after: np.ndarray, source: np.ndarray) -> np.ndarray:
    """For each original, the mean of what was made of it less itself: (N, K).

    Parameters
    ----------
    before, after
        Numbers of originals (N, K) and of what was made of them (M, K); NaN is left out.
    source
        The original of each of the M, (M,).
    """
    usable = np.isfinite(after).all(1)
    number = np.bincount(source[usable], minlength=len(before))[:, None]
    columns = [np.bincount(source[usable], column, len(before)) for column in after[usable].T]
    sums = np.stack(columns, axis=1)
    mean = np.divide(sums, number, out=np.full(np.shape(sums), np.nan), where=number > 0)
    return mean - before


def standardized(differences: np.ndarray, before: np.ndarray) -> np.ndarray:
    r"""Differences in units of how originals differ among themselves, (N, K).

    .. math:: d_i / s, \quad s = \text{standard deviation over originals of } before

    The mean is a standardized mean difference; 0.2 is Cohen's (1988) small effect, with which two
    normal distributions overlap by 92 %. Where originals do not differ, it is NaN unless the
    difference is 0.
    """
    spread = np.nanstd(before, axis=0, ddof=1)
    scaled = np.divide(
        differences, spread, out=np.full(np.shape(differences), np.nan), where=spread > 0
    )
    return np.where((spread == 0) & (differences == 0), 0.0, scaled)


def mean_and_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """The mean of independent values (N,), NaN left out, with Student's interval.

    NaN for what cannot be said: all three without a value, the ends with fewer than two.
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        mean = float(values.mean()) if len(values) else np.nan
        return mean, np.nan, np.nan
    mean, error = float(values.mean()), float(stats.sem(values))
    if error == 0:
        return mean, mean, mean
    low, high = stats.t.interval(level, len(values) - 1, loc=mean, scale=error)
    return mean, float(low), float(high)


def ratio_and_interval(
    above: np.ndarray, below: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """How many times as large values (N,) are as others of the same units: the geometric mean.

    Student's interval is that of the logarithms, so that no end is negative, and that turning the
    ratio upside down turns its interval upside down. NaN for what cannot be said, as in
    :func:`mean_and_interval`.

    Raises
    ------
    ValueError
        If a value is not above 0, since a ratio to it says nothing.
    """
    if not (np.all(above > 0) and np.all(below > 0)):
        raise ValueError("a ratio needs values above 0: check what was measured")
    mean, low, high = np.exp(mean_and_interval(np.log(above) - np.log(below), level))
    return float(mean), float(low), float(high)
