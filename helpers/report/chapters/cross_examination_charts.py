"""Charts of the cross-examination: frames in, Altair charts out."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from helpers.report import theme

CORRELATION = alt.Scale(scheme="blueorange", domain=[-1, 1], domainMid=0)


def by_condition(rows: pd.DataFrame, description: str, prefix: str = "") -> alt.Chart:
    """A test's measures as colors, methods by conditions; `rows` of the matrix, of one test."""
    shown = rows[(rows.gap == "") & ~rows.measure.str.contains("lost")]
    under = shown.measure.str.removeprefix(prefix).str.replace(" of the layers randomised", "")
    numbers = shown[["value", "low", "high"]].round(3)
    frame = shown[["method", "n"]].assign(under=under, **numbers)
    return (
        alt.Chart(frame, description=description)
        .mark_rect()
        .encode(
            x=alt.X(
                "under:N", sort=None, title=None, axis=alt.Axis(labelAngle=-50, labelLimit=220)
            ),
            y=alt.Y("method:N", sort=None, title=None),
            color=alt.Color("value:Q", title=None, scale=CORRELATION),
            tooltip=["method", "under", "value", "low", "high", "n"],
        )
        .properties(width="container", height=alt.Step(17))
        .configure_axis(grid=False, labelOverlap=False)
    )


def agreement(
    pairs: Mapping[tuple[str, str], tuple[float, float, float]], tests: Sequence[str]
) -> alt.LayerChart:
    """The rank correlation of every two tests, as colors and numbers."""
    table = pd.DataFrame(
        [
            {"test": a, "other": b, "correlation": value, "low": low, "high": high}
            for (one, other), (value, low, high) in pairs.items()
            for a, b in ((one, other), (other, one))
        ],
        columns=["test", "other", "correlation", "low", "high"],
    ).round(3)
    description = "Rank correlation of every two tests over the methods"
    base = alt.Chart(table, description=description).encode(
        x=alt.X("test:N", title=None, sort=list(tests), axis=alt.Axis(labelAngle=-50)),
        y=alt.Y("other:N", title=None, sort=list(tests)),
    )
    color = alt.Color("correlation:Q", title=None, scale=CORRELATION)
    tooltip = ["test", "other", "correlation", "low", "high"]
    return (
        alt.layer(
            base.mark_rect().encode(color=color, tooltip=tooltip),
            base.mark_text(fontSize=11).encode(text=alt.Text("correlation:Q", format=".1f")),
        )
        .properties(width="container", height=alt.Step(30))
        .configure_axis(grid=False, labelOverlap=False)
    )


def standings(table: pd.DataFrame) -> alt.LayerChart:
    """Each method's mean standing with its interval, the best on top.

    `table` has the columns method, kind, standing, low, high and "seconds an image".
    """
    colors, shapes = (
        alt.Scale(domain=list(theme.KIND_LOOKS), range=list(look))
        for look in zip(*theme.KIND_LOOKS.values(), strict=True)
    )
    base = alt.Chart(
        table, description="Mean standing of each method over the tests, with its interval"
    ).encode(
        y=alt.Y("method:N", title=None, sort=alt.SortField("standing", order="descending")),
        color=alt.Color("kind:N", title=None, scale=colors, legend=alt.Legend(columns=3)),
        tooltip=["method", "kind", "standing", "low", "high", "seconds an image"],
    )
    title = "mean standing: 1 first, 0 last"
    return alt.layer(
        base.mark_rule().encode(
            x=alt.X("low:Q", title=title, axis=alt.Axis(tickCount=5)), x2="high:Q"
        ),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x="standing:Q", shape=alt.Shape("kind:N", title=None, scale=shapes)
        ),
    ).properties(width="container", height=alt.Step(18))
