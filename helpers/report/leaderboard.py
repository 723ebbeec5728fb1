"""The page that ranks all methods in all tests: the matrix in, Markdown out."""

import html
from pathlib import Path

import pandas as pd

from helpers.measures import standings
from helpers.report import page_charts, tables, theme
from helpers.store import paths

CHAPTER = "cross_examination"
NOT_RUN = (
    "This page shows the results of a chapter that was not run yet; to run it: "
    f"`python -m helpers.run {CHAPTER} --profile laptop`.\n"
)
_COLUMNS = [
    "network", "test", "paper", "measure", "method", "kind", "value", "low", "high", "n", "better",
    "decides", "rank_low", "rank_high", "gap",
]  # fmt: skip
_EACH = """## Each measure

The best method is on top, the line is the 95 % interval. A cross is a control, the broken line the
best control's value. Point at a mark for the number of observations and for all costs.
"""
_AGAINST_COST = """## Value against cost

The measure that decides each test, over the seconds that one map takes. The broken line joins the
methods that no faster one surpasses. A time below 0.0001 s is drawn at 0.0001 s.
"""
_TOGETHER = """## All tests

↑: higher is better, ↓: lower is better. Behind each value stand its 95 % interval and, in round
brackets, its place with the interval of that; the first is in bold.
"""


def matrix(folder: Path = paths.RESULTS) -> pd.DataFrame | None:
    """All methods in all tests, a row a network, method and measure; None before the first run.

    Columns: ``network``; ``test``; ``paper`` (whose test it is, or nothing); ``measure`` (with its
    unit); ``method``; ``kind`` (one of `theme.KIND_LOOKS`); ``value`` with its 95 % interval
    ``low``, ``high``; ``n`` (observations); ``better`` (1: more is better, -1: less, 0: neither);
    ``decides`` (the one measure of a test that ranks); ``rank_low``, ``rank_high`` (95 % interval
    of its rank); ``gap`` (why there is no value, or nothing).

    Raises
    ------
    ValueError
        If a column is missing, a kind is unknown, or a test has not one deciding measure that says
        what is better (the test ``cost`` needs none).
    """
    file = folder / f"{CHAPTER}-matrix.csv"
    if not file.exists():
        return None
    table = pd.read_csv(file)
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"{file.name} lacks the column {missing[0]!r}; it needs {_COLUMNS}")
    unknown = sorted(set(table.kind) - set(theme.KIND_LOOKS))
    if unknown:
        raise ValueError(f"{file.name} has the kind {unknown[0]!r}, not in {[*theme.KIND_LOOKS]}")
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


def controls_that_win(places: pd.DataFrame) -> str:
    """Say which tests of a network a control wins or does well in, and which none does.

    Takes the deciding rows of one network as `standings.with_places` gives them.
    """
    controls = standings.controls_in_upper_half(places)
    lines = []
    for test in places.test.unique():
        high = controls[controls.test == test]
        if high.empty:
            continue
        names = ", ".join(
            f"{row.method} ({row.place:.0f} of {row.of})" for row in high.itertuples()
        )
        outcome = "A control wins" if high.place.min() == 1 else "A control is in the upper half of"
        lines.append(f"- {outcome} **{test}**, by {high.measure.iloc[0]}: {html.escape(names)}.")
    if lines:
        lines.insert(0, "A test that a control does well in is itself on trial:\n")
        lines.append("")
    others = [test for test in places.test.unique() if test not in set(controls.test)]
    if others:
        lines.append(f"No control reaches the upper half in: {', '.join(others)}.")
    return "\n".join(lines) + "\n"


def leaderboard_page(table: pd.DataFrame | None, card: dict) -> str:
    """Chart the matrix, then write for each network what controls reach, a table and the gaps."""
    if table is None:
        return NOT_RUN
    places = standings.with_places(with_cost_in_words(table))
    deciding = places[places.decides & (places.test != standings.COST)]
    charts = (
        page_charts.leaderboard_chart(
            places.sort_values("decides", ascending=False, kind="stable"),
            description="each method's value in the chosen measure, the best one on top",
        ),
        page_charts.cost_chart(
            deciding,
            description="each method's value in the chosen test against its seconds an image",
        ),
    )
    first, second = (f"```{{raw}} html\n{theme.on_page(chart)}\n```\n" for chart in charts)
    parts = [made_by(card), _EACH, first, _AGAINST_COST, second, _TOGETHER]
    for network, rows in deciding.groupby("network", sort=False):
        shown = [controls_that_win(rows), tables.rank_table(rows), ""]
        gaps = _gaps(table[table.network == network])
        parts += [f"### {network}\n", *shown, gaps, _pareto_front(rows)]
    return "\n".join(parts)


def made_by(card: dict) -> str:
    command = card.get("command", f"python -m helpers.run {CHAPTER}")
    return f"Profile **{card.get('profile', 'unknown')}**; made by `{command}`.\n"


def _pareto_front(places: pd.DataFrame) -> str:
    lines = ["Methods that no faster one surpasses, from the fastest on:\n"]
    for test, rows in places.groupby("test", sort=False):
        front = standings.pareto_front(rows)
        names = (f"{html.escape(row.method)} ({row.seconds:.2g} s)" for row in front.itertuples())
        lines.append(f"- {test}: {', '.join(names)}")
    return "\n".join(lines) + "\n"


def _gaps(rows: pd.DataFrame) -> str:
    said = rows[rows.gap != ""].drop_duplicates(["method", "test", "gap"])
    if said.empty:
        return ""
    items = [
        f"<li>{html.escape(row.method)}, {html.escape(row.test)}: "
        f"<code>{html.escape(' '.join(row.gap.split()))}</code></li>"
        for row in said.itertuples()
    ]
    return "Gaps, with the error that caused each:\n\n<ul>\n" + "\n".join(items) + "\n</ul>\n"
