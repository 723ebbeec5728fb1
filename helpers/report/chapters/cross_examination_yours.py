"""A user's methods among the others: a table."""

from collections.abc import Sequence

import pandas as pd

from helpers.report import theme
from helpers.report.chapters.cross_examination import interval


def among_others(places: pd.DataFrame, yours: Sequence[str]) -> pd.DataFrame:
    """A user's methods in each test: value, the best control, the best method, and who is before.

    Parameters
    ----------
    places
        The deciding rows, as `standings.with_places` gives them.
    yours
        Names of the user's methods.

    Returns
    -------
    pandas.DataFrame
        Indexed by test and method: measure, value, 95 % interval, n, best control, best method,
        rank ("3 of 25"), or why there is no value.
    """
    columns = ["measure", "value", "95 % interval", "n", "best control", "best method", "rank"]
    rows = {
        (test, own.method): _among(own, group)
        for test, group in places.groupby("test", sort=False)
        for own in group[group.method.isin(yours)].itertuples()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    if rows:
        table.index = pd.MultiIndex.from_tuples(rows, names=["test", "method"])
    return table


def _among(own, group: pd.DataFrame) -> list[object]:
    if pd.isna(own.value):
        return [own.measure, f"gap: {own.gap}", "", 0, "", "", ""]
    others = group[group.value.notna() & (group.method != own.method)]
    best, control = _best(others), _best(others[others.kind == "control"])
    limits = interval((own.value, own.low, own.high)).partition(" ")[2]
    rank = f"{own.place:.0f} of {own.of:.0f}"
    return [own.measure, theme.number(own.value), limits, int(own.n), control, best, rank]


def _best(rows: pd.DataFrame) -> str:
    """The best of deciding rows with its value: "LIME (0.5)"; empty without rows."""
    if rows.empty:
        return ""
    first = rows.loc[(rows.better * rows.value).idxmax()]
    return f"{first.method} ({theme.number(first.value)})"
