"""Charts of the scorecard and the leaderboard."""

import json
import textwrap

import altair as alt
import pandas as pd

from helpers.report import charts, tables, theme

_LINES = "split(datum.label, '\\n')"  # breaks a label of an axis
BETTER = {1: "higher is better", -1: "lower is better", 0: "neither is better"}
_TOLD = ["method", "kind", "measure", "ours", "rank", "n", "cost"]  # on pointing at a mark
_FASTEST = 1e-4  # seconds; what is faster is drawn there


def claim_chart(table: pd.DataFrame, *, limit: int, description: str) -> alt.LayerChart:
    """Ours minus the papers' numbers on one scale, over a grey bar of what counts as reproduced.

    Parameters
    ----------
    table
        Claims as `scorecard.scorecard_table` gives them, with the columns of `claims.standardized`.
        Rows of the chart are groups of claims; within one, each claim has its own height.
    limit
        Where the scale ends. A claim that was not run stands at its left end.
    description
        What the chart shows, for screen readers.
    """
    unmeasured = -limit - 3
    places = table.groupby(["paper", "group"]).key
    frame = pd.DataFrame(
        {
            **table[["paper", "arm", "verdict", "says", "where", "unit", "command", "profile"]],
            **table[["x_low", "x_high", "floor", "ceiling"]],
            "row": [_row_label(*row) for row in zip(table.paper, table.group, strict=True)],
            "place": (places.cumcount() + 1) / (places.transform("size") + 1),
            "x": table.x.fillna(unmeasured),
            "n": table.n.map(theme.number),
            "reported": [" ".join(tables.reported(row)) for row in table.itertuples()],
            "ours": [" ".join(tables.ours(row)) for row in table.itertuples()],
        }
    )
    ends = {unmeasured: ["not", "run"], -limit: f"≤ −{limit}", limit: f"≥ {limit}"}
    named = f"({json.dumps(ends)})[datum.value] || datum.label"
    ticks = [*ends, -1, 1, 0]
    axis = alt.Axis(values=ticks, tickCount=len(ticks), labelExpr=named, labelOverlap="greedy")
    base = alt.Chart(frame).encode(
        y=alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelExpr=_LINES, labelOffset=-6)),
        yOffset=alt.YOffset("place:Q", scale=alt.Scale(domain=[0, 1])),
        tooltip=[
            *["paper", "says", "where", "arm", alt.Tooltip("reported", title="paper's number")],
            *["ours", "n", "unit", "verdict", alt.Tooltip("profile"), "command"],
        ],
    )
    scale = alt.Scale(domain=[unmeasured - 0.8, limit + 0.8], nice=False)
    title = ["ours minus the paper's,", "in tolerances"]
    allowed = base.mark_rule(color="#d9d9d9", strokeWidth=3).encode(
        x=alt.X("floor:Q", scale=scale, axis=axis, title=title), x2="ceiling:Q"
    )
    color, shape = _looks("verdict", theme.VERDICT_LOOKS)
    judged = base.encode(color=color)
    interval = judged.mark_rule().encode(x="x_low:Q", x2="x_high:Q")
    ours = judged.mark_point(filled=True, size=45, opacity=0.9).encode(x="x:Q", shape=shape)
    chart = alt.layer(allowed, interval, ours, description=description)
    chart = _filter(chart, frame, ["paper", "verdict", "arm"])
    return _growing(chart, 40)


def leaderboard_chart(ranked: pd.DataFrame, *, description: str) -> alt.LayerChart:
    """Each method's value with its interval, best first, for one network and measure at a time.

    A broken line marks the best control; a method without a value is named with a gap.

    Parameters
    ----------
    ranked
        Rows as `standings.with_places` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = told(ranked).assign(missing=ranked.value.isna())
    base = alt.Chart(frame).encode(
        y=alt.Y("method:N", title=None, sort=alt.SortField("place")), tooltip=_TOLD
    )
    value = alt.X("value:Q", title="value, in the list's unit", scale=alt.Scale(zero=False))
    color, shape = _looks("kind", theme.KIND_LOOKS)
    bar = alt.Chart(frame).mark_rule(strokeDash=[4, 4]).encode(x=value)
    interval = base.mark_rule().encode(x=alt.X("low:Q"), x2="high:Q", color=color)
    point = base.mark_point(filled=True, size=70, opacity=1)
    point = point.encode(x=value, color=color, shape=shape)
    gap = base.mark_text(text="gap", align="left").encode(x=alt.value(4))
    chart = alt.layer(
        bar.transform_filter("datum.control"),
        interval.transform_filter("!datum.missing"),
        point.transform_filter("!datum.missing"),
        gap.transform_filter("datum.missing"),
        description=description,
    )
    return _growing(
        charts.select_by(charts.select_by(chart, frame, "network"), frame, "measure"), 20
    )


def cost_chart(ranked: pd.DataFrame, *, description: str) -> alt.LayerChart:
    """Each method's value over its seconds (logarithmic), for one network and test at a time.

    A line joins the methods that no faster one surpasses; the best method and control are named.

    Parameters
    ----------
    ranked
        The deciding rows as `standings.with_places` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = told(ranked).assign(front=ranked.front, seconds=ranked.seconds.clip(_FASTEST))
    frame = frame[frame.value.notna()]
    color, shape = _looks("kind", theme.KIND_LOOKS)
    scale = alt.Scale(type="log", nice=False, padding=45)
    base = alt.Chart(frame).encode(
        x=alt.X("seconds:Q", title="seconds an image", scale=scale), tooltip=_TOLD
    )
    value = alt.Y("value:Q", title="value, in the list's unit", scale=alt.Scale(zero=False))
    steps = base.mark_line(interpolate="step-after", color="#767676", strokeDash=[2, 2])
    interval = base.mark_rule().encode(y=alt.Y("low:Q"), y2="high:Q", color=color)
    point = base.mark_point(filled=True, size=70, opacity=1)
    name = base.mark_text(dy=-14, fontSize=12).encode(y=value, text="method:N")
    chart = alt.layer(
        steps.encode(y=value).transform_filter("datum.front"),
        interval,
        point.encode(y=value, color=color, shape=shape),
        name.transform_filter("datum.place == 1 || datum.control"),
        description=description,
    )
    chart = charts.select_by(charts.select_by(chart, frame, "network"), frame, "measure")
    return chart.properties(width="container", height=theme.HEIGHT + 140)  # its legend is high


def _row_label(paper: str, group: str) -> str:
    """A row's label for a narrow page: the first author and the group, in short lines."""
    return "\n".join(textwrap.wrap(f"{paper.split()[0]}: {group}", 24, break_on_hyphens=False))


def told(ranked: pd.DataFrame) -> pd.DataFrame:
    """What the matrix's charts draw of each row, and what they tell of it in words."""
    rows = list(ranked.itertuples())
    controls = ranked.place.where(ranked.kind == "control")
    best = controls.groupby([ranked.network, ranked.test, ranked.measure]).transform("min")
    return pd.DataFrame(
        {
            "control": controls == best,  # the best one
            **ranked[["network", "method", "kind", "value", "low", "high", "seconds", "cost"]],
            "measure": [f"{row.test}: {row.measure}, {BETTER[row.better]}" for row in rows],
            "place": ranked.place.fillna(ranked.of + 1),
            "rank": [f"{theme.number(row.place)} of {row.of}" for row in rows],
            "ours": [" ".join(tables.ours(row)) for row in rows],
            "n": ranked.n.map(theme.number),
        }
    )


def _looks(column: str, looks: dict[str, tuple[str, str]]) -> tuple[alt.Color, alt.Shape]:
    """Encode a column by color and shape at once, under one legend for both."""
    legend = alt.Legend(title=None, columns=1, symbolOpacity=1)  # a legend is as wide as it must
    colors, shapes = (
        alt.Scale(domain=list(looks), range=list(look))
        for look in zip(*looks.values(), strict=True)
    )
    return (
        alt.Color(f"{column}:N", scale=colors, legend=legend),
        alt.Shape(f"{column}:N", scale=shapes, legend=legend),
    )


def _growing(chart: alt.LayerChart, step: int) -> alt.LayerChart:
    """As wide as the page, as high as its rows (`step` pixels each) and their legend need."""
    return chart.properties(
        width="container",
        height=alt.Step(step),
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )


def _filter(chart, frame: pd.DataFrame, columns: list[str]):
    """Show the rows that agree with what is chosen from the columns' lists; at first all."""
    for column in reversed(columns):  # a chart lists its last one first
        options = list(dict.fromkeys(frame[column]))
        box = alt.binding_select(
            options=[None, *options], labels=["all", *options], name=f"{column} "
        )
        chosen = alt.selection_point(fields=[column], bind=box)
        chart = chart.add_params(chosen).transform_filter(chosen)
    return chart
