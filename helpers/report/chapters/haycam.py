"""Sentences of the chapter on HayCAM+, from the numbers that a run measured."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

CENTERED, PRIOR = "centered box", "supervised prior"  # controls without a map
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def ranked(values: Mapping[str, float] | pd.Series) -> str:
    """Names from the largest value to the smallest: ``a > b = c``."""
    ordered = pd.Series(values, dtype=float).sort_values(ascending=False, kind="stable")
    text = str(ordered.index[0])
    for name, value, before in zip(
        ordered.index[1:], ordered.iloc[1:], ordered.iloc[:-1], strict=True
    ):
        text += f" {'=' if value == before else '>'} {name}"
    return text


def faces_used(tested: int, masked: int, located: int, area: float) -> str:
    """How many images there are; `area` is the masks' share of the image, NaN if not known."""
    text = f"{tested} test images, of which {masked} wear a mask; {located} images with a known box"
    if not math.isnan(area):
        text += f" and known pixels, which are {100 * area:.1f} % of the image on average"
    return text + "."


def classifier(
    name: str,
    tested: tuple[float, int],
    located: tuple[float, int],
    entropy: float,
    reported: pd.Series,
) -> str:
    """How good the main network is, and what the papers print of theirs (in percent).

    Parameters
    ----------
    tested, located
        The share that is right and the number of images: test images, and images with a known mask.
    entropy
        Mean cross-entropy on the test images.
    reported
        The papers' numbers by claim: ``loss`` and ``accuracy``.
    """
    return (
        f"{name} is correct on **{100 * tested[0]:.1f} %** of {tested[1]} test images and "
        f"recognizes the mask on {100 * located[0]:.1f} % of the {located[1]} images with a known "
        f"one. The paper's '{reported['loss']:.2f} % loss' may be an error of that size (ours: "
        f"{100 - 100 * tested[0]:.2f} %) or a cross-entropy of {reported['loss'] / 100:.4f} (ours: "
        f"{entropy:.4f}). The authors' earlier paper has an accuracy of "
        f"{reported['accuracy']:.2f} %."
    )


def empty_maps(filters: int, side: int, empty: Mapping[str, int], count: int) -> str:
    """The last layer's size, and how many of `count` maps of each method have no positive cell."""
    listed = ", ".join(f"{name} {number}" for name, number in empty.items() if number)
    return (
        f"The last layer has {filters} filters of {side} x {side} cells. Maps without any positive "
        f"cell, from which no box can come: {listed or 'none'} (of {count})."
    )


def overlap_table(overlaps: Mapping[str, pd.DataFrame], first: int) -> pd.DataFrame:
    """The first images of each measure (images by methods), above mean and deviation over all."""
    both = pd.concat(overlaps, axis=1)
    over_all = [both.mean().to_frame("mean").T, both.std().to_frame("deviation").T]
    return pd.concat([both.head(first), *over_all]).round(3)


def rank_correlation(values: pd.Series, others: Mapping[str, float]) -> float:
    """Spearman's rank correlation of two values a method."""
    return float(pd.Series(others).corr(values, method="spearman"))


def order(paper: Mapping[str, float], ours: pd.Series) -> str:
    """The paper's order of the methods and ours, as a list."""
    return (
        f"- the paper's order by IoU: {ranked(paper)}\n- ours: {ranked(ours)}\n- rank correlation: "
        f"**{rank_correlation(ours, paper):.2f}**"
    )


def threshold_table(by_rule: pd.DataFrame, paper: Mapping[str, float]) -> pd.DataFrame:
    """Mean IoU (rules by methods) with each rule's best method, and how like the paper."""
    return by_rule.assign(
        **{
            "best": by_rule.idxmax(axis=1),
            "rank correlation with the paper": [
                rank_correlation(row, paper) for _, row in by_rule.iterrows()
            ],
        }
    ).round(3)


def thresholds(by_rule: pd.DataFrame) -> str:
    """What the threshold does to the order: mean IoU, rules by methods."""
    best = by_rule.idxmax(axis=1)
    wins, others = int((best == "HayCAM+").sum()), sorted(set(best) - {"HayCAM+"})
    peaks = by_rule.max()
    elsewhere = f"; the best at the others: {', '.join(others)}" if others else ""
    listed = ", ".join(
        f"{name} {value:.3f} (at {by_rule[name].idxmax()})" for name, value in peaks.items()
    )
    return (
        f"HayCAM+ is the best of the {number_word(by_rule.shape[1])} at **{wins} of {len(best)}** "
        f"thresholds{elsewhere}. With the threshold that suits each best, the IoUs are {listed}, "
        f"and the order is {ranked(peaks)}."
    )


def signs(by_sign: pd.Series, lead: float, conventions: Mapping[str, str]) -> str:
    """How far the choices that the paper leaves open move HayCAM+.

    Parameters
    ----------
    by_sign
        Mean IoU by reading and sign.
    lead
        By how much HayCAM+ leads HayCAM in the paper.
    conventions
        What each sign means.
    """
    spread = by_sign.max() - by_sign.min()
    than = "smaller than" if lead < spread else "larger than" if lead > spread else "equal to"
    return (
        f"*{number_word(len(by_sign)).capitalize()} maps that all fit the paper's text.* Their "
        f"mean IoU runs from **{by_sign.min():.3f}** ({', '.join(by_sign.idxmin())}) to "
        f"**{by_sign.max():.3f}** ({', '.join(by_sign.idxmax())}). The paper's lead of HayCAM+ "
        f"over HayCAM, {lead:.4f}, is {than} this spread. "
        + "; ".join(f"{sign}: {text}" for sign, text in conventions.items())
        + "."
    )


def components(share: float, counts: Sequence[int], by_number: pd.DataFrame) -> str:
    """How many components hold a share of the variance, and which number is best for HayCAM+.

    `counts` holds a number an image, `by_number` the mean IoU (numbers of components by methods).
    """
    low, high = min(counts), max(counts)
    span = f"{low} components in every image" if low == high else f"{low} to {high} components"
    middle = "" if low == high else f", {np.median(counts):.0f} in the median image"
    return (
        f"{100 * share:.0f} % of the variance take {span}{middle}. The best of these choices for "
        f"HayCAM+ is {by_number['HayCAM+'].idxmax()} ({by_number['HayCAM+'].max():.3f}). One "
        "component of HayCAM+ is EigenCAM of centered activations; all components of HayCAM are "
        "Grad-CAM of centered activations before its ReLU."
    )


def table_of_means(measured: pd.DataFrame) -> pd.DataFrame:
    """Means as maps by measures, in the order of the rows (``map``, ``measure``, ``value``)."""
    table = measured.pivot(index="map", columns="measure", values="value")
    return table.loc[measured["map"].unique()]


def localized(level: pd.DataFrame, methods: Sequence[str], area: float) -> str:
    """How the six methods compare with the controls.

    Parameters
    ----------
    level
        Means, maps by measures; without the mask's pixels only ``IoU of boxes``.
    methods
        The maps that are no controls.
    area
        The mask's share of the image; used where ``level`` has a ``pointing game``.
    """
    iou = level["IoU of boxes"]
    best = iou[list(methods)]
    text = (
        f"The best of the {number_word(len(methods))} methods, {best.idxmax()}, reaches a mean IoU "
        f"of **{best.max():.3f}**. Without any look at the image a centered box of half the side, "
        f"fixed before the run, reaches {iou[CENTERED]:.3f}, and the mean of the other images' "
        f"true boxes, a supervised prior, {iou[PRIOR]:.3f}."
    )
    if "pointing game" not in level:
        return text
    points = level["pointing game"]
    top = points[list(methods)].idxmax()
    listed = [f"{top} points at it in {percent(points[top])} of the images"]
    listed += [f"HayCAM+ in {percent(points['HayCAM+'])}"] * (top != "HayCAM+")
    listed += [f"the center map in {percent(points['center'])}"]
    return text + (
        f" The mask covers {100 * area:.1f} % of an image, which is what a random point would hit. "
        f"{', '.join(listed)}. By mass inside the order is "
        f"{ranked(level.loc[list(methods), 'mass inside'])}."
    )


def class_free(
    same: Sequence[str], by_class: pd.DataFrame, training: pd.DataFrame, count: int
) -> str:
    """Which maps do not depend on the class, and what training does to the boxes.

    Parameters
    ----------
    same
        Methods whose maps for both classes are equal in every bit, in all images.
    by_class
        By method, of the main network: ``correlation: mask, no mask`` and more.
    training
        Mean IoU by method, of the network from random weights: ``untrained`` and ``trained``.
    """
    alike = by_class["correlation: mask, no mask"]["Grad-CAM"]
    sets = f"maps of **{join_names(same)}** are" if same else "map of no method is"
    rises = [
        f"{name} {training.untrained[name]:.3f} before and {training.trained[name]:.3f} after"
        for name in ("HayCAM+", "Grad-CAM")
    ]
    text = (
        f"Over {count} images the {sets} the same to the last bit for both classes; Grad-CAM's "
        f"correlate by {alike:.2f}. On the network from random weights training changes the mean "
        f"IoU: {'; '.join(rises)}."
    )
    if not same:
        return text
    return text + (
        " A map that does not depend on the class shows where the layer is active; it does not "
        "say what made the network decide for the class."
    )


def is_or_are(count: int) -> str:
    """The verb that goes with a number."""
    return "is" if count == 1 else "are"


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %"


def join_names(names: Sequence[str]) -> str:
    """One or more names in words: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def number_word(count: int) -> str:
    """A number in letters up to ten, in digits above."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
