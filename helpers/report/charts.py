"""Charts of the chapters: arrays and frames in, charts out."""

import altair as alt
import numpy as np
import pandas as pd

from helpers.report import theme


def histogram(
    bins: pd.DataFrame,
    *,
    value: str,
    count: str,
    description: str,
    color: str | None = None,
    select: str = "rule",
    log: bool = False,
) -> alt.Chart:
    """Bars over bins counted beforehand, one choice of `select` at a time.

    Parameters
    ----------
    bins
        One row per bin: columns `select`, ``left`` and ``right`` (the bin's edges), ``count``, and
        `color` where the bars of several groups lie over each other.
    value, count
        What the two axes show, in lower case and with the unit.
    description
        What the chart shows, for screen readers.
    log
        Draw counts on a logarithmic axis; empty bins are left out.
    """
    if log:
        bins = bins[bins["count"] > 0]
    scale = alt.Scale(type="symlog" if log else "linear")
    axis = alt.Axis(values=[0, *10 ** np.arange(10)], format="~s") if log else alt.Axis()
    bars = alt.Chart(bins, description=description).mark_bar(opacity=0.6, binSpacing=0)
    bars = bars.encode(
        x=alt.X("left:Q", bin="binned", title=value),
        x2="right:Q",
        y=alt.Y("count:Q", title=count, scale=scale, axis=axis, stack=None),
        tooltip=[*([color] if color else []), "left:Q", "right:Q", "count:Q"],
    )
    if color:
        bars = bars.encode(color=alt.Color(f"{color}:N", title=None))
    return select_by(bars, bins, select).properties(width="container", height=theme.HEIGHT)


def quantile_chart(
    judged: pd.DataFrame,
    *,
    value: str,
    description: str,
    color: str = "images",
    select: str = "rule",
) -> alt.LayerChart:
    """How far our quantiles (dots with intervals) lie from the paper's (0, a bar of the tolerance).

    Parameters
    ----------
    judged
        One row per quantile: ``quantile`` (its level), ``reported``, ``tolerance``, ``value``,
        ``low``, ``high`` and ``verdict`` as `claims.judge` gives them, `select` and `color`.
    value
        What is measured, in lower case and with the unit.
    description
        What the chart shows, for screen readers.
    """
    frame = judged.assign(
        floor=-judged.tolerance,
        difference=judged.value - judged.reported,
        difference_low=judged.low - judged.reported,
        difference_high=judged.high - judged.reported,
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("quantile:O", title="quantile (share below)"),
        yOffset=alt.YOffset(f"{color}:N"),
        tooltip=[
            select,
            color,
            "quantile",
            "reported",
            "tolerance",
            "value",
            "low",
            "high",
            "verdict",
        ],
    )
    paper = base.mark_bar(color="#d9d9d9", height=9).encode(
        x=alt.X("floor:Q", title=f"ours minus the paper's, {value}"), x2="tolerance:Q"
    )
    groups = base.encode(color=alt.Color(f"{color}:N", title=None))
    interval = groups.mark_rule(strokeWidth=1.5).encode(
        x="difference_low:Q", x2="difference_high:Q"
    )
    ours = groups.mark_point(filled=True, size=40, opacity=1).encode(x="difference:Q")
    chart = alt.layer(paper, interval, ours, description=description)
    rows = frame["quantile"].nunique()
    return select_by(chart, frame, select).properties(width="container", height=max(200, 34 * rows))


def curve(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    low: str,
    high: str,
    color: str,
    x_title: str,
    y_title: str,
    description: str,
    select: str | None = None,
    log: bool = False,
) -> alt.LayerChart:
    """Lines over a measured quantity with the interval [low, high] as a band, a color a group.

    Parameters
    ----------
    frame
        One row per point; `x`, `y`, `low`, `high` and `color` name its columns.
    x_title, y_title
        What the axes show, in lower case and with the unit.
    description
        What the chart shows, for screen readers.
    select
        A column of which one value is shown at a time, chosen from a list.
    log
        Whether the horizontal axis is logarithmic.
    """
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    base = alt.Chart(frame).encode(
        x=alt.X(f"{x}:Q", title=x_title, scale=scale),
        color=alt.Color(f"{color}:N", title=None, sort=None, legend=alt.Legend(symbolOpacity=1)),
        tooltip=[color, x, y, low, high],
    )
    band = base.mark_area(opacity=0.2).encode(y=alt.Y(f"{low}:Q", title=y_title), y2=f"{high}:Q")
    line = base.mark_line(point=True).encode(y=f"{y}:Q")
    chart = alt.layer(band, line, description=description)
    chart = select_by(chart, frame, select) if select else chart
    return chart.properties(width="container", height=theme.HEIGHT)


def select_by(chart, frame: pd.DataFrame, column: str):
    """Show one of the column's values at a time, chosen from a list above the chart."""
    options = list(dict.fromkeys(frame[column]))
    box = alt.binding_select(options=options, name=f"{column} ")
    chosen = alt.selection_point(fields=[column], bind=box, value=options[0])
    return chart.add_params(chosen).transform_filter(chosen)


def color_and_shape(column: str, looks: dict[str, tuple[str, str]]) -> tuple[alt.Color, alt.Shape]:
    """Encode a column by color and shape at once, under one legend for both.

    `looks` gives each value's color and shape, as `theme.KIND_LOOKS` and `theme.VERDICT_LOOKS` do.
    """
    legend = alt.Legend(title=None, columns=1, symbolOpacity=1)  # a legend is as wide as it must
    colors, shapes = (
        alt.Scale(domain=list(looks), range=list(look))
        for look in zip(*looks.values(), strict=True)
    )
    return (
        alt.Color(f"{column}:N", scale=colors, legend=legend),
        alt.Shape(f"{column}:N", scale=shapes, legend=legend),
    )
