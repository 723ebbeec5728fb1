"""Rows of the chapter on DE-CAM: which networks count, and what was measured in all readings.

A table of readings is a frame as :func:`helpers.measures.multiverse.run` gives it.
"""

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from helpers.measures import multiverse, paired
from helpers.report import claims, verdicts

NAMED = {  # networks of ours that are the paper's, the last in another training
    "vgg19": "VGG19",
    "resnet50": "ResNet50",
    "mobilenet_v2": "MobileNetV2",
    "tf_mobilenetv2_100": "MobileNetV2",
}
FIGURES = {  # classes of ImageNet that the paper's Figures 3 to 5 show, in their order
    "stupa": 832, "bee": 309, "sea snake": 65, "snail": 113, "vacuum": 882, "puck": 746,
    "violin": 889, "park bench": 703, "Shetland sheepdog": 230, "volleyball": 890,
    "spoonbill": 129, "ambulance": 407,
}  # fmt: skip
STEPS_OF_IG = 50
MARGIN = 5.0  # of the rows on quality, in points; a test compares it with theirs
MAIN = {"smoothing": "16 pixels", "measure": "rank correlation", "sign": "dropped"}  # of similarity
Table = pd.DataFrame
_MEASURED = ["value", "low", "high", "n"]


def named_by_the_paper(names: Iterable[str]) -> dict[str, str]:
    """Which networks the paper names, by ours: each of the paper's once, the first that is given.

    A network of another name stands in nobody's place.
    """
    found: dict[str, str] = {}
    for name in names:
        if name in NAMED and NAMED[name] not in found.values():
            found[name] = NAMED[name]
    return found


def printed(reported: pd.DataFrame, paper: str | None, method: str) -> float:
    """The DiffAUC that the paper prints of a method on one of its networks, NaN where it has none.

    `reported` is of :func:`helpers.report.claims.reported`.
    """
    key = f"diffauc/{paper}/{method}"
    return float(reported.reported[key]) if key in reported.index else math.nan


def readings(
    differences: Mapping[tuple[str, str], Table],
    levels: Mapping[tuple[str, str], Table],
    papers: Mapping[str, str],
    reported: pd.DataFrame,
) -> list[dict]:
    """Rows of readings: of the networks that the paper names alone.

    Parameters
    ----------
    differences
        Of DiffAUC, DE-CAM's less a rival's, by network and rival.
    levels
        DiffAUC by network and method.
    papers
        From :func:`named_by_the_paper`.
    """
    rows = []
    for kinds, tables in ((("diff", "quality", "not_worse"), differences), (("diffauc",), levels)):
        for (name, method), table in tables.items():
            keys = [f"{kind}/{papers.get(name)}/{method}" for kind in kinds]
            rows += [row for key in keys if key in reported.index for row in _rows(key, table)]
    return rows


def similar(alike: Mapping[str, Table]) -> list[dict]:
    """Rows on similar areas, by method: the measurement of :data:`MAIN`, and all readings."""
    rows = []
    for method, table in alike.items():
        main = pd.Series({name: option for name, option in MAIN.items() if name in table})
        (chosen,) = table[(table[list(main.index)] == main).all(axis=1)].itertuples()
        key = f"similar/{method}"
        rows.append(
            claims.measurement(
                key, claims.INDEPENDENT, chosen.value, chosen.low, chosen.high, chosen.n
            )
        )
        rows += _rows(key, table)
    return rows


def _rows(key: str, table: Table) -> list[dict]:
    choices = [name for name in table.columns if name not in _MEASURED]
    return [
        claims.reading(
            key, claims.INDEPENDENT, {name: row[name] for name in choices},
            *(row[name] for name in _MEASURED),
        )
        for _, row in table.iterrows()
    ]  # fmt: skip


def shares(differences: Mapping[tuple[str, str], Table], margin: float) -> pd.DataFrame:
    """In how many readings a difference lies within the margin, and which choice turns it most."""
    rows = {}
    for (name, rival), table in differences.items():
        found = [_equal(multiverse.Interval(*row), margin) for row in table[_MEASURED].values]

        def holds(interval: multiverse.Interval) -> bool:
            return _equal(interval, margin) == verdicts.REPRODUCED

        beyond = found.count(verdicts.NOT_REPRODUCED)
        rows[name, rival] = {
            "within the margin": f"{found.count(verdicts.REPRODUCED)} of {len(found)} readings",
            "beyond it": beyond,
            "undecided": len(found) - beyond - found.count(verdicts.REPRODUCED),
            "turned most by": multiverse.turning_choice(table, holds) or "no choice",
            "least difference": f"{table.value.min():+.1f}",
            "largest": f"{table.value.max():+.1f}",
        }
    return pd.DataFrame(rows).T.rename_axis(["network", "DE-CAM less"])


def _equal(found: multiverse.Interval, margin: float) -> str:
    return verdicts.verdict(0, margin, found.low, found.high, verdicts.EQUAL, value=found.value)


def evaluations(population: int, iterations: int, channels: int) -> dict[str, tuple[int, int]]:
    """Of the network for one map: forward passes, and backward passes among them, by method."""
    return {
        "Grad-CAM": (1, 1),
        "FullGrad": (1, 1),
        "Integrated Gradients": (STEPS_OF_IG, STEPS_OF_IG),
        "AblationCAM": (channels + 1, 0),
        "DE-CAM": (population * (iterations + 1), 0),
    }


def cost(seconds: pd.DataFrame) -> list[dict]:
    """Rows on time from seconds, an image a row and a method a column; none without an image.

    Intervals are Student's over images, those of ratios on the scale of logarithms; of one image
    the value itself.
    """
    if seconds.empty:
        return []
    ours = seconds["DE-CAM"].to_numpy(float)
    found = {"cost/seconds": paired.mean_and_interval(ours)} | {
        key: paired.ratio_and_interval(ours, seconds[other].to_numpy(float))
        for key, other in (("cost/ig", "Integrated Gradients"), ("cost/ablation", "AblationCAM"))
    }
    rows = []
    for key, (mean, low, high) in found.items():
        ends = (mean, mean) if math.isnan(low) else (low, high)
        rows.append(claims.measurement(key, claims.INDEPENDENT, mean, *ends, len(ours)))
    return rows
