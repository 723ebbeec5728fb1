"""Sentences of the chapter on DE-CAM: functions of numbers and frames."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.report import tallies

Estimate = tuple[float, float, float]  # a mean and the limits of its 95 % interval


def estimate(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """A mean with its interval, in points: ``34.9 [17.2, 52.9]``; with `sign`, ``+5.0 [...]``."""
    form = "+.1f" if sign else ".1f"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def sanity(images: int, difference: float, plain: float, blurred: float) -> str:
    """How far the curves' whole image is from the network's own probability, and their starts."""
    return (
        f"Over {images} images, both curves differ from the network's own probability of the whole "
        f"image by at most {difference:.1e}. On average the probability is {plain:.4f} for an "
        f"image without content and {blurred:.3f} for a blurred one."
    )


def calibration(alpha: float, values: int, images: int) -> str:
    """Which weight of the area the run takes: of how many values, from how many images."""
    if values < 2:
        return f"One value was given: this run takes **alpha = {alpha:g}** logits."
    return f"*Means over {images} images.* The rule takes **alpha = {alpha:g}** logits."


def gained(gain: Estimate) -> str:
    """What the search adds to the DiffAUC of its random first population."""
    value, low, high = gain
    start = "the random population that it starts from"
    if math.isnan(value):
        return f"Whether DE-CAM's search raises DiffAUC over {start} was not measured."
    if low > 0:
        interval = f"{value:.1f} [{low:.1f}, {high:.1f}]"
        return f"DE-CAM's search raises DiffAUC by {interval} points over {start}."
    if high < 0:
        interval = f"{-value:.1f} [{-high:.1f}, {-low:.1f}]"
        return f"DE-CAM's search lowers DiffAUC by {interval} points below {start}."
    return (
        f"DE-CAM's search does not change DiffAUC measurably from {start}: "
        f"{estimate(*gain, sign=True)} points."
    )


def against_rise(difference: Estimate) -> str:
    """DE-CAM's DiffAUC less that of RISE, which has as many evaluations."""
    value, low, high = difference
    start = "With equally many network evaluations, DE-CAM"
    if math.isnan(value):
        return f"{start} was not compared with RISE."
    if low > 0:
        return f"{start} scores {value:.1f} points higher than RISE [{low:.1f} to {high:.1f}]."
    if high < 0:
        return f"{start} scores {-value:.1f} points lower than RISE [{-high:.1f} to {-low:.1f}]."
    return (
        f"{start} and RISE cannot be told apart: the difference is "
        f"{estimate(*difference, sign=True)} points."
    )


def search(images: int, gain: Estimate, difference: Estimate, evaluations: int) -> str:
    """The caption of the charts of the search, with what `evaluations` after its start bought."""
    return (
        f"*Means over {images} images; the bands are 95 % intervals, the level lines other "
        f"methods.* The search takes {evaluations:,} evaluations after its first population. "
        f"{gained(gain)} {against_rise(difference)} RISE does not evolve its masks."
    )


def chance(
    seeds: int, images: int, agreement: Sequence[float], deviation: float, spread: float,
    ties: float, orders: int,
) -> str:  # fmt: skip
    """How far the seed and the order of ties change a map and its DiffAUC.

    Parameters
    ----------
    seeds, images
        Searches of each image, and images.
    agreement
        Rank correlations of two maps of an image, from different seeds.
    deviation, spread
        Of DiffAUC over seeds: standard deviation (mean over images), largest range.
    ties, orders
        Largest range of DiffAUC over so many random orders of equal values.
    """
    mean, low, high = sum(agreement) / len(agreement), min(agreement), max(agreement)
    return (
        f"Searches from {seeds} seeds of {images} {_plural(images, 'image')}: two maps of an image "
        f"have a rank correlation of {mean:.2f} on average ({low:.2f} to {high:.2f}). The standard "
        f"deviation of their DiffAUC is {deviation:.1f} points, the largest difference "
        f"{spread:.1f}. For comparison, the order of equal values changes DiffAUC by up to "
        f"{ties:.1f} points over {orders} random orders."
    )


def verdict(
    judged: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    evaluations: int,
    gain: Estimate,
    difference: Estimate,
    controls: Mapping[str, Estimate],
    stand_ins: Sequence[str],
) -> list[str]:
    """The chapter's verdict, a sentence an entry.

    Parameters
    ----------
    judged
        Claims with the column verdict, from :func:`helpers.report.claims.judge`.
    pairs
        Differences of DiffAUC from other methods: columns method, low, high.
    evaluations
        Of the network, by one search.
    gain, difference
        See :func:`gained` and :func:`against_rise`.
    controls
        DE-CAM's DiffAUC less that of each control, over all networks.
    stand_ins
        Networks that are not the paper's.
    """
    sentences = [tallies.sentence(judged)]
    if stand_ins:
        sentences.append(f"Not the paper's networks but **stand-ins**: {', '.join(stand_ins)}.")
    return [
        *sentences,
        comparisons(pairs, evaluations),
        gained(gain),
        against_rise(difference),
        beaten(controls),
    ]


def comparisons(pairs: pd.DataFrame, evaluations: int) -> str:
    """In how many comparisons with Grad-CAM and FullGrad the interval lies on one side of zero."""
    rivals = pairs[pairs.method.isin(["Grad-CAM", "FullGrad"])]
    better, worse = int((rivals.low > 0).sum()), int((rivals.high < 0).sum())
    return (
        f"With {evaluations:,} evaluations of the network for each image, DE-CAM is better than "
        f"Grad-CAM or FullGrad in {better} of {len(rivals)} comparisons, worse in {worse}, and "
        f"cannot be told apart in {len(rivals) - better - worse}."
    )


def beaten(controls: Mapping[str, Estimate]) -> str:
    """Which controls, that never evaluate the network, have a lower DiffAUC than DE-CAM."""
    lower = [name for name, (_, low, _) in controls.items() if low > 0]
    higher = [name for name, (_, _, high) in controls.items() if high < 0]
    words = ", ".join(lower) if lower else "none"
    sentence = f"Of the {len(controls)} controls that never evaluate the network, DE-CAM beats "
    return sentence + words + (f" and loses to {', '.join(higher)}." if higher else ".")


def finding(gain: Estimate, difference: Estimate) -> str:
    """The chapter in two sentences, for the book's front page."""
    return f"{gained(gain)} {against_rise(difference)}"


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
