"""Pictures, charts and tables: arrays and frames in, figures out.

Nothing here knows a network. Every chart carries a description for screen readers, draws without a
connection, and fits its page down to a phone's width.
"""

import base64
import hashlib
import html
import io
import json
import math
import re
import textwrap

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from altair.vegalite.v6.display import html_renderer
from PIL import Image, ImageDraw, ImageFont

PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#000000"]  # Okabe-Ito
MARKS = {"reproduced": "✓", "not reproduced": "✗", "inconclusive": "?", "not run": "–"}
VERDICT_LOOKS = {  # color and shape in a chart
    "reproduced": ("#0072b2", "circle"),
    "not reproduced": ("#d55e00", "cross"),
    "inconclusive": ("#767676", "diamond"),
    "not run": ("#767676", "M-1,-0.4h2v0.8h-2Z"),  # a dash
}
KIND_LOOKS = {  # kinds of methods: color and shape in a chart
    "gradient": (PALETTE[0], "circle"),
    "relevance": (PALETTE[2], "square"),
    "activation map": (PALETTE[1], "triangle-up"),
    "black box": (PALETTE[3], "triangle-down"),
    "control": (PALETTE[6], "cross"),
    "yours": (PALETTE[5], "diamond"),
}
SCALE_COLORS = np.array(
    [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]]  # blue, white, red
)
SHARE_COLORS = np.array(  # dark blue to yellow, in even steps of lightness
    [[0, 32, 77], [60, 77, 110], [124, 123, 120], [188, 175, 111], [255, 234, 70]]
)
_LINES = "split(datum.label, '\\n')"  # breaks a label of an axis
_BETTER = {1: "higher is better", -1: "lower is better", 0: "neither is better"}
_TOLD = ["method", "kind", "measure", "ours", "rank", "n", "cost"]  # on pointing at a mark
_FASTEST = 1e-4  # seconds; what is faster is drawn there
_HEIGHT = 300  # pixels; of a chart, whose width is the page's
_LEGIBLE_WIDTH = 520  # pixels
_FALLBACK_WIDTH = 560  # pixels; of the still picture for viewers that run no scripts


class Html(str):
    """A text that notebooks and the book show as HTML."""

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:  # a notebook keeps this beside the HTML; the text twice is too much
        return f"HTML, {len(self):,} characters"


# Pillow's own font has no Greek letters
_LATIN = str.maketrans({"α": "a", "β": "b", "ε": "eps"})


def theme() -> None:
    """Give all Altair charts of a notebook one look, and an output that is equal in every run."""
    alt.theme.register("book", enable=True)(_look)
    alt.renderers.register("offline", _render)
    alt.renderers.enable("offline")


def heatmap_grid(
    rows: list[list[np.ndarray]],
    *,
    row_labels: list[str],
    column_labels: list[str],
    vmax: float = 1.0,
    cell: int = 96,
    signed: bool = True,
    captions: list[list[str]] | None = None,
) -> Image.Image:
    """Images and relevance maps side by side, every map on one scale from -vmax (or 0) to vmax.

    Parameters
    ----------
    rows
        An (H, W, 3) array is an image in [0, 1]; an (H, W) array is a map of relevance: signed,
        drawn blue below 0, white at 0 and red above, or else from dark blue at 0 to yellow; what
        lies beyond takes the end's color.
    row_labels, column_labels
        One label a row, one a column.
    captions
        One short text a picture, written below it.
    vmax
        The scale's end, in the map's own unit.
    cell
        Width and height of one picture on the figure, in pixels; pixels are repeated, not smoothed.

    Raises
    ------
    ValueError
        If the labels do not fit the rows, or an array is neither an image in [0, 1] nor a map.
    """
    if len(row_labels) != len(rows) or any(len(row) != len(column_labels) for row in rows):
        raise ValueError(
            f"rows hold {[len(row) for row in rows]} pictures; expected {len(row_labels)} rows "
            f"(one a row label) of {len(column_labels)} (one a column label)"
        )
    row_labels, column_labels = (
        [label.translate(_LATIN) for label in labels] for labels in (row_labels, column_labels)
    )
    gap, font = 6, ImageFont.load_default(size=14)
    line = 16 if captions else 0
    left = gap + math.ceil(max(font.getlength(label) for label in row_labels)) + gap
    step = max(cell, *(math.ceil(font.getlength(label)) for label in column_labels)) + gap
    top, bottom = 24, 46
    size = (
        left + max(step * len(column_labels), 150),
        top + (cell + gap + line) * len(rows) + bottom,
    )
    figure = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(figure)
    for j, label in enumerate(column_labels):
        pen.text((left + j * step + cell // 2, top // 2), label, "black", font, anchor="mm")
    for i, (label, row) in enumerate(zip(row_labels, rows, strict=True)):
        y = top + i * (cell + gap + line)
        pen.text((left - gap, y + cell // 2), label, "black", font, anchor="rm")
        for j, array in enumerate(row):
            picture = Image.fromarray(_pixels(array, vmax, signed))
            figure.paste(
                picture.resize((cell, cell), Image.Resampling.NEAREST), (left + j * step, y)
            )
            if captions:
                place = (left + j * step + cell // 2, y + cell + 2)
                pen.text(place, captions[i][j], "black", font, anchor="ma")
    _draw_scale(figure, (left, size[1] - bottom + gap), vmax, font, signed)
    return figure


def overlaid(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay a map (H, W) over an image (H, W, 3), both in [0, 1]: grey, and colored by the map.

    The color is the one that `heatmap_grid` draws for unsigned maps; the image's own lightness
    shows through. The result is (H, W, 3) in [0, 1].
    """
    if image.shape != (*share.shape, 3):
        raise ValueError(
            f"image is {image.shape} and map {share.shape}; expected one height, width"
        )
    grey = image @ np.array([0.299, 0.587, 0.114])
    return 0.4 * grey[:, :, None] + 0.6 * _color(share, signed=False) / 255


def boxed(image: np.ndarray, found: np.ndarray, true: np.ndarray, cell: int = 128) -> np.ndarray:
    """Draw the box that was found (whole line) and the true one (broken, white) on an image.

    Parameters
    ----------
    image
        (H, W, 3) in [0, 1].
    found, true
        Boxes x0, y0, x1, y1, half-open, in pixels of the image; one without an area is not drawn.
    cell
        Side of the result in pixels.

    Returns
    -------
    numpy.ndarray
        (cell, cell, 3) in [0, 1].
    """
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    picture = picture.resize((cell, cell), Image.Resampling.BILINEAR)
    pen, factor = ImageDraw.Draw(picture), cell / len(image)
    x0, y0, x1, y1 = (float(side) * factor for side in found)
    if x0 < x1:
        pen.rectangle([x0, y0, x1 - 1, y1 - 1], outline=PALETTE[5], width=3)
    x0, y0, x1, y1 = (float(side) * factor for side in true)
    for start in np.arange(0, 1, 1 / 9):  # dashes
        end = start + 1 / 18
        for y in (y0, y1 - 1):
            pen.line([x0 + start * (x1 - x0), y, x0 + end * (x1 - x0), y], "white", 2)
        for x in (x0, x1 - 1):
            pen.line([x, y0 + start * (y1 - y0), x, y0 + end * (y1 - y0)], "white", 2)
    return np.asarray(picture) / 255


def described(picture: Image.Image, description: str) -> Html:
    """Show a picture together with the words that a screen reader says for it.

    On a narrow page it shrinks while its labels stay legible, and then scrolls.
    """
    source = f"data:image/png;base64,{_encode(picture)}"
    style = f"max-width: 100%; min-width: {min(picture.width, _LEGIBLE_WIDTH)}px; height: auto"
    return Html(
        f'<div style="overflow-x: auto"><img class="dark-light" alt="{html.escape(description)}" '
        f'width="{picture.width}" style="{style}" src="{source}"></div>'
    )


def beside(figures: list[Html]) -> Html:
    """Several figures in a row, or below each other where the page is narrow."""
    return Html(
        '<div style="display: flex; flex-wrap: wrap; gap: 1.5rem">' + "".join(figures) + "</div>"
    )


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
        One row a bin: columns `select`, ``left`` and ``right`` (the bin's edges), ``count``, and
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
    return _select(bars, bins, select).properties(width="container", height=_HEIGHT)


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
        One row a quantile: ``quantile`` (its level), ``reported``, ``tolerance``, ``value``,
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
    return _select(chart, frame, select).properties(width="container", height=max(200, 34 * rows))


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
) -> alt.LayerChart:
    """Lines over a measured quantity with the interval [low, high] as a band, a color a group.

    Parameters
    ----------
    frame
        One row a point; `x`, `y`, `low`, `high` and `color` name its columns.
    x_title, y_title
        What the axes show, in lower case and with the unit.
    description
        What the chart shows, for screen readers.
    select
        A column of which one value is shown at a time, chosen from a list.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(zero=False)),
        color=alt.Color(f"{color}:N", title=None, sort=None, legend=alt.Legend(symbolOpacity=1)),
        tooltip=[color, x, y, low, high],
    )
    band = base.mark_area(opacity=0.2).encode(y=alt.Y(f"{low}:Q", title=y_title), y2=f"{high}:Q")
    line = base.mark_line(point=True).encode(y=f"{y}:Q")
    chart = alt.layer(band, line, description=description)
    chart = _select(chart, frame, select) if select else chart
    return chart.properties(width="container", height=_HEIGHT)


def claim_chart(table: pd.DataFrame, *, limit: int, description: str) -> alt.LayerChart:
    """Ours minus the papers' numbers on one scale, over a grey bar of what counts as reproduced.

    Parameters
    ----------
    table
        Claims as `book.scorecard_table` gives them, with the columns of `claims.on_one_scale`.
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
            "n": table.n.map(number),
            "reported": [" ".join(_reported(row)) for row in table.itertuples()],
            "ours": [" ".join(_ours(row)) for row in table.itertuples()],
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
    color, shape = _looks("verdict", VERDICT_LOOKS)
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
        Rows as `pages.ranked` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = _told(ranked).assign(missing=ranked.value.isna())
    base = alt.Chart(frame).encode(
        y=alt.Y("method:N", title=None, sort=alt.SortField("place")), tooltip=_TOLD
    )
    value = alt.X("value:Q", title="value, in the list's unit", scale=alt.Scale(zero=False))
    color, shape = _looks("kind", KIND_LOOKS)
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
    return _growing(_select(_select(chart, frame, "network"), frame, "measure"), 20)


def cost_chart(ranked: pd.DataFrame, *, description: str) -> alt.LayerChart:
    """Each method's value over its seconds (logarithmic), for one network and test at a time.

    A line joins the methods that no faster one surpasses; the best method and control are named.

    Parameters
    ----------
    ranked
        The deciding rows as `pages.ranked` gives them.
    description
        What the chart shows, for screen readers.
    """
    frame = _told(ranked).assign(front=ranked.front, seconds=ranked.seconds.clip(_FASTEST))
    frame = frame[frame.value.notna()]
    color, shape = _looks("kind", KIND_LOOKS)
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
    chart = _select(_select(chart, frame, "network"), frame, "measure")
    return chart.properties(width="container", height=_HEIGHT + 140)  # its legend is high


def rank_table(ranked: pd.DataFrame) -> Html:
    """Methods by tests: the deciding value and its place, both with intervals; it scrolls.

    An arrow tells whether higher or lower values are better.
    `ranked` holds the deciding rows of one network, as `pages.ranked` gives them.
    """
    tests = ranked.drop_duplicates("test")
    counts = ranked[ranked.n > 0].groupby("test").n.agg(["min", "max"])
    head = ["method", *(_test_head(row, counts) for row in tests.itertuples())]
    cells = "".join(f'<th scope="col">{text}</th>' for text in head)
    body = []
    for (method, kind), rows in ranked.groupby(["method", "kind"], sort=False):
        shown = {row.test: _placed(row) for row in rows.itertuples()}
        line = "".join(f"<td>{shown.get(test, '–')}</td>" for test in tests.test)
        name = f"{html.escape(method)} <small>{html.escape(kind)}</small>"
        body.append(f'<tr><th scope="row">{name}</th>{line}</tr>')
    return Html(
        '<div class="verdicts matrix" tabindex="0" role="region" aria-label="methods and tests">'
        f"<table>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def color_table(signed: bool) -> list[list[int]]:
    """The 256 colors (red, green, blue) of a map's grey levels; of a signed one, level 128 is 0."""
    level = np.arange(256)
    return _color((level - 128) / 127 if signed else level / 255, signed).tolist()


def on_page(chart: alt.TopLevelMixin) -> Html:
    """A chart as a page outside a notebook holds it, its lists of choices above it."""
    theme()
    return Html(f'<div class="chart">{_interactive(chart.to_dict())}</div>')


def verdict_table(judged: pd.DataFrame) -> Html:
    """Claims beside what we measured, as a table that scrolls within the page.

    `judged` is a frame as `claims.judge` gives it. A verdict is a word and a mark, never a color
    alone.
    """
    head = ["claim", "verdict", "paper", "ours", "n", "unit", "arm", "where"]
    cells = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "\n".join(_verdict_row(row) for row in judged.itertuples())
    return Html(
        '<div class="verdicts" style="overflow-x: auto" tabindex="0" role="region" '
        f'aria-label="claims and verdicts"><table>\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def number(value: float) -> str:
    """Write a number short: whole ones in full, others with four significant digits."""
    if pd.isna(value):
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _verdict_row(row) -> str:
    mark = f'<b aria-hidden="true">{MARKS[row.verdict]}</b>'
    verdict = f'<span class="{row.verdict.replace(" ", "-")}">{mark} {row.verdict}</span>'
    paper, ours = (_with_aside(*text) for text in (_reported(row), _ours(row)))
    arm = "–" if pd.isna(row.arm) else row.arm
    says, unit, arm, where = (
        html.escape(str(text)) for text in (row.says, row.unit, arm, row.where)
    )
    cells = [says, verdict, paper, ours, number(row.n), unit, arm, where]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _reported(row) -> tuple[str, str]:
    """The paper's number and its tolerance, in words."""
    paper, bound = number(row.reported), getattr(row, "bound", "")
    if bound:
        paper = f"{'more' if bound == 'above' else 'less'} than {paper}"
    return paper, f"{'by' if bound else '±'} {number(row.tolerance)}" if row.tolerance > 0 else ""


def _ours(row) -> tuple[str, str]:
    """Our number and its interval, in words."""
    return number(row.value), _interval(row)


def _interval(row) -> str:
    return f"[{number(row.low)}, {number(row.high)}]" if row.low < row.high else ""


def _with_aside(text: str, aside: str) -> str:
    return f"{text} <small>{aside}</small>" if aside else text


def _row_label(paper: str, group: str) -> str:
    """A row's label for a narrow page: the first author and the group, in short lines."""
    return "\n".join(textwrap.wrap(f"{paper.split()[0]}: {group}", 24, break_on_hyphens=False))


def _told(ranked: pd.DataFrame) -> pd.DataFrame:
    """What the matrix's charts draw of each row, and what they tell of it in words."""
    rows = list(ranked.itertuples())
    controls = ranked.place.where(ranked.kind == "control")
    best = controls.groupby([ranked.network, ranked.test, ranked.measure]).transform("min")
    return pd.DataFrame(
        {
            "control": controls == best,  # the best one
            **ranked[["network", "method", "kind", "value", "low", "high", "seconds", "cost"]],
            "measure": [f"{row.test}: {row.measure}, {_BETTER[row.better]}" for row in rows],
            "place": ranked.place.fillna(ranked.of + 1),
            "rank": [f"{number(row.place)} of {row.of}" for row in rows],
            "ours": [" ".join(_ours(row)) for row in rows],
            "n": ranked.n.map(number),
        }
    )


def _test_head(row, counts: pd.DataFrame) -> str:
    ends = dict.fromkeys(map(number, counts.loc[row.test])) if row.test in counts.index else ["0"]
    arrow = "↑" if row.better == 1 else "↓"
    lines = [f"{row.measure} {arrow}", row.paper, f"n = {' to '.join(ends)}"]
    small = "<br>".join(html.escape(line) for line in lines if line)
    return f"{html.escape(row.test)}<br><small>{small}</small>"


def _placed(row) -> str:
    if pd.isna(row.value):
        return "gap"
    place = f"{row.place:.0f}"
    if row.rank_low < row.rank_high:
        place += f", {row.rank_low:.0f}–{row.rank_high:.0f}"
    text = f"{number(row.value)} <small>{_interval(row)} ({place})</small>"
    return f"<b>{text}</b>" if row.place == 1 else text


def _pixels(array: np.ndarray, vmax: float, signed: bool) -> np.ndarray:
    """Colors (H, W, 3), uint8, of an image in [0, 1] or of a map of relevance."""
    array = np.asarray(array, dtype=float)
    if array.ndim == 3 and array.shape[2] == 3 and array.min() >= 0 and array.max() <= 1:
        return (array * 255).round().astype(np.uint8)
    if array.ndim == 2:
        return _color(array / vmax, signed)
    span = f"{array.min():.3g} to {array.max():.3g}" if array.size else "nothing"
    raise ValueError(
        f"a picture has shape {array.shape} and values from {span}; "
        "expected an image (H, W, 3) in [0, 1] or a map (H, W)"
    )


def _color(share: np.ndarray, signed: bool = True) -> np.ndarray:
    """Colors (H, W, 3) for shares (H, W): -1 blue, 0 white, 1 red, or 0 dark blue to 1 yellow."""
    colors = SCALE_COLORS if signed else SHARE_COLORS
    stops = np.linspace(-1 if signed else 0, 1, len(colors))
    channels = [np.interp(share, stops, colors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _draw_scale(
    figure: Image.Image, corner: tuple[int, int], vmax: float, font, signed: bool
) -> None:
    """Draw the color scale with its ends and its middle below the pictures."""
    x, y = corner
    low = -1 if signed else 0
    width = min(240, figure.width - x - 30)
    bar = _color(np.linspace(low, 1, width)[None].repeat(12, axis=0), signed)
    figure.paste(Image.fromarray(bar), (x, y))
    pen = ImageDraw.Draw(figure)
    for place in (0, 0.5, 1):
        text = f"{vmax * (low + place * (1 - low)):g}"
        pen.text((x + place * width, y + 16), text, "black", font, anchor="ma")


def _encode(picture: Image.Image) -> str:
    """Turn a picture into PNG, in base64."""
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _select(chart, frame: pd.DataFrame, column: str):
    """Show one of the column's values at a time, chosen from a list above the chart."""
    options = list(dict.fromkeys(frame[column]))
    box = alt.binding_select(options=options, name=f"{column} ")
    chosen = alt.selection_point(fields=[column], bind=box, value=options[0])
    return chart.add_params(chosen).transform_filter(chosen)


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


def _look() -> alt.theme.ThemeConfig:
    text = {"labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal"}
    return {
        "config": {
            "font": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
            "background": "white",  # dark pages keep a white panel behind each chart
            "axis": {**text, "labelOverlap": True, "grid": True, "gridColor": "#e5e5e5"},
            "legend": {**text, "orient": "top", "labelFontSize": 13},
            "range": {"category": PALETTE},
            "view": {"stroke": None},
        },
        "autosize": {"type": "fit", "contains": "padding"},
    }


def _render(spec: dict, **options) -> dict[str, str]:
    """The chart as HTML, and as a picture for viewers that run no scripts."""
    still = {**spec, "width": _FALLBACK_WIDTH} if spec.get("width") == "container" else spec
    picture = Image.open(io.BytesIO(vl_convert.vegalite_to_png(still, scale=1)))
    return {
        "text/html": _interactive(spec, **options),
        "image/png": _encode(picture.convert("RGB").quantize(64)),
    }


def _interactive(spec: dict, **options) -> str:
    """Altair's own page of a chart, with an id that follows from the chart."""
    shown = html_renderer(
        spec,
        embed_options={
            "renderer": "svg",
            "actions": {"export": True, "source": True, "compiled": False, "editor": False},
        },
        **options,
    )
    name = f"chart-{hashlib.sha256(repr(spec).encode()).hexdigest()[:16]}"
    return re.sub(r"altair-viz-[0-9a-f]{32}", name, shown["text/html"])
