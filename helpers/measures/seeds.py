"""One estimate with one interval from runs that differ in their seed alone."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

COLUMNS = ["key", "arm", "value", "low", "high", "n", "seeds", "spread"]
LEVEL = 0.95  # of the runs' intervals, and of the pooled one


def pooled_interval(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float], level: float = LEVEL
) -> tuple[float, float, float]:
    r"""Mean over seeds, with an interval for the mean over all seeds and all images.

    .. math::
        \bar Q = \frac1M \sum_m Q_m, \quad
        W = \frac1M \sum_m \Bigl(\frac{h_m - l_m}{2z}\Bigr)^2, \quad
        B = \frac{1}{M-1} \sum_m (Q_m - \bar Q)^2

    .. math::
        T = W + \frac{B}{M}, \qquad
        \nu = (M-1)\Bigl(1 + \frac{W}{B/M}\Bigr)^2, \qquad
        \bar Q \pm t_{\nu}\sqrt{T}

    W is the variance within a seed (its images), B that between seeds; Q_m, l_m and h_m are a
    seed's estimate and the ends of its interval, z and t the quantiles of the normal distribution
    and of Student's t. W is not divided by M, as the seeds share their images; where each seed
    draws images of its own the interval is wider than it need be. The degrees of freedom are
    Satterthwaite's (1946), those of W taken as infinite: without spread between seeds the interval
    is one seed's, without spread within them it is Student's.

    Parameters
    ----------
    values, lows, highs
        Of each seed, (M,); those with a value of NaN (no observation) are left out.
    level
        Of the given intervals and of the pooled one.

    Returns
    -------
    tuple
        Value, low, high; one seed's own where there is one, NaN where there is none. Ends are NaN
        if a seed has a value without an interval.

    Raises
    ------
    ValueError
        If the three are not equally long.
    """
    table = np.array([*zip(values, lows, highs, strict=True)], dtype=float).reshape(-1, 3)
    table = table[~np.isnan(table[:, 0])]
    if len(table) == 0:
        return np.nan, np.nan, np.nan
    if len(table) == 1:
        value, low, high = table[0].tolist()
        return value, low, high
    estimates, half = table[:, 0], (table[:, 2] - table[:, 1]) / 2
    within = float(np.mean((half / stats.norm.ppf((1 + level) / 2)) ** 2))
    between = float(np.var(estimates, ddof=1)) / len(table)
    value = float(estimates.mean())
    freedom = (len(table) - 1) * (1 + within / between) ** 2 if between else np.inf
    reach = float(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(within + between))
    return value, value - reach, value + reach


def pooled(tables: Sequence[pd.DataFrame], level: float = LEVEL) -> pd.DataFrame:
    """Results of seeds as one table, a row a claim and arm.

    Parameters
    ----------
    tables
        One a seed: columns key, arm, value, low, high, n.

    Returns
    -------
    pandas.DataFrame
        See :data:`COLUMNS`, in the first table's order. `n` is the smallest of the seeds that have
        an observation, `seeds` their number, `spread` their standard deviation (NaN of one).
    """
    rows = pd.concat(tables)
    return pd.DataFrame(
        [
            dict(zip(COLUMNS, (key, arm, *_summary(group, level)), strict=True))
            for (key, arm), group in rows.groupby(["key", "arm"], sort=False)
        ],
        columns=COLUMNS,
    )


def _summary(group: pd.DataFrame, level: float) -> tuple:
    seen = group[group.value.notna()]
    interval = pooled_interval(group.value, group.low, group.high, level)
    count = int(seen.n.min()) if len(seen) else 0
    return *interval, count, len(seen), float(seen.value.std())
