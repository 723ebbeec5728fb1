"""Charts of the chapter on DE-CAM: frames in, Altair charts out."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from helpers.measures.multiverse import Interval
from helpers.report import charts, multiverse_chart, theme, verdicts


def diff_aucs(scores: pd.DataFrame, networks: Sequence[str]) -> alt.LayerChart:
    """DiffAUC of each method on each network, points with 95 % intervals.

    `scores` has one row per network and method: network, method, DiffAUC, low, high, paper, n.
    """
    scale = alt.Scale(domain=list(networks))
    # without the common prefix, or the legend is cut on a phone
    legend = alt.Legend(labelExpr="replace(datum.label, 'tf_efficientnet_', '')")
    chart = alt.Chart(
        scores, description="DiffAUC of each method on each network, with 95 % intervals"
    )
    rules = chart.mark_rule().encode(
        x="low:Q", x2="high:Q", color=alt.Color("network:N", legend=None, scale=scale)
    )
    points = chart.mark_point(filled=True, size=70).encode(
        x=alt.X("DiffAUC:Q", title="DiffAUC (points)"),
        color=alt.Color("network:N", title=None, legend=legend, scale=scale),
        shape=alt.Shape("network:N", title=None, legend=legend, scale=scale),
        tooltip=["network", "method", "DiffAUC", "low", "high", "paper", "n"],
    )
    order = list(dict.fromkeys(scores.method))
    layers = alt.layer(rules, points).encode(
        y=alt.Y("method:N", sort=order, title=None), yOffset=alt.YOffset("network:N")
    )
    return layers.resolve_legend(color="independent", shape="independent").properties(
        width="container",
        height=alt.Step(22),  # less, and a phone leaves out every second name
    )


def insertion_deletion(curves: Mapping[str, np.ndarray]) -> alt.Chart:
    """Insertion and deletion curves of several methods, one photograph at a time.

    `curves` gives by method the deletion and the insertion curves, (N, 2, steps + 1).
    """
    rows = [
        (str(i + 1), method, test, k / (len(curve) - 1), float(probability))
        for method, both in curves.items()
        for i, pair in enumerate(both)
        for test, curve in zip(("deletion", "insertion"), pair, strict=True)
        for k, probability in enumerate(curve)
    ]
    points = pd.DataFrame(rows, columns=["photograph", "method", "test", "share", "probability"])
    options = list(dict.fromkeys(points.photograph))
    select = alt.selection_point(
        fields=["photograph"],
        value=options[0],
        bind=alt.binding_select(options=options, name="photograph "),
    )
    chart = alt.Chart(
        points, description="Insertion and deletion curves of several methods, by photograph"
    )
    lines = chart.mark_line().encode(
        x=alt.X(
            "share:Q",
            title="share of the pixels inserted or deleted",
            axis=alt.Axis(format="%"),
        ),
        y=alt.Y("probability:Q", title="probability of the class"),
        color=alt.Color("method:N", title=None, sort=None),
        strokeDash=alt.StrokeDash("test:N", title=None),
        tooltip=["method", "test", "share", "probability"],
    )
    chosen = lines.add_params(select).transform_filter(select)
    return chosen.properties(width="container", height=theme.HEIGHT - 20)


def fitness(history: pd.DataFrame) -> alt.LayerChart:
    """The population's mean fitness against evaluations: columns evaluations, fitness, low, high.

    The column network tells the lines apart; names lose their common prefix.
    """
    short = history.network.str.removeprefix("tf_efficientnet_")
    return charts.curve(
        history.assign(network=short), x="evaluations", y="fitness", low="low", high="high",
        color="network", x_title="evaluations of the network",
        y_title="mean fitness of the population (logits)",
        description="Mean fitness of DE-CAM's population against evaluations of the network",
    )  # fmt: skip


def quality(points: pd.DataFrame) -> alt.LayerChart:
    """DE-CAM's DiffAUC against evaluations, beside other methods as level lines.

    `points` has the columns map, evaluations, DiffAUC, low, high.
    """
    return charts.curve(
        points, x="evaluations", y="DiffAUC", low="low", high="high", color="map",
        x_title="evaluations of the network", y_title="DiffAUC (points)",
        description=(
            "DiffAUC of DE-CAM's map against evaluations of the network, beside other methods"
        ),
    )  # fmt: skip


def readings(table: pd.DataFrame, margin: float, network: str) -> alt.LayerChart:
    """The difference from Grad-CAM in all readings, as a specification curve.

    `table` is as :func:`helpers.measures.multiverse.run` gives it; each reading is judged by
    equality up to the margin, which is drawn on the side of the middle reading.
    """

    def judge(found: Interval) -> str:
        return verdicts.verdict(0, margin, found.low, found.high, verdicts.EQUAL, value=found.value)

    return multiverse_chart.specification_curve(
        table,
        judge,
        value="DiffAUC of DE-CAM less that of Grad-CAM (points)",
        description=f"DE-CAM less Grad-CAM in all readings of DiffAUC, on {network}",
        bound=margin if table.value.median() >= 0 else -margin,
    )
