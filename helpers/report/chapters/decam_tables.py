"""Tables of the chapter on DE-CAM: numbers and frames in, frames as they are shown out."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.report.chapters import decam_claims
from helpers.report.chapters.decam import estimate

NETWORKS = (
    "images", "correct (%)", "mean probability of the predicted class",
    "mean logit of the predicted class",
)  # fmt: skip


def networks(
    rows: Mapping[str, tuple[float, ...]], papers: Mapping[str, str], precision: str
) -> pd.DataFrame:
    """Networks (rows), which of the paper's each is, and how well they do.

    `rows` gives of each network the images, the share that it has right, the mean probability and
    the mean logit of the class that it predicts, and how far that logit is moved, at most, where
    the network is searched: without BatchNorms and in `precision`.
    """
    table = {
        name: {
            "the paper's": papers.get(name, "none"),
            **dict(zip(NETWORKS, (count, 100 * correct, probability, logit), strict=True)),
            f"largest change of that logit, searched in {precision}": f"{change:.1e}",
        }
        for name, (count, correct, probability, logit, change) in rows.items()
    }
    return pd.DataFrame(table).T


def table1(
    scores: pd.DataFrame, networks: Sequence[str], papers: Mapping[str, str]
) -> pd.DataFrame:
    """DiffAUC by method (rows) and network (columns), ours with intervals, then the paper's.

    Parameters
    ----------
    scores
        One row per network and method: columns network, method, DiffAUC, low, high, and paper (NaN
        where the paper has no number).
    networks
        In the order of the columns.
    papers
        The paper's name of each network that it names.
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

    `pairs` has one row per network and method: columns network, method, points, low, high.
    """
    ours = [estimate(row.points, row.low, row.high, sign=True) for row in pairs.itertuples()]
    table = pairs.assign(ours=ours, **{"DE-CAM minus": pairs.method})
    methods = list(dict.fromkeys(pairs.method))
    wide = table.pivot(index="DE-CAM minus", columns="network", values="ours")
    return wide.loc[methods, networks].fillna("–")


def levels(
    tables: Mapping[tuple[str, str], pd.DataFrame],
    papers: Mapping[str, str],
    reported: pd.DataFrame,
) -> pd.DataFrame:
    """DiffAUC by fill and score (rows) beside the paper's, of the networks that the paper names.

    Parameters
    ----------
    tables
        Readings by network and method; where the solutions vary, the first rule is shown.
    papers
        The paper's name of each network that it names; without any, all networks are shown.
    reported
        The paper's rows.
    """
    columns: dict[tuple[str, str], pd.Series] = {}
    printed = {}
    for (name, method), table in tables.items():
        if papers and name not in papers:
            continue
        once = table.drop_duplicates(["fill", "score"]).set_index(["fill", "score"])
        columns[name, method] = once.value.round(1)
        printed[name, method] = decam_claims.printed(reported, papers.get(name), method)
    table = pd.DataFrame(columns)
    table.loc[("the paper", ""), :] = printed
    return table


def similar(alike: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """DE-CAM's agreement with each method beyond that with another image's map, by reading.

    Tables of readings by method; where the sign is a choice, each option has its column.
    """
    columns = {}
    for method, table in alike.items():
        told = [f"{r.value:+.2f} [{r.low:+.2f}, {r.high:+.2f}]" for r in table.itertuples()]
        whole = table.assign(told=told)
        if "sign" not in whole:
            columns[method] = whole.set_index(["measure", "smoothing"]).told
            continue
        for sign, part in whole.groupby("sign", sort=False):
            columns[f"{method}, sign {sign}"] = part.set_index(["measure", "smoothing"]).told
    return pd.DataFrame(columns)


def costs(evaluations: Mapping[str, tuple[int, int]], seconds: pd.DataFrame) -> pd.DataFrame:
    """Model evaluations for one map, and seconds an image where they were taken, by method."""
    rows = {
        method: {
            "model evaluations": f"{forward:,}",
            "with a gradient": f"{backward:,}" if backward else "none",
            "seconds an image": (
                f"{seconds[method].mean():.2f}" if method in seconds else "not timed"
            ),
        }
        for method, (forward, backward) in evaluations.items()
    }
    return pd.DataFrame(rows).T


def calibration(
    tried: Mapping[tuple[str, float], tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> pd.DataFrame:
    """Mean share of the image kept and marked, by network and weight of the area.

    `tried` gives the share that the best mask keeps, that which DE-CAM's map marks, and that which
    Grad-CAM's map of the same images marks, (N,) each.
    """
    names = ("kept by the best mask", "marked by DE-CAM's map", "marked by Grad-CAM's map")
    rows = {
        key: dict(zip(names, (100 * part.mean() for part in parts), strict=True))
        for key, parts in tried.items()
    }
    return pd.DataFrame(rows).T.rename_axis(["network", "alpha"]).round(1).add_suffix(" (%)")


def choices(tried: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """DiffAUC, mean and range of the images, and the best mask's mean share, by choice.

    `tried` gives both of the images, (N,) each; the share is NaN where there is no mask.
    """
    table = {
        label: {
            "DiffAUC": values.mean(),
            "low": values.min(),
            "high": values.max(),
            "share kept by the best mask": share.mean(),
        }
        for label, (values, share) in tried.items()
    }
    return pd.DataFrame(table).T.rename_axis("choice").round(2)


def of_figures(
    rows: Sequence[tuple[bool, float, Mapping[str, float], Mapping[str, float]]],
) -> pd.DataFrame:
    """Photographs of the classes of the paper's figures, as numbers, in the figures' order.

    Each row gives whether the network names the class, the share that the best mask keeps, DiffAUC
    by method, and DE-CAM's rank correlation with other methods' maps, in cells.
    """
    told = {
        what: {
            "named by the network": "yes" if right else "no",
            "kept by the best mask (%)": f"{100 * share:.0f}",
            **{f"DiffAUC, {method}": f"{points:.0f}" for method, points in scores.items()},
            **{f"alike, {method}": f"{value:.2f}" for method, value in alike.items()},
        }
        for what, (right, share, scores, alike) in zip(decam_claims.FIGURES, rows, strict=False)
    }
    if not told:
        return pd.DataFrame({"this run": ["has no photographs of these classes"]})
    return pd.DataFrame(told).T
