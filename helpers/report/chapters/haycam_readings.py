"""The claims of Ornek & Ceylan (2024) in all readings of what the paper leaves open.

Numbers of each image come from `helpers.trials.mask_maps`, as arrays; a *series* is one reading:
its choices, and one number an image, NaN where there is none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.measures import multiverse
from helpers.report import claims, multiverse_rows, verdicts

PLUS, HAYCAM = "HayCAM+", "HayCAM"
RANDOM_PLACE, MIDDLE = "a random place", "the middle of the image"
Series = tuple[dict[str, str], np.ndarray]
Interval = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class Axes(NamedTuple):
    """What the places of the arrays stand for, in their order."""

    variants: Sequence[tuple[str, Mapping[str, str]]]  # method and its choices
    rules: Sequence[tuple[str, str]]  # scale and threshold
    forms: Sequence[tuple[str, str]]  # measure of focus and scale
    over: Sequence[str]  # what focus and overlap are ranked over
    signs: Sequence[str]
    projections: Sequence[str]


class Arm(NamedTuple):
    """A network, weights and layer: their names, and the arrays of `mask_maps.measured`."""

    choices: Mapping[str, str]  # network, weights, layer
    found: Mapping[str, np.ndarray]


def _of(axes: Axes, method: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Places and choices of a method's variants."""
    for place, (name, choices) in enumerate(axes.variants):
        if name == method:
            yield place, dict(choices)


def orders(arms: Sequence[Arm], axes: Axes, first: str, second: str) -> list[Series]:
    """IoU of the first method less that of the second, in all readings of both."""
    return [
        (
            {**arm.choices, "threshold": cut, "scale": scale, **ours, **theirs},
            arm.found["iou"][a, :, rule] - arm.found["iou"][b, :, rule],
        )
        for arm in arms
        for rule, (scale, cut) in enumerate(axes.rules)
        for a, ours in _of(axes, first)
        for b, theirs in _of(axes, second)
    ]


def focus(arms: Sequence[Arm], axes: Axes, other: str) -> list[Series]:
    """By how much another method's area (%) is larger than HayCAM+'s."""
    return [
        (
            {**arm.choices, "measure": measure, "scale": scale, **ours, **theirs},
            arm.found["focus"][b, :, form] - arm.found["focus"][a, :, form],
        )
        for arm in arms
        for form, (measure, scale) in enumerate(axes.forms)
        for a, ours in _of(axes, PLUS)
        for b, theirs in _of(axes, other)
    ]


def relation(arms: Sequence[Arm], axes: Axes) -> list[Series]:
    """How far focus and overlap go together."""
    scales = list(dict.fromkeys(scale for scale, _ in axes.rules))
    measures = list(dict.fromkeys(measure for measure, _ in axes.forms))
    cuts = list(dict.fromkeys(cut for _, cut in axes.rules))
    return [
        (
            {**arm.choices, "over": over, "measure": measure, "threshold": cut, "scale": scale},
            arm.found["relation"][o, m, s, c],
        )
        for arm in arms
        for o, over in enumerate(axes.over)
        for m, measure in enumerate(measures)
        for s, scale in enumerate(scales)
        for c, cut in enumerate(cuts)
    ]


def kept(arms: Sequence[Arm], axes: Axes) -> list[Series]:
    """Share of mass (%) on the mask, of kept components less removed ones; none without masks."""
    return [
        ({**arm.choices, "sign": sign}, arm.found["kept"][place])
        for arm in arms
        if "kept" in arm.found
        for place, sign in enumerate(axes.signs)
    ]


def other_class(arms: Sequence[Arm], axes: Axes) -> list[Series]:
    """Correlation of the maps of two classes before PCA, less that after it."""
    return [
        (
            {**arm.choices, "projection": name},
            arm.found["alike"][0] - arm.found["alike"][1 + place],
        )
        for arm in arms
        for place, name in enumerate(axes.projections)
    ]


def points(
    arms: Sequence[Arm], axes: Axes, method: str, beside: Mapping[str, np.ndarray]
) -> list[Series]:
    """Hits (%) of a method's highest place beyond those of a place without a map; or none.

    `beside` has, by name, how likely (%) such a place is on each image's mask, (N,).
    """
    return [
        ({**arm.choices, "beside": name, **ours}, 100 * arm.found["hits"][place] - chance)
        for arm in arms
        if "hits" in arm.found
        for name, chance in beside.items()
        for place, ours in _of(axes, method)
    ]


def of_claim(
    key: str, arms: Sequence[Arm], axes: Axes, beside: Mapping[str, np.ndarray]
) -> list[Series] | None:
    """The readings of a claim by its key; None of one that has none.

    Parameters
    ----------
    key
        ``order/iou/A > B``, ``focus/HayCAM+ < B``, ``focus/boxes``, ``pca/...`` or ``points/A``.
    beside
        As for :func:`points`; empty where no pixel of a mask is known.
    """
    start, _, name = key.partition("/")
    if key.startswith("order/iou/"):
        return orders(arms, axes, *name.removeprefix("iou/").split(" > "))
    if key in _WHOLE:
        return _WHOLE[key](arms, axes)
    if start == "focus":
        return focus(arms, axes, name.partition(" < ")[2])
    return points(arms, axes, name, beside) if start == "points" else None


_WHOLE = {"focus/boxes": relation, "pca/kept": kept, "pca/other class": other_class}


def rows(
    key: str, series: Sequence[Series], interval: Interval, main: Mapping[str, str] | None
) -> list[dict]:
    """All readings of a claim; and with `main`, the option of each choice, its measurement.

    Parameters
    ----------
    key
        The claim's.
    series
        Its readings. Without any, or where the main one has no number, there is no measurement.
    interval
        From numbers (N, K) to their means with the limits of their intervals, (K,) each.
    main
        Options by choice, more choices than the claim has do no harm; None where the main reading
        is measured elsewhere.
    """
    if not series:
        return []
    values = np.stack([numbers for _, numbers in series], axis=1).astype(float)
    counts = np.isfinite(values).sum(0)
    made = []
    for (choices, _), *numbers, n in zip(series, *interval(values), counts, strict=True):
        if n:
            made.append(claims.reading(key, claims.INDEPENDENT, choices, *numbers, n))
            if main is not None and all(main[c] == o for c, o in choices.items()):
                made.append(claims.measurement(key, claims.INDEPENDENT, *numbers, n))
    return made


shares = multiverse_rows.shares  # the notebook takes all of its tables of claims from here


def counts(
    readings: pd.DataFrame,
    reported: pd.DataFrame,
    keys: Sequence[str],
    fixed: Mapping[str, str],
) -> pd.DataFrame:
    """How many readings with some choices fixed have which outcome, one row per claim."""
    table = {}
    for key in keys:
        found = multiverse_rows.table_of(readings, key, fixed)
        of_claim = multiverse_rows.verdict_of(reported.loc[key])
        outcomes = [
            of_claim(multiverse.Interval(row.value, row.low, row.high, row.n))
            for row in found.itertuples()
        ]
        table[reported.says[key]] = {word: outcomes.count(word) for word in _OUTCOMES}
    return pd.DataFrame(table).T.rename_axis("claim")


_OUTCOMES = (verdicts.REPRODUCED, verdicts.NOT_REPRODUCED, verdicts.INCONCLUSIVE)


def by_option(readings: pd.DataFrame, reported: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """In what share of its readings each claim holds, in words, by every option of every choice.

    Rows are choices and options, columns the claims; empty where a claim has no such choice.
    """
    columns = {}
    for key in keys:
        table = multiverse_rows.table_of(readings, key, {})
        if table.empty:
            continue
        of_claim = multiverse_rows.verdict_of(reported.loc[key])
        found = multiverse.shares_by_option(
            table, lambda number, of=of_claim: of(number) == verdicts.REPRODUCED
        )
        columns[reported.says[key]] = found.set_index(["choice", "option"]).share.map(
            "{:.0%}".format
        )
    return pd.DataFrame(columns).fillna("")
