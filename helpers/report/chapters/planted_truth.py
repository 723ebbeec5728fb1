"""Sentences and charts of the tests on trial: functions of numbers and frames."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from helpers.report import tallies

KINDS = ("knows nothing of the network", "right in part")  # of maps, in the charts' order
AREA = alt.Scale(scheme="blueorange", domain=[0, 1], domainMid=0.5, reverse=True)


def sanity(accuracies: Mapping[str, float], chance: float) -> str:
    """How often (0 to 1) the network gives the class of the stronger mark, by what was changed."""
    told = ", ".join(f"{what} {100 * share:.1f} %" for what, share in accuracies.items())
    return (
        "The network gives the class of the mark that is strong by design, on images that it did "
        f"not learn from: {told}. By chance it would be right in {100 * chance:.0f} %."
    )


def area_chart(table: pd.DataFrame, description: str) -> alt.LayerChart:
    """Areas under the ROC curve: tests by the map that the oracle stands against.

    `table` has the columns test, against, kind, area, low, high and n, one row per field.
    """
    maps = [name for kind in KINDS for name in table[table.kind == kind].against.unique()]
    frame = table.assign(**table[["area", "low", "high"]].round(3))
    base = alt.Chart(frame, description=description).encode(
        x=alt.X(
            "against:N", title="the oracle against", sort=maps,
            axis=alt.Axis(labelAngle=-50, labelLimit=190),
        ),
        y=alt.Y("test:N", title="test", sort=None),
    )  # fmt: skip
    color = alt.Color("area:Q", title="area under the ROC curve", scale=AREA)
    tooltip = ["test", "measure", "against", "kind", "area", "low", "high", "n"]
    return (
        alt.layer(
            base.mark_rect().encode(color=color, tooltip=tooltip),
            base.mark_text(fontSize=11).encode(
                text=alt.Text("area:Q", format=".2f"),
                color=alt.condition(
                    alt.expr.abs(alt.datum.area - 0.5) > 0.35,
                    alt.value("white"),
                    alt.value("black"),
                ),
            ),
        )
        .properties(width="container", height=alt.Step(26))
        .configure_axis(grid=False, labelOverlap=False)
    )


def roc_chart(curves: Mapping[str, np.ndarray], description: str) -> alt.LayerChart:
    """Curves (T, 2) of false and true positive rates by test, beside the line of a coin."""
    frame = pd.DataFrame(
        [
            {"test": test, "false positives": round(x, 4), "true positives": round(y, 4)}
            for test, curve in curves.items()
            for x, y in curve
        ]
    )
    base = alt.Chart(frame, description=description).encode(
        x=alt.X("false positives:Q", title="wrong maps called right (share)"),
        y=alt.Y("true positives:Q", title="right maps called right (share)"),
        color=alt.Color("test:N", title="test", sort=None, legend=alt.Legend(columns=2)),
    )
    coin = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]})).mark_line(
        color="#767676", strokeDash=[4, 4], strokeWidth=1
    )
    return alt.layer(
        coin.encode(x="x:Q", y="y:Q"), base.mark_line(interpolate="step-after")
    ).properties(width="container", height=320)


def passing(passes: Mapping[str, bool], table: pd.DataFrame) -> str:
    """Which tests tell the oracle from every map that knows nothing, and what defeats others."""
    good = [test for test, told in passes.items() if told]
    bad = [test for test, told in passes.items() if not told]
    text = f"**{len(good)} of {len(passes)}** tests tell the oracle from every such map"
    text += f": {', '.join(good)}." if good else "."
    for test in bad:
        rows = table[(table.test == test) & table.decides & (table.kind == KINDS[0])]
        lost = rows[rows.low <= 0.5].sort_values("area")
        told = ", ".join(f"{row.against} ({row.area:.2f})" for row in lost.itertuples())
        text += f" *{test}* does not: {told}."
    return text


def in_part(table: pd.DataFrame) -> str:
    """Which tests cannot tell the oracle from maps that are right in part."""
    rows = table[table.decides & (table.kind == KINDS[1])]
    if rows.empty:
        return "No test has been run on maps that are right in part."
    parts = []
    for name, each in rows.groupby("against", sort=False):
        blind = each[each.low <= 0.5].test.tolist()
        told = f"not by {', '.join(blind)}" if blind else "by every test"
        parts.append(f"*{name}* {told}")
    return f"Maps that are right in part are told from the oracle: {'; '.join(parts)}."


def truth_table(found: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Rank correlation (value, low, high) of each test's order of methods with the true one."""
    rows = [(test, *(round(number, 2) for number in values)) for test, values in found.items()]
    columns = ["test", "rank correlation with the truth", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("test")


def best_methods(places: pd.DataFrame, controls: Sequence[str], count: int = 5) -> str:
    """The methods that find the mark best, and whether any stands below the best control.

    `places` has the columns method and value (IoU), one row per method.
    """
    ranked = places.dropna(subset=["value"]).sort_values("value", ascending=False, kind="stable")
    first = ", ".join(f"{row.method} ({row.value:.2f})" for row in ranked[:count].itertuples())
    text = f"The mark is found best by {first}."
    known = ranked[ranked.method.isin(controls)]
    if known.empty:
        return text
    best = known.iloc[0]
    below = ranked[(ranked.value <= best.value) & ~ranked.method.isin(controls)].method
    told = f"; {', '.join(below)} do no better" if len(below) else ", and every method does better"
    return f"{text} The best map without the network is {best.method} ({best.value:.2f}){told}."


def verdict(judged: pd.DataFrame) -> list[str]:
    """The verdict of the chapter, sentence by sentence."""
    counts = judged[judged.kind != "conclusion"].groupby("group", sort=False).verdict
    return [
        tallies.sentence(judged),
        *(f"*{group}*: {tallies.in_words(found)}." for group, found in counts),
    ]
