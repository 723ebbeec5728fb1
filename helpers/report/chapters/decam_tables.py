"""Tables of the chapter on DE-CAM: numbers and frames in, frames as they are shown out."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.report.chapters.decam import estimate

NETWORKS = ("correct (%)", "mean probability of the predicted class",
            "mean logit of the predicted class")  # fmt: skip
PASSES = {
    "Grad-CAM": "1, and a gradient",
    "FullGrad": "1, and a gradient",
    "Integrated Gradients": "50, and 50 gradients",
}


def networks(
    rows: Mapping[str, tuple[float, float, float, float]], papers: Mapping[str, str], precision: str
) -> pd.DataFrame:
    """Networks (rows), whose place they take, and how well they do.

    `rows` gives of each network the share that it has right, the mean probability and the mean
    logit of the class that it predicts, and how far rounding to `precision` moves that logit.
    """
    table = {
        name: {
            "in the place of": papers.get(name, "none"),
            **dict(zip(NETWORKS, (100 * correct, probability, logit), strict=True)),
            f"change of that logit in {precision}": change,
        }
        for name, (correct, probability, logit, change) in rows.items()
    }
    return pd.DataFrame(table).T


def table1(
    scores: pd.DataFrame, networks: Sequence[str], papers: Mapping[str, str]
) -> pd.DataFrame:
    """DiffAUC by method (rows) and network (columns), ours with intervals, then the paper's.

    Parameters
    ----------
    scores
        One row a network and method: columns network, method, DiffAUC, low, high, and paper (NaN
        where the paper has no number).
    networks
        In the order of the columns.
    papers
        The paper's network in whose place each of ours stands; ours may stand in nobody's.
    """
    ours = [estimate(row.DiffAUC, row.low, row.high) for row in scores.itertuples()]
    theirs = ["" if math.isnan(value) else f"{value:.1f}" for value in scores.paper]
    cells = scores.assign(ours=ours, theirs=theirs)
    methods = list(dict.fromkeys(scores.method))
    table = cells.pivot(index="method", columns="network", values="ours").loc[methods, networks]
    paper = cells.pivot(index="method", columns="network", values="theirs").loc[methods]
    for name in networks:
        if name in papers:
            table[f"paper, {papers[name]}"] = paper[name]
    return table.fillna("–")


def differences(pairs: pd.DataFrame, networks: Sequence[str]) -> pd.DataFrame:
    """Differences of DiffAUC by the other method (rows) and network (columns).

    `pairs` has one row a network and method: columns network, method, points, low, high.
    """
    ours = [estimate(row.points, row.low, row.high, sign=True) for row in pairs.itertuples()]
    table = pairs.assign(ours=ours, **{"DE-CAM minus": pairs.method})
    methods = list(dict.fromkeys(pairs.method))
    wide = table.pivot(index="DE-CAM minus", columns="network", values="ours")
    return wide.loc[methods, networks].fillna("–")


def readings(
    scores: pd.DataFrame,
    values: Mapping[str, Mapping[str, np.ndarray]],
    confidence: Mapping[str, np.ndarray],
    methods: Sequence[str],
) -> pd.DataFrame:
    """Mean DiffAUC by three readings of the measure, beside the paper's.

    Parameters
    ----------
    scores
        See :func:`table1`, for the paper's numbers.
    values
        DiffAUC of the images, (N,), by network and method.
    confidence
        The whole image's probability, (N,), by network.
    methods
        Those to show.
    """
    paper = scores.set_index(["network", "method"]).paper
    rows = {}
    for name, sure in confidence.items():
        for method in methods:
            points = values[name][method]
            rows[name, method] = {
                "as defined": points.mean(),
                "divided by the image's own": (points / sure).mean(),
                "images above 90 % only": points[sure > 0.9].mean() if (sure > 0.9).any() else None,
                "paper": paper.get((name, method), math.nan),
            }
    table = pd.DataFrame.from_dict(rows, orient="index").astype(float)
    return table.rename_axis(["network", "method"]).round(1)


def similar(
    correlations: Mapping[str, tuple[np.ndarray, np.ndarray]],
    areas: Mapping[str, np.ndarray],
    network: str,
) -> pd.DataFrame:
    """How DE-CAM's maps agree with those of other methods, and how large both are.

    Parameters
    ----------
    correlations
        Rank correlations with a method's map of the same image and of another one, (N,) each.
    areas
        Of the maps on `network`, by method, as shares of the image, (N,) each.
    """
    rows = {
        method: {
            "rank correlation": same.mean(),
            "with another image's map": apart.mean(),
            f"area on {network}, DE-CAM (%)": 100 * areas["DE-CAM"].mean(),
            "the other's (%)": 100 * areas[method].mean(),
        }
        for method, (same, apart) in correlations.items()
    }
    return pd.DataFrame(rows).T.rename_axis("DE-CAM and").round(2)


def costs(seconds: Mapping[tuple[str, str], np.ndarray], evaluations: int) -> pd.DataFrame:
    """Mean seconds an image and evaluations of the network, by network and method."""
    rows = [
        (*key, values.mean(), PASSES.get(key[1], f"{evaluations:,}"))
        for key, values in seconds.items()
    ]
    columns = ["network", "method", "seconds an image", "evaluations"]
    return pd.DataFrame(rows, columns=columns).set_index(["network", "method"]).round(3)


def calibration(tried: Mapping[float, tuple[np.ndarray, ...]]) -> pd.DataFrame:
    """Mean share kept by the best mask, DiffAUC and fitness, by weight of the area.

    `tried` gives DiffAUC, the best mask's share of the image, and its fitness, (N,) each.
    """
    rows = [
        (alpha, share.mean(), values.mean(), fitness.mean())
        for alpha, (values, share, fitness) in tried.items()
    ]
    columns = ["alpha", "share kept by the best mask", "DiffAUC", "best fitness"]
    return pd.DataFrame(rows, columns=columns).set_index("alpha").round(3)


def choices(tried: Mapping[str, tuple[np.ndarray, ...]]) -> pd.DataFrame:
    """DiffAUC, mean and range of the images, and the best mask's mean share, by choice.

    `tried` is as in :func:`calibration`.
    """
    table = {
        label: {
            "DiffAUC": values.mean(),
            "low": values.min(),
            "high": values.max(),
            "share kept by the best mask": share.mean(),
        }
        for label, (values, share, _) in tried.items()
    }
    return pd.DataFrame(table).T.rename_axis("choice").round(2)


def several(rows: Iterable[tuple[str, str, float]]) -> pd.DataFrame:
    """Mean share of a map's mass on the left half, and on the half that has less.

    `rows` gives the kind of image, the method of the map, and the share on the left half.
    """
    table = pd.DataFrame(rows, columns=["image", "map", "left"])
    table["weaker side"] = np.minimum(table.left, 1 - table.left)
    return table.groupby(["image", "map"]).mean().round(2)


def peers(values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """DiffAUC by method, mean and range of the images, the best first."""
    table = pd.DataFrame(values).agg(["mean", "min", "max"]).T
    return table.sort_values("mean", ascending=False).round(1)
