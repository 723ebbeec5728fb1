"""Charts of the scorecard and the leaderboard."""

import json
import textwrap

import altair as alt
import pandas as pd

from helpers.report import charts, tables, theme

_LINES = "split(datum.label, '\\n')"  # breaks a label of an axis
BETTER = {1: "higher is better", -1: "lower is better", 0: "neither is better"}
_TOOLTIP = ["method", "kind", "measure", "ours", "rank", "n", "cost"]
_LEAST_SECONDS = 1e-4  # what is faster is drawn there


def claim_chart(table: pd.DataFrame, *, limit: int, description: str) -> alt.LayerChart:
    """Ours minus the papers' numbers on one scale, over a grey bar of what counts as reproduced.

    Parameters
    ----------
    table
        Claims as `scorecard.scorecard_table` gives them, with the columns of `claims.standardized`.
        Rows of the chart are groups of claims; within one, each claim has its own height.
    limit
        Where the scale ends. A claim that was not run stands at its left end. A mark is filled for
        the authors' material, and hollow for independent material.
    description
        What the chart shows, for screen readers.
    """
    unmeasured = -limit - 3
    claims_of_row = table.groupby(["paper", "group"]).key
    frame = pd.DataFrame(
        {
            **table[["paper", "kind", "arm", "verdict", "why", "says", "where", "unit"]],
            **table[["command", "profile"]],
            **table[["x_low", "x_high", "floor", "ceiling"]],
            "row": [_row_label(*row) for row in zip(table.paper, table.group, strict=True)],
            "height": (claims_of_row.cumcount() + 1) / (claims_of_row.transform("size") + 1),
            "x": table.x.fillna(unmeasured),
            "n": table.n.map(theme.number),
            "reported": [" ".join(tables.reported(row)) for row in table.itertuples()],
            "ours": [" ".join(tables.ours(row)) for row in table.itertuples()],
        }
    )
    labels = {unmeasured: ["not", "run"], -limit: f"≤ −{limit}", limit: f"≥ {limit}"}
    label = f"({json.dumps(labels)})[datum.value] || datum.label"
    ticks = [*labels, -1, 1, 0]
    axis = alt.Axis(
        values=ticks,
        tickCount=len(ticks),
        labelExpr=label,
        labelOverlap="greedy",
        orient="top",
        labelPadding=16,  # for a label of two lines
    )
    rows = alt.Axis(labelExpr=_LINES, labelOffset=-6, labelOverlap=False)  # each row has its name
    base = alt.Chart(frame).encode(
        y=alt.Y("row:N", title=None, sort=None, axis=rows),
        yOffset=alt.YOffset("height:Q", scale=alt.Scale(domain=[0, 1])),
        tooltip=[
            *["paper", "says", "where", "arm", alt.Tooltip("reported", title="paper's number")],
            *["ours", "n", "unit", "verdict", "why", alt.Tooltip("profile"), "command"],
        ],
    )
    scale = alt.Scale(domain=[unmeasured - 0.8, limit + 0.8], nice=False)
    title = ["ours minus the paper's,", "in tolerances"]
    allowed = base.mark_rule(color="#d9d9d9", strokeWidth=3).encode(
        x=alt.X("floor:Q", scale=scale, axis=axis, title=title), x2="ceiling:Q"
    )
    color, shape = charts.color_and_shape("verdict", theme.VERDICT_LOOKS)
    colors = [look for look, _ in theme.VERDICT_LOOKS.values()]
    outline = alt.Stroke(
        "verdict:N",
        scale=alt.Scale(domain=list(theme.VERDICT_LOOKS), range=colors),
        legend=alt.Legend(title=None, columns=1, symbolOpacity=1),  # one with that of the color
    )
    judged = base.encode(color=color)
    interval = judged.mark_rule().encode(x="x_low:Q", x2="x_high:Q")
    is_authors = alt.condition(alt.datum.arm == "A", alt.value(0.9), alt.value(0))
    ours = judged.mark_point(filled=True, size=60, strokeWidth=1).encode(
        x="x:Q",
        shape=shape,
        fillOpacity=is_authors,
        stroke=outline,
    )
    chart = alt.layer(allowed, interval, ours, description=description)
    chart = _filter(chart, frame, ["paper", "kind", "verdict", "arm"])
    return _growing(chart, 46)


def leaderboard_chart(places: pd.DataFrame, *, description: str) -> alt.LayerChart:
    """Each method's value with its interval, best first, for one network and measure at a time.

    A broken line marks the best control; a method without a value has a gap.

    Parameters
    ----------
    places
        Rows as `standings.with_places` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = _rows(places).assign(missing=places.value.isna())
    base = alt.Chart(frame).encode(
        y=alt.Y("method:N", title=None, sort=alt.SortField("place")), tooltip=_TOOLTIP
    )
    value = alt.X("value:Q", title="value of the chosen measure", scale=alt.Scale(zero=False))
    color, shape = charts.color_and_shape("kind", theme.KIND_LOOKS)
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
    return _growing(_by_network_and_measure(chart, frame), 20)


def cost_chart(places: pd.DataFrame, *, description: str) -> alt.LayerChart:
    """Each method's value over its seconds (logarithmic), for one network and test at a time.

    A line joins the methods that no faster one surpasses; the best method and control are labeled.

    Parameters
    ----------
    places
        The deciding rows as `standings.with_places` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = _rows(places).assign(front=places.front, seconds=places.seconds.clip(_LEAST_SECONDS))
    frame = frame[frame.value.notna()]
    color, shape = charts.color_and_shape("kind", theme.KIND_LOOKS)
    scale = alt.Scale(type="log", nice=False, padding=45)
    base = alt.Chart(frame).encode(
        x=alt.X("seconds:Q", title="seconds per image", scale=scale), tooltip=_TOOLTIP
    )
    value = alt.Y("value:Q", title="value of the chosen measure", scale=alt.Scale(zero=False))
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
    chart = _by_network_and_measure(chart, frame)
    return chart.properties(width="container", height=theme.HEIGHT + 140)  # its legend is high


def _by_network_and_measure(chart, frame: pd.DataFrame):
    """One measure at a time, and one network where there are several."""
    if frame["network"].nunique() > 1:
        chart = charts.select_by(chart, frame, "network")
    return charts.select_by(chart, frame, "measure")


def _row_label(paper: str, group: str) -> str:
    """A row's label for a narrow page: the first author and the group, in short lines."""
    return "\n".join(textwrap.wrap(f"{paper.split()[0]}: {group}", 22, break_on_hyphens=False))


def _rows(places: pd.DataFrame) -> pd.DataFrame:
    """What the charts of the matrix draw of each row, and its tooltip in words."""
    rows = list(places.itertuples())
    controls = places.place.where(places.kind == "control")
    best = controls.groupby([places.network, places.test, places.measure]).transform("min")
    return pd.DataFrame(
        {
            "control": controls == best,  # the best one
            **places[["network", "method", "kind", "value", "low", "high", "seconds", "cost"]],
            "measure": [f"{row.test}: {row.measure}, {BETTER[row.better]}" for row in rows],
            "place": places.place.fillna(places.of + 1),
            "rank": [f"{theme.number(row.place)} of {row.of}" for row in rows],
            "ours": [" ".join(tables.ours(row)) for row in rows],
            "n": places.n.map(theme.number),
        }
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
