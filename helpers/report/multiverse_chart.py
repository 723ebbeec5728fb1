"""A claim in all its readings, drawn as a specification curve (Simonsohn et al. 2020)."""

import json
from collections.abc import Callable, Mapping

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.ticker import MaxNLocator

from helpers.measures.multiverse import Interval
from helpers.report import charts, multiverse_rows, theme

_MEASURED = ["value", "low", "high", "n"]
_STEP = 16  # pixels a row of options
_TALL = 12  # rows that the upper panel is high, at least
_GAP = 0.8  # rows between the panels
_LIMIT = 260  # pixels of the longest label; the book's pages have a limit of their own


def specification_curve(
    table: pd.DataFrame,
    judge: Callable[[Interval], str],
    *,
    value: str,
    description: str,
    bound: float | None = None,
) -> alt.LayerChart:
    """Readings in the order of their values: intervals above, and below what each one chose.

    One picture with one axis, so that it is as narrow as the page: the upper part of the axis has
    values, the lower one has one row per option with a dot in each reading that took it.

    Parameters
    ----------
    table
        As `multiverse.run` gives it: one column per choice, then value, low, high, n.
    judge
        The verdict on an interval, one of `verdicts.VERDICTS`.
    value
        What is measured, in lower case and with the unit.
    description
        What the chart shows, for screen readers.
    bound
        The paper's number or border, drawn as a broken line.

    Raises
    ------
    ValueError
        If no reading has a value.
    """
    found = table[table.value.notna()].sort_values("value", kind="stable", ignore_index=True)
    if found.empty:
        raise ValueError("no reading has a value; a specification curve needs one or more")
    choices = [name for name in table.columns if name not in _MEASURED]
    different = {c: dict.fromkeys(table[c].astype(str)) for c in choices}
    options = [(c, o) for c, some in different.items() if len(some) > 1 for o in some]
    levels, ticks = _upper(found, bound, max(_TALL, len(options)))
    found = found.assign(
        rank=found.index + 1,
        verdict=[judge(Interval(*row)) for row in found[_MEASURED].itertuples(index=False)],
        reading=["; ".join(f"{c}: {row[c]}" for c in choices) for _, row in found.iterrows()],
        ours=[f"{theme.number(v)}" for v in found.value],
        y=levels(found.value),
        y_low=levels(found.low),
        y_high=levels(found.high),
    )
    dots = pd.DataFrame(
        [
            {"rank": row["rank"], "y": -i, "verdict": row.verdict, "option": f"{c}: {o}"}
            for _, row in found.iterrows()
            for i, (c, o) in enumerate(options)
            if str(row[c]) == o
        ]
    )
    labels = {-i: f"{c}: {o}" for i, (c, o) in enumerate(options)} | ticks
    return _layers(found, dots, labels, levels(bound) if bound is not None else None).properties(
        width="container",
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        height=int(_STEP * (max(_TALL, len(options)) + len(options) + 1)),
        title=alt.Title(value, anchor="start", fontSize=13, fontWeight="normal"),
        description=description,
    )


def of_row(
    rows: pd.DataFrame,
    reported: pd.DataFrame,
    key: str,
    value: str,
    fixed: Mapping[str, str] | None = None,
) -> alt.LayerChart | Markdown:
    """A row in its readings, as a specification curve.

    Parameters
    ----------
    rows
        Readings as `claims.Measurements.readings` gives them.
    reported
        The paper's rows, by key.
    value
        What is measured, in lower case and with the unit.
    fixed
        Option by choice, such as the network: too many readings for one chart are told apart so.
    """
    table = multiverse_rows.table_of(rows[rows.n > 0], key, fixed or {})
    if table.empty:
        return Markdown("*This run has no readings of this row.*")
    choices = [name for name in table.columns if name not in _MEASURED]
    claim = reported.loc[key]
    return specification_curve(
        table.fillna(dict.fromkeys(choices, "")),
        multiverse_rows.verdict_of(claim),
        value=value,
        description=f"Readings of: {claim.says}",
        bound=float(claim.reported),
    )


def _upper(found: pd.DataFrame, bound: float | None, rows: int) -> tuple[Callable, dict]:
    """From a value to its place on the axis, and the upper part's labels by place."""
    ends = [found.low.min(), found.high.max(), *([] if bound is None else [bound])]
    low, high = min(ends), max(ends)
    width = (high - low) or 1.0

    def level(number):
        return _GAP + 1 + (number - low) / width * rows

    ticks = [t for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high]
    return level, {round(float(level(t)), 6): theme.number(float(np.round(t, 10))) for t in ticks}


def _layers(found, dots, labels: dict, bound: float | None) -> alt.LayerChart:
    """The chart's parts: the border, intervals and values, and the dots of the options."""
    lookup = json.dumps({f"{place:.3f}": text for place, text in labels.items()})
    expression = f"({lookup})[replace(format(datum.value, '.3f'), '−', '-')]"
    axis = alt.Axis(values=[*labels], labelExpr=expression, labelOverlap=False, labelLimit=_LIMIT)
    top = max([float(found.y_high.max()), *([] if bound is None else [bound])])
    scale = alt.Scale(domain=[min(labels) - 0.6, top + 0.4], nice=False)
    y = alt.Y("y:Q", title=None, axis=axis, scale=scale)
    x = alt.X(
        "rank:Q",
        title="reading, in the order of its value",
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
        scale=alt.Scale(domain=[0.5, len(found) + 0.5], nice=False),
    )
    color, shape = charts.color_and_shape(
        "verdict", {w: look for w, look in theme.VERDICT_LOOKS.items() if w in set(found.verdict)}
    )
    tooltip = ["reading", "ours", "low", "high", "n", "verdict"]
    above = alt.Chart(found).encode(x=x, color=color, tooltip=tooltip)
    interval = above.mark_rule(strokeWidth=1.5).encode(y=alt.Y("y_low:Q", axis=axis), y2="y_high:Q")
    ours = above.mark_point(filled=True, size=40, opacity=1).encode(y=y, shape=shape)
    below = alt.Chart(dots).mark_point(filled=True, size=30, opacity=1)
    below = below.encode(x=x, y=y, color=color, shape=shape, tooltip=["option", "verdict"])
    parts = [interval, ours, below]
    if bound is not None:
        line = alt.Chart(pd.DataFrame({"y": [bound]})).mark_rule(strokeDash=[4, 4])
        parts.insert(0, line.encode(y=y))
    return alt.layer(*parts)
