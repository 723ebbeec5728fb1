"""Tables of verdicts and of ranks: frames in, HTML out."""

import pandas as pd

from helpers.report import registration, render, theme, verdicts

FIELD_WORDS = {  # each test's name in the field's own words
    "decision": "sensitivity to the decision",
    "corruption": "robustness",
    "insertion and deletion": "faithfulness",
    "localisation": "localisation",
    "keeping": "sufficiency",
    "randomisation": "sensitivity to parameters",
    # in the order over networks
    "stability": "robustness",
    "removal": "faithfulness",
    "localization": "localization",
    "sufficiency": "sufficiency",
    "randomization": "sensitivity to parameters",
}


def verdict_table(judged: pd.DataFrame) -> theme.Html:
    """Claims beside what we measured, one row per claim and kind of material.

    The built page sets the materials side by side (`helpers.report.site.tables`).

    `judged` is a frame as `claims.judge` gives it. A verdict is a word and a mark, never a color
    alone.
    """
    rows = [
        {
            "key": getattr(row, "key", ""),
            "kind": getattr(row, "kind", ""),
            "says": row.says,
            "notes": notes(row),
            "verdict": row.verdict,
            "why": getattr(row, "why", "") or getattr(row, "why_not_run", ""),
            "reported": reported(row),
            "ours": ("", "") if pd.isna(row.reported) else ours(row),
            "n": row.n,
            "unit": row.unit,
            "arm": "–" if pd.isna(row.arm) else row.arm,
            "where": row.where,
        }
        for row in judged.itertuples()
    ]
    return render.html("verdict_table", rows=rows, marks=theme.MARKS)


def rank_table(places: pd.DataFrame, overall: pd.Series | None = None) -> theme.Html:
    """Methods by tests: the deciding value and its place, both with intervals; its heads sort.

    An arrow says whether higher or lower values are better. The test's name in the field's words
    stands below it.

    Parameters
    ----------
    places
        The deciding rows of one network, as `standings.with_places` gives them.
    overall
        Each method's mean standing, best first; the rows then stand in its order.
    """
    tests = places.drop_duplicates("test")
    observations = places[places.n > 0].groupby("test").n.agg(["min", "max"])
    rows = []
    for (method, kind), cells in places.groupby(["method", "kind"], sort=False):
        by_test = {row.test: _ranked(row) for row in cells.itertuples()}
        in_order = [by_test.get(test) for test in tests.test]
        stands = None if overall is None else overall.get(method)
        rows.append(
            {
                "method": method,
                "kind": kind,
                "cells": in_order,
                "overall": None if stands is None or pd.isna(stands) else stands,
                "is_best": overall is not None and method == overall.index[0],
            }
        )
    if overall is not None:
        rows.sort(key=lambda row: -(-1 if row["overall"] is None else row["overall"]))
    heads = [_test_head(row, observations) for row in tests.itertuples()]
    return render.html("rank_table", tests=heads, rows=rows, has_overall=overall is not None)


def notes(row) -> list[str]:
    """What a reader must know of a row: whose measure it is, what it repeats, what was amended."""
    told = []
    if getattr(row, "measured_by", "").startswith("ours"):
        told.append(f"The measure is ours: {row.measured_by.removeprefix('ours').lstrip(': ')}.")
    if getattr(row, "same_as", ""):
        told.append(f"Shown, not counted: see {row.same_as}.")
    if getattr(row, "readings", ""):
        told.append(f"Left open by the paper: {row.readings}.")
    amended = registration.amendments(getattr(row, "amended", ""))
    return told + [f"Amended {date}: {reason}." for date, reason in amended]


def reported(row) -> tuple[str, str]:
    """What the paper says, a number with its tolerance or an order, in words."""
    if pd.isna(row.reported):  # a conclusion that rests on rows
        return "", ""
    number, bound = theme.number(row.reported), getattr(row, "bound", "")
    if bound == verdicts.BINOMIAL:
        return number, f"of {theme.number(row.rounds)} rounds"
    if bound == verdicts.EQUAL:
        return "equal", f"± {theme.number(row.tolerance)}"
    if bound:
        number = f"{'more' if bound == verdicts.ABOVE else 'less'} than {number}"
    tolerance = f"{'by' if bound else '±'} {theme.number(row.tolerance)}"
    return number, tolerance if row.tolerance > 0 else ""


def ours(row) -> tuple[str, str]:
    """Our number and its interval, in words."""
    return theme.number(row.value), _interval(row)


def _interval(row, write=theme.number) -> str:
    return f"[{write(row.low)}, {write(row.high)}]" if row.low < row.high else ""


def _short(value: float) -> str:
    """A number in a table that is full of them, with three significant digits."""
    return theme.number(value) if abs(value) >= 1000 else f"{value:.3g}"


def _test_head(row, observations: pd.DataFrame) -> dict:
    counts = observations.loc[row.test] if row.test in observations.index else [0]
    n = " to ".join(dict.fromkeys(map(theme.number, counts)))
    words = FIELD_WORDS.get(row.test, "")
    lines = [
        words if words != row.test else "",
        f"{row.measure} {'↑' if row.better == 1 else '↓'}",
        row.paper,
        f"n = {n}",
    ]
    return {"name": row.test, "better": row.better, "lines": [line for line in lines if line]}


def _quarter(row) -> int:
    """The quarter of the methods that a place lies in, 1 to 4; 0 without a place."""
    if pd.isna(row.place) or not hasattr(row, "of"):
        return 0
    return min(4, int(4 * (row.place - 1) / max(row.of, 1)) + 1)


def _ranked(row) -> dict:
    if pd.isna(row.value):
        return {"gap": True, "quarter": 0}
    place = "no rank" if pd.isna(row.place) else f"{row.place:.0f}"
    if row.rank_low < row.rank_high:
        place += f", {row.rank_low:.0f}–{row.rank_high:.0f}"
    return {
        "gap": False,
        "value": _short(row.value),
        "interval": _interval(row, _short),
        "place": place,
        "is_first": row.place == 1,
        "quarter": _quarter(row),
    }
