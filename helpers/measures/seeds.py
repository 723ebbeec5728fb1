"""One estimate with one interval from runs that differ in their seed alone."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.measures.over_networks import half_width

COLUMNS = ["key", "arm", "value", "low", "high", "n", "seeds", "spread"]
LEVEL = 0.95  # of the runs' intervals, and of the pooled one


def pooled_interval(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float], level: float = LEVEL
) -> tuple[float, float, float]:
    """Mean over seeds, with an interval for the mean over all seeds and all images.

    See :func:`helpers.measures.over_networks.half_width`, with the root of the mean of the seeds'
    squared errors, each half its interval over the normal quantile: seeds share their images. Where
    each draws images of its own the interval is wider than it need be.

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
    errors = (table[:, 2] - table[:, 1]) / 2 / stats.norm.ppf((1 + level) / 2)
    half = float(half_width(np.sqrt(np.mean(errors**2)), table[:, 0], level=level))
    value = float(table[:, 0].mean())
    return value, value - half, value + half


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
