"""Charts of the chapter on HayCAM+."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
from IPython.display import Markdown

from helpers.report import multiverse_chart


def training(records: Mapping[str, Sequence[Mapping[str, float]]]) -> alt.Chart:
    """Running training accuracy by epoch and network.

    `records` has, by network, one record an epoch: ``right`` (share), ``loss`` and ``size``.
    """
    epochs = pd.concat(
        pd.DataFrame(list(of_network)).assign(epoch=range(1, len(of_network) + 1), network=name)
        for name, of_network in records.items()
    )
    epochs = epochs.assign(
        right=epochs["right"] * 100, pixels=epochs["size"].astype(str) + " pixels"
    )
    return (
        alt.Chart(epochs, description="Running training accuracy by epoch", width="container")
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("right:Q", title="correct while training (%)", scale=alt.Scale(zero=False)),
            color=alt.Color("network:N", title=None, sort=None),
            strokeDash=alt.StrokeDash("network:N", title=None, sort=None),
            tooltip=["network", "epoch", "right", "loss", "pixels"],
        )
    )


def thresholds(swept: pd.DataFrame, methods: Sequence[str]) -> alt.LayerChart:
    """Mean IoU against the threshold, one line per method, of which one can be chosen.

    `swept` has the columns ``cut`` (a share, or "Otsu", which is left out), ``method``, ``IoU``,
    ``low`` and ``high``.
    """
    methods = list(methods)
    chosen = alt.selection_point(
        fields=["method"],
        bind=alt.binding_select(options=[None, *methods], labels=["all", *methods], name="method "),
    )
    shares = swept[swept.cut != "Otsu"].assign(cut=lambda rows: rows.cut.astype(float))
    base = alt.Chart(shares).encode(
        x=alt.X("cut:Q", title="threshold (share of the maximum)"),
        color=alt.Color(
            "method:N",
            sort=methods,
            legend=alt.Legend(title=None, columns=3, symbolOpacity=1),
        ),
        tooltip=["method", "cut", "IoU", "low", "high"],
    )
    faint = alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(0.1))
    band = base.mark_area().encode(
        y=alt.Y("low:Q", title="mean IoU of the boxes"),
        y2="high:Q",
        opacity=alt.when(chosen).then(alt.value(0.2)).otherwise(alt.value(0.02)),
    )
    line = base.mark_line().encode(
        y="IoU:Q",
        opacity=faint,
        strokeDash=alt.StrokeDash("method:N", sort=methods, legend=None),
    )
    dots = base.mark_point(filled=True).encode(y="IoU:Q", opacity=faint)
    description = "Mean IoU of boxes against the threshold, by method"
    layers = alt.layer(band, line, dots, description=description).add_params(chosen)
    return layers.properties(width="container", height=320)


def localization(measured: pd.DataFrame, methods: Sequence[str]) -> alt.VConcatChart:
    """Means with intervals by map, a panel a measure; what is none of `methods` is a control.

    `measured` has the columns ``map``, ``measure``, ``value``, ``low`` and ``high``.
    """
    kind = ["method" if name in methods else "control" for name in measured["map"]]
    base = alt.Chart(
        measured.assign(kind=kind),
        description="Four measures of localization by map, with controls",
    ).encode(
        y=alt.Y("map:N", sort=list(measured["map"].unique()), title=None),
        color=alt.Color("kind:N", title=None),
        shape=alt.Shape("kind:N", title=None),
        tooltip=["map", "measure", "value", "low", "high"],
    )
    rules = base.mark_rule().encode(
        x=alt.X("low:Q", title=None, scale=alt.Scale(domain=[0, 1])), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=50).encode(x="value:Q")
    panels = [
        alt.layer(rules, points)
        .transform_filter(alt.datum.measure == name)
        .properties(width=230, height=170, title=name)
        for name in measured.measure.unique()
    ]
    return alt.vconcat(*panels)


def readings(
    rows: pd.DataFrame, reported: pd.DataFrame, key: str, fixed: Mapping[str, str], value: str
) -> alt.LayerChart | Markdown:
    """A claim with some choices fixed, as :func:`multiverse_chart.of_row` draws it."""
    return multiverse_chart.of_row(rows, reported, key, value, fixed)
