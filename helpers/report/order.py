"""The order of methods over networks, for the pages that use it: checked when it is read."""

from pathlib import Path

import pandas as pd

from helpers.measures import standings
from helpers.report import theme
from helpers.store import paths, reading

CHAPTER = "ranking"
EVERY, ASKED = "all methods", "black boxes"  # `among`: which methods are compared
ALL = "all tests"
STANDING = "mean standing"  # the measure of each test, as a matrix names it
COLUMNS = [
    "among", "method", "kind", "test", "standing", "low", "high", "passes", "seconds", "images",
    "networks",
]  # fmt: skip


def load(folder: Path = paths.RESULTS) -> pd.DataFrame | None:
    """Standings, a row a method and test; None before the first run.

    Columns: ``among`` (:data:`EVERY` or :data:`ASKED`, where methods have other rivals);
    ``method``; ``kind`` (one of `theme.KIND_LOOKS`); ``test`` (:data:`ALL` for all together);
    ``standing`` (1 first, 0 last, empty: not measured) with its 95 % interval ``low``, ``high``;
    ``passes`` and ``seconds`` of one map; ``images``; ``networks``.

    Raises
    ------
    helpers.store.reading.Damaged
        If a column or a number is missing, a row stands twice, a kind is unknown, or a standing
        lies outside 0 to 1 or its interval.
    """
    file = folder / f"{CHAPTER}-order.csv"
    if not file.exists():
        return None
    table = reading.table(
        file, COLUMNS, key=["among", "method", "test"], numbers=["images", "networks"]
    )
    known = table.dropna(subset=["standing"])
    inside = known.standing.between(known.low, known.high) & known.standing.between(0, 1)
    for wrong, what in (
        (known[~inside], "a standing outside 0 to 1 or its interval"),
        (table[~table.kind.isin(theme.KIND_LOOKS)], "an unknown kind"),
        (table[~table.among.isin([EVERY, ASKED])], "an unknown group of rivals"),
    ):
        if len(wrong):
            raise reading.Damaged(
                f"{reading.shown(file)}: {wrong.method.iloc[0]!r} has {what}; {reading.mend(file)}"
            )
    return table


def as_matrix(order: pd.DataFrame) -> pd.DataFrame:
    """The standings of one group of rivals as rows of a matrix (see `leaderboard.matrix`).

    A test's measure is the mean standing over the networks; rows of what a map costs follow.
    """
    networks = order.networks.astype(str) + " networks"
    fixed = {"network": networks, "paper": "", "decides": True, "gap": ""}
    rows = order[order.test != ALL].rename(columns={"standing": "value", "images": "n"})
    rows = rows.assign(
        measure=STANDING, better=1, rank_low=float("nan"), rank_high=float("nan"), **fixed
    )
    costs = order[order.test == ALL].assign(
        test=standings.COST, measure=standings.SECONDS, better=-1, n=1, **fixed
    )
    costs = costs.assign(value=costs.seconds, low=costs.seconds, high=costs.seconds, decides=False)
    return pd.concat([rows, costs], ignore_index=True).drop(columns="seconds")


def mean_standing(rows: pd.DataFrame) -> pd.Series:
    """The mean standing of each method over the tests of some rows of a matrix, the best first."""
    means = rows.groupby("method", sort=False).value.mean().dropna()
    return means.sort_values(ascending=False, kind="stable")


def overall(order: pd.DataFrame) -> pd.Series:
    """The standing of each method in all tests together, the best first."""
    whole = order[order.test == ALL].set_index("method").standing
    return whole.sort_values(ascending=False, kind="stable")
