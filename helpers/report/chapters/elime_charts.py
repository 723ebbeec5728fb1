"""Charts of the chapter on E-LIME: rows of numbers in, charts out."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from helpers.report import charts
from helpers.report.chapters.elime import Arrays

SELECTIONS = ["whole image", "E-LIME", "best random selection", "LIME"]


def by_selection(arrays: Arrays) -> alt.Chart:
    """One mark per run: the class's probability by what is shown, by image and network."""
    rows = [
        (f"{image}, {network.removeprefix('tf_efficientnet_')}", what, probabilities)
        for (network, image), v in arrays.items()
        for what, probabilities in zip(
            SELECTIONS,
            (
                v["ends"][:1],
                v["probability"],
                v["random"].max(1),
                v["lime"][:1],
            ),
            strict=True,
        )
    ]
    dots = pd.DataFrame(
        [
            {"pair": pair, "shown": what, "probability": round(float(value), 4)}
            for pair, what, probabilities in rows
            for value in probabilities
        ]
    )
    kinds = alt.Scale(domain=SELECTIONS)
    legend = alt.Legend(columns=2)  # in one row a phone cuts it
    return (
        alt.Chart(dots, description="Probability of the class by what is shown of the image")
        .mark_point(filled=True, size=45, opacity=0.6)
        .encode(
            x=alt.X(
                "probability:Q", title="probability of the class", scale=alt.Scale(domain=[0, 1])
            ),
            y=alt.Y("pair:N", title=None, sort=None),
            yOffset=alt.YOffset("shown:N", scale=kinds),
            color=alt.Color("shown:N", title=None, scale=kinds, legend=legend),
            shape=alt.Shape("shown:N", title=None, scale=kinds, legend=legend),
            tooltip=["pair", "shown", "probability"],
        )
        .properties(width="container", height=100 + 40 * dots.pair.nunique())
    )


def insertion_deletion(curves: Mapping[str, np.ndarray], maps: Sequence[str]) -> alt.LayerChart:
    """Curves (maps, steps + 1) of each measure, a color a map."""
    points = [
        {"measure": measure, "map": name, "share": 100 * k / (len(line) - 1), **_rounded(v, v, v)}
        for measure, lines in curves.items()
        for name, line in zip(maps, lines, strict=True)
        for k, v in enumerate(line)
    ]
    return charts.curve(
        pd.DataFrame(points), x="share", y="probability", low="low", high="high", color="map",
        x_title="pixels changed (%)", y_title="probability of the class", select="measure",
        description="Probability of the class while pixels are inserted or deleted, by map",
    )  # fmt: skip


def by_size(
    curves: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray], maps: Sequence[str]
) -> alt.LayerChart:
    """The probability against the share of superpixels shown, a color an order.

    Of each image, curves (maps, K) and shares (K,).
    """
    points = [
        {"image": image, "order": order, "share": round(100 * float(s), 1), **_rounded(v, v, v)}
        for image, lines in curves.items()
        for order, line in zip(maps, lines, strict=True)
        for s, v in zip(shares[image], line, strict=True)
    ]
    return charts.curve(
        pd.DataFrame(points), x="share", y="probability", low="low", high="high", color="order",
        x_title="superpixels shown (%)", y_title="probability of the class", select="image",
        description="Probability of the class by the share of superpixels shown, by their order",
    )  # fmt: skip


def _rounded(value: float, low: float, high: float) -> dict[str, float]:
    names = ("probability", "low", "high")
    return {name: round(float(x), 4) for name, x in zip(names, (value, low, high), strict=True)}
