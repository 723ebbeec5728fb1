"""The page that ranks all methods in all tests: the matrix in, Markdown out."""

import math
from pathlib import Path

import pandas as pd

from helpers.measures import standings
from helpers.report import order, page_charts, render, tables, theme
from helpers.report.chapters import ranking
from helpers.store import paths, reading

CHAPTER = "cross_examination"
_COLUMNS = [
    "network", "test", "paper", "measure", "method", "kind", "value", "low", "high", "n", "better",
    "decides", "rank_low", "rank_high", "gap",
]  # fmt: skip


def matrix(folder: Path = paths.RESULTS) -> pd.DataFrame | None:
    """All methods in all tests, one row per network, method and measure; None before the first run.

    Columns: ``network``; ``test``; ``paper`` (whose test it is, or nothing); ``measure`` (with its
    unit); ``method``; ``kind`` (one of `theme.KIND_LOOKS`); ``value`` with its 95 % interval
    ``low``, ``high``; ``n`` (observations); ``better`` (1: more is better, -1: less, 0: neither);
    ``decides`` (the one measure of a test that ranks); ``rank_low``, ``rank_high`` (95 % interval
    of its rank); ``gap`` (why there is no value, or nothing).

    Raises
    ------
    ValueError
        If a column is missing, a kind is unknown, or a test has not one deciding measure that says
        what is better (the test ``cost`` needs none), or `decides` is neither true nor false.
    """
    file = folder / f"{CHAPTER}-matrix.csv"
    if not file.exists():
        return None
    table = reading.table(file, _COLUMNS)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"{file.name} lacks the column {missing[0]!r}; it needs {_COLUMNS}")
    unknown = sorted(set(table.kind) - set(theme.KIND_LOOKS))
    if unknown:
        raise ValueError(f"{file.name} has the kind {unknown[0]!r}, not in {[*theme.KIND_LOOKS]}")
    if table.decides.dtype != bool:
        raise reading.Damaged(
            f"{reading.shown(file)}: decides is neither True nor False in a row; "
            f"{reading.mend(file)}"
        )
    for test, rows in table[table.test != standings.COST].groupby("test"):
        deciding = rows[rows.decides]
        if deciding.measure.nunique() != 1 or (deciding.better == 0).any():
            raise ValueError(
                f"{file.name}: {deciding.measure.nunique()} measures decide the test {test!r}; "
                "expected one, with better 1 or -1"
            )
    return table.assign(**{name: table[name].fillna("") for name in ("paper", "gap")})


def with_cost_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``cost``: all that one map of a row's method costs, in words."""
    costs = table[table.test == standings.COST].set_index(["network", "method"])
    words = costs.measure + ": " + costs.value.map(theme.number)
    words = words.groupby(level=[0, 1]).agg("; ".join).rename("cost")
    return table.join(words, on=["network", "method"])


def overall(places: pd.DataFrame) -> pd.Series:
    """Mean standing of each method over the tests, 1 if it is first in all and 0 if last in all.

    `places` holds the deciding rows of one network without costs, as `standings.with_places` gives
    them. A test in which a method has no place does not count for it.
    """
    standing = (places.of - places.place) / (places.of - 1).clip(lower=1)
    return standing.groupby(places.method, sort=False).mean().sort_values(ascending=False)


def controls_that_win(places: pd.DataFrame) -> list[dict]:
    """The tests that a control wins or ranks in the upper half of, with those controls.

    Takes the deciding rows of one network as `standings.with_places` gives them. Such a test is
    itself on trial: a control knows nothing of the network's decision.
    """
    controls = standings.controls_in_upper_half(places)
    return [
        {
            "name": test,
            "measure": high.measure.iloc[0],
            "is_won": high.place.min() == 1,
            "controls": [
                f"{row.method} ({row.place:.0f} of {row.of})" for row in high.itertuples()
            ],
        }
        for test in places.test.unique()
        if not (high := controls[controls.test == test]).empty
    ]


def order_section(standing: pd.DataFrame | None, card: dict) -> str:
    """Chart the order over networks and write its table; nothing before its first run."""
    if standing is None:
        return ""
    whole = standing[standing.among == order.EVERY]
    asked = standing[standing.among == order.ASKED]
    places = standings.with_places(order.as_matrix(whole))
    shown = places[places.decides]
    return render.markdown(
        "order",
        profile=card.get("profile", "unknown"),
        command=card.get("command", f"python -m helpers.run {order.CHAPTER}"),
        networks=card.get("parameters", {}).get("networks", "").split(),
        images=int(whole.images.max()),
        tests=shown.test.nunique(),
        chart=theme.on_page(ranking.order_chart(_in_order(whole))),
        table=tables.rank_table(shown.assign(low=math.nan, high=math.nan), order.overall(whole)),
        budgets=theme.on_page(ranking.budget_chart(_in_order(asked))) if len(asked) else "",
        asked=int(asked.images.max()) if len(asked) else 0,
    )


def _in_order(standing: pd.DataFrame) -> pd.DataFrame:
    """The rows of all tests together, the best method first."""
    whole = standing[standing.test == order.ALL]
    return whole.sort_values("standing", ascending=False, kind="stable", ignore_index=True)


def leaderboard_page(table: pd.DataFrame | None, card: dict) -> str:
    """Chart the matrix, then write for each network what controls reach, a table and the gaps."""
    if table is None:
        return render.markdown("not_run", chapter=CHAPTER)
    places = standings.with_places(with_cost_in_words(table))
    deciding = places[places.decides & (places.test != standings.COST)]
    all_measures = page_charts.leaderboard_chart(
        places.sort_values("decides", ascending=False, kind="stable"),
        description="each method's value in the chosen measure, the best one on top",
    )
    value_by_cost = page_charts.cost_chart(
        deciding, description="each method's value in the chosen test against its seconds per image"
    )
    return render.markdown(
        "leaderboard",
        profile=card.get("profile", "unknown"),
        command=card.get("command", f"python -m helpers.run {CHAPTER}"),
        all_measures=theme.on_page(all_measures),
        value_by_cost=theme.on_page(value_by_cost),
        networks=[
            _network(name, rows, table[table.network == name])
            for name, rows in deciding.groupby("network", sort=False)
        ],
    )


def _network(name: str, places: pd.DataFrame, table: pd.DataFrame) -> dict:
    won = controls_that_win(places)
    fronts = [
        {
            "name": test,
            "methods": [
                f"{row.method} ({row.seconds:.2g} s)"
                for row in standings.pareto_front(rows).itertuples()
            ],
        }
        for test, rows in places.groupby("test", sort=False)
    ]
    gaps = table[table.gap != ""].drop_duplicates(["method", "test", "gap"])
    return {
        "name": name,
        "won": won,
        "without_control": [
            test for test in places.test.unique() if test not in {row["name"] for row in won}
        ],
        "table": tables.rank_table(places, overall(places)),
        "fronts": fronts,
        "gaps": [
            {"method": row.method, "test": row.test, "error": " ".join(row.gap.split())}
            for row in gaps.itertuples()
        ],
    }
