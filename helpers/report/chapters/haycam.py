"""Sentences of the chapter on HayCAM+, from the numbers that a run measured."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

EXACT = 1e-9  # numbers that differ by less are printed as equal
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
    backbone: str,
    pretrained: bool,
    tested: tuple[float, int],
    located: tuple[float, int],
    reported: pd.Series,
) -> str:
    """How good the network is, and what the papers print of theirs (in percent).

    Parameters
    ----------
    tested, located
        The share that is right and the number of images: test images, and images with a known mask.
    reported
        The papers' numbers by claim: ``loss`` and ``accuracy``.
    """
    start = "ImageNet weights" if pretrained else "random weights, not from ImageNet's"
    error = 100 - reported["accuracy"]
    gap = abs(reported["loss"] - error)
    text = (
        f"The network ({backbone}) started from {start}. It is right on "
        f"**{100 * tested[0]:.1f} %** of {tested[1]} test images and recognizes the mask on "
        f"{100 * located[0]:.1f} % of the "
        f"{located[1]} images with a known one. The paper speaks of a '{reported['loss']:.2f} % "
        f"loss'; the authors' earlier paper has an accuracy of {reported['accuracy']:.2f} %, which "
        f"is an error of {error:.2f} %."
    )
    if gap < EXACT:
        return text
    if abs(gap - 1) < EXACT:
        return text + " The two differ by exactly one point, so one of them is probably a slip."
    return text + f" The two differ by {gap:.2f} points."


def empty_maps(filters: int, side: int, empty: Mapping[str, int], count: int) -> str:
    """The last layer's size, and how many of `count` maps of each method have no positive cell."""
    listed = ", ".join(f"{name} {number}" for name, number in empty.items() if number)
    return (
        f"The last layer has {filters} filters of {side} x {side} cells. Maps without any positive "
        f"cell, from which no box can come: {listed or 'none'} (of {count})."
    )


def portraits_recognized(
    before: float, count: int, after: float | None, portraits: int, epochs: int
) -> str:
    """Which network the drawn portraits are shown with; `after` is None where it is the same."""
    text = f"The network above is right on {100 * before:.0f} % of {count} new drawn portraits"
    if after is None:
        return text + ", and its maps are shown."
    times = "once" if epochs == 1 else f"{epochs} times"
    return (
        f"{text}; its copy that saw {portraits} drawings {times} is right on {100 * after:.0f} %, "
        "and the maps below are the copy's."
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
        "A box that never looks at the image reaches an IoU of "
        f"**{iou['average box']:.3f}**, the best of the {number_word(len(methods))} methods "
        f"({best.idxmax()}) {best.max():.3f}; the center map reaches {iou['center']:.3f}."
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


def layer_table(by_layer: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Mean IoU by layer and method; rows have ``map``, ``layer``, ``cells``, ``IoU of boxes``."""
    table = by_layer.pivot(index=["layer", "cells"], columns="map", values="IoU of boxes")
    return table[list(methods)].sort_index(level=0).round(3)


def best_layers(by_layer: pd.DataFrame, methods: Sequence[str]) -> str:
    """The layer with the best boxes of each method; rows have map, layer and ``IoU of boxes``."""
    best = by_layer.sort_values("IoU of boxes", kind="stable").groupby("map").last()
    listed = ", ".join(
        f"{name} {best.layer[name]} ({best['IoU of boxes'][name]:.3f})" for name in methods
    )
    return f"The best layer of each: {listed}."


def class_free(same: Sequence[str], by_class: pd.DataFrame, count: int) -> str:
    """Which maps do not depend on the class, and what training does to the boxes.

    Parameters
    ----------
    same
        Methods whose maps for both classes are equal in every bit, in all images.
    by_class
        By method: ``correlation: mask, no mask``, ``IoU, class mask``, ``IoU, class no mask``,
        ``IoU, untrained network``.
    """
    trained, untrained = by_class["IoU, class mask"], by_class["IoU, untrained network"]
    alike = by_class["correlation: mask, no mask"]["Grad-CAM"]
    sets = f"maps of **{join_names(same)}** are" if same else "map of no method is"
    text = (
        f"Over {count} images the {sets} the same to the last bit for both classes; Grad-CAM's "
        f"correlate by {alike:.2f}. On a network with random weights HayCAM+ reaches an IoU of "
        f"{untrained['HayCAM+']:.3f} ({trained['HayCAM+']:.3f} trained), Grad-CAM "
        f"{untrained['Grad-CAM']:.3f} ({trained['Grad-CAM']:.3f} trained)."
    )
    if not same:
        return text
    return text + (
        " A map that is blind to the class shows *where the layer is active*, and where that is "
        "the mask, its box is good. It does not say why the network's class is 'mask', which is "
        "what an explanation is for."
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
