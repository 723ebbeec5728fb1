"""Sentences and tables of the chapter on E-LIME: functions of numbers and frames."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

Estimate = tuple[float, float, float]  # a mean and the limits of its 95 % interval

Arrays = Mapping[tuple[str, str], Mapping[str, np.ndarray]]  # of each (network, image)


class Speed(NamedTuple):
    """Times of the first network, means over images."""

    seconds: float  # of an explanation by E-LIME
    ratio: float  # LIME's time over E-LIME's
    budget: float  # LIME's evaluations over E-LIME's
    equal: float  # LIME's time at equal evaluations over E-LIME's
    cutting: float  # seconds of the segmentation


def photographs(
    right: Mapping[str, Mapping[str, tuple[int, int]]],
    shown: Sequence[str],
    found: int,
    wanted: int,
) -> str:
    """How many photographs each network classifies correctly, and which are shown.

    `right` is of each source and network how many of how many; `found` of the `wanted` are taken.
    """
    lines = [
        f"Of {source} photographs "
        + ", ".join(f"{name} classifies {k} of {n} correctly" for name, (k, n) in counts.items())
        + "."
        for source, counts in right.items()
    ]
    short = f" ({wanted} were asked for; no more fit)" if found < wanted else ""
    names = f"; shown with all runs: **{', '.join(shown)}**" if shown else ""
    return f"{' '.join(lines)} This run takes {found} photographs{short}{names}."


def rises(everywhere: int, gains: Sequence[float], evaluations: int, level: pd.DataFrame) -> str:
    """On how many pairs of image and network the probability rises, and what random ones reach."""
    means = level.mean(numeric_only=True)
    difference = means["E-LIME"] - means["random"]
    return (
        f"On the photographs that are shown, the probability rises in every run on **{everywhere} "
        f"of {len(gains)}** pairs of image and network; the mean change of a pair is "
        f"{min(gains):+.3f} to {max(gains):+.3f}. The best of {evaluations} random selections has "
        f"{means['random']:.3f} in the mean, the whole image {means['whole image']:.3f}; "
        f"E-LIME differs from the best random one by {difference:+.3f}. LIME's superpixels have "
        f"{means['LIME']:.3f}: they are not chosen to make the network certain by themselves."
    )


def lime_name(is_default: bool) -> str:
    """How a table names LIME: with its default number of samples, or another."""
    return "LIME, its default" if is_default else "LIME"


def speed_table(rows: Mapping[str, tuple[Estimate, int, np.ndarray]]) -> pd.DataFrame:
    """Seconds with interval, cost of an evaluation and mean probability, one row per method."""
    return pd.DataFrame.from_dict(
        {
            method: {
                "evaluations": evaluations, "seconds": seconds[0], "low": seconds[1],
                "high": seconds[2], "ms an evaluation": 1000 * seconds[0] / evaluations,
                "probability": np.mean(probability),
            }
            for method, (seconds, evaluations, probability) in rows.items()
        },
        orient="index",
    )  # fmt: skip


def speed(
    times: Speed, network: str, images: int, samples: int, evaluations: int, is_default: bool
) -> str:
    """LIME's time over E-LIME's, split into budget and cost of an evaluation."""
    text = (
        f"Means over {images} images with {network}. LIME takes **{times.ratio:.1f} times** as "
        f"long. Of this, {times.budget:.2f} is the budget ({samples} evaluations against "
        f"{evaluations}) and {times.ratio / times.budget:.2f} the cost of an evaluation. At equal "
        f"evaluations the ratio is **{times.equal:.2f}**. Segmentation takes {times.cutting:.2f} s "
        "of each."
    )
    if is_default:
        return text
    return (
        f"{text} This run gives LIME {samples} samples instead of its default 1000, so its ratio "
        "says nothing about the paper's."
    )


def between_networks(correlations: Sequence[float]) -> str:
    """How far the maps of two networks of one image agree."""
    if not correlations:
        return "This run has one network."
    return (
        f"Maps of two networks of the same image correlate by {np.mean(correlations):.2f} on "
        f"average ({min(correlations):.2f} to {max(correlations):.2f})."
    )


def area_table(estimates: Mapping[str, Sequence[np.ndarray]], maps: Sequence[str]) -> pd.DataFrame:
    """Areas under the curves with intervals, one row per map."""
    columns: dict[str, np.ndarray] = {}
    for measure, (value, low, high) in estimates.items():
        columns |= {measure: value, f"{measure}, low": low, f"{measure}, high": high}
    return pd.DataFrame(columns, index=list(maps))


def areas(table: pd.DataFrame, gain: float, drop: float, images: int, networks: int) -> str:
    """Which map is best, and what a single run gains over as many superpixels at random."""
    many = "s" if networks > 1 else ""
    return (
        f"Over {images} images and {networks} network{many}, against as many superpixels at random "
        f"the selection of one run changes the area by {gain:+.3f} in insertion and {-drop:+.3f} "
        f"in deletion (less is better there). The best map is {table.insertion.idxmax()} by "
        f"insertion and {table.deletion.idxmin()} by deletion."
    )


def over_runs(
    areas: Mapping[str, float], single: Mapping[str, float], images: int, runs: int
) -> str:
    """The areas of the frequencies over all runs beside those of one run, on the same images."""
    return (
        f"How often {runs} runs keep a superpixel is a map of ours, at {runs} times the cost: on "
        f"the {images} images that are shown it has {areas['insertion']:.3f} in insertion and "
        f"{areas['deletion']:.3f} in deletion, one run {single['insertion']:.3f} and "
        f"{single['deletion']:.3f}."
    )


def stability(table: pd.DataFrame, runs: int, lime_runs: int) -> str:
    """How far runs agree, and how many superpixels are undecided."""
    means = table.mean(numeric_only=True)
    text = (
        f"Over {runs} runs the mean Jaccard index is **{means['Jaccard']:.2f}**, by chance "
        f"{means['by chance']:.2f}. Of {means['S']:.0f} superpixels {means['in every run']:.1f} "
        f"are kept in every run, {means['in no run']:.1f} in none, and {means['undecided']:.1f} "
        "are kept in a quarter to three quarters of the runs: whether a single run keeps them is "
        "close to a coin flip."
    )
    if lime_runs < 2:
        return text
    lime = means["Jaccard of LIME, equal"]
    return f"{text} {lime_runs} runs of LIME with as many evaluations agree by {lime:.2f}."


def choices(table: pd.DataFrame, images: int, network: str) -> str:
    """How far the free choices move what E-LIME and random selections reach.

    `table` has one row per choice of fill and segmentation, with the columns E-LIME, random,
    difference and superpixels kept (%).
    """
    least, most = table.difference.idxmin(), table.difference.idxmax()
    kept = table["superpixels kept (%)"]
    return (
        f"Over {images} images with {network}, E-LIME's probability lies between "
        f"{table['E-LIME'].min():.3f} ({table['E-LIME'].idxmin()}) and {table['E-LIME'].max():.3f} "
        f"({table['E-LIME'].idxmax()}). Its lead over random selections is least with {least} "
        f"({table.difference[least]:+.3f}) and largest with {most} "
        f"({table.difference[most]:+.3f}). It keeps {kept.min():.0f} to {kept.max():.0f} % of the "
        "superpixels."
    )
