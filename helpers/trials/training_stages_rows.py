"""Arya 2024: from outcomes to the claims' numbers in every reading: what the maps show.

A row is a claim's key, a reading ("choice=option; choice=option") and the estimate of one training.
A change is the later or the last stage less the other, in the claim's unit. A claim is measured
where the training has both its stages. The first option of a choice is the main one.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor

from helpers.measures import trainings
from helpers.measures.trainings import Estimate
from helpers.trials import training_stages as stages
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials.training_stages import CLEAN, SIDE, Setting
from helpers.trials.training_stages_outcomes import PAPER, Outcomes

FIRST, SECOND, THIRD = 1, 2, 3  # epochs
LAYERS = {
    "last": "last convolution",
    "activated": "last, after BatchNorm",
    "earlier": "earlier, finer map",
}  # what a layer's role is called in a reading
AGAINST = {1: "epoch 1", 2: "epoch 2", 3: "epoch 3", 0: "untrained"}
AGREEMENTS = {"Spearman": 0, "top fifth": 1}  # columns of `training_stages.stability`
BITS = 2 * math.log2(SIDE)  # the entropy of an even map


class Row(NamedTuple):
    """One claim in one reading of one training."""

    key: str
    reading: Mapping[str, str]
    estimate: Estimate


MAIN = {
    "object": {"layer": LAYERS["last"], "focus": "object", "images": "all"},
    "settle": {
        "layer": LAYERS["last"], "agreement": "Spearman", "correction": "for what strangers share",
    },
    "stable": {
        "layer": LAYERS["last"], "agreement": "Spearman", "correction": "for what strangers share",
        "against": "epoch 1", "grid": "original", "images": "all",
    },
    "robust": {"measure": "accuracy", "grid": "original"},
    "overfit": {"measure": "accuracy", "against": "epoch 3", "grid": "original"},
    "noise": {"measure": "accuracy", "stage": "last", "grid": "original"},
    "drop": {
        "pixels": "black", "grid": "original", "count": "20", "probability": "largest",
        "images": "all",
    },
}  # fmt: skip


WITH_STRENGTH = ("stable", "robust", "overfit")


def main_reading(key: str) -> dict[str, str]:
    """The main reading of a claim: its choices, at the paper's strength where that is one."""
    family, _, rest = key.partition("_")
    strength = {"strength": f"{PAPER[rest].strength:g}"} if family in WITH_STRENGTH else {}
    return {**MAIN.get(family, {}), **strength}


def is_main(row: Row) -> bool:
    """Whether a row is the claim's main reading."""
    main = main_reading(row.key)
    return all(row.reading[choice] == option for choice, option in main.items())


def text_of(reading: Mapping[str, object]) -> str:
    """A reading as "choice=option; choice=option"."""
    return "; ".join(f"{choice}={option}" for choice, option in reading.items())


def pairs(seen: Outcomes) -> dict[str, tuple[int, int]]:
    """Pairs of stages that are compared, by the end of the claims' keys, as far as there are any.

    The paper's fully trained model has 20 epochs; ours is the last stage.
    """
    last = seen.stages[-1]
    short = {"0_1": (0, FIRST), "1_3": (FIRST, THIRD)}
    return short if last <= THIRD else short | {"0_20": (0, last), "1_20": (FIRST, last)}


# --- where the maps look ---


def focus_measures(maps: Tensor, objects: Tensor) -> dict[str, np.ndarray]:
    """Measures of focus (n,) of raw maps (n, h, w), by name; NaN where a map has no mass.

    The share of mass on the object (%); the same less the share that the *next* image's map has
    there, which a pattern common to all images does not raise; the share in the middle quarter; and
    the concentration, 100 (1 - H / 10 bits), H the entropy.
    """
    own = stages.focus(maps, objects).numpy()
    stranger = stages.focus(maps.roll(1, 0), objects).numpy()[:, 1]
    return {
        "object": own[:, 1],
        "object, less another image's map": own[:, 1] - stranger,
        "middle of the image": own[:, 0],
        "concentration": 100 * (1 - own[:, 2] / BITS),
    }


def focus_rows(seen: Outcomes) -> Iterator[Row]:
    """Claims ``object_...``: the change of a map's focus from stage to stage."""
    roles = [role for role in LAYERS if (0, CLEAN, role) in seen.maps]
    measures = {
        (role, stage): focus_measures(seen.maps[stage, CLEAN, role], seen.objects)
        for role in roles
        for stage in seen.stages
    }
    compared = {end: pair for end, pair in pairs(seen).items() if end != "1_3"}
    for (end, (before, after)), role in itertools.product(compared.items(), roles):
        is_right = outcomes.right(seen, after) == 100
        for name, values in measures[role, after].items():
            change = values - measures[role, before][name]
            for images, chosen in (("all", change), ("right", outcomes.where(change, is_right))):
                reading = {"layer": LAYERS[role], "focus": name, "images": images}
                yield Row(f"object_{end}", reading, trainings.mean(chosen))


# --- whether they stay ---


def agreements(
    clean: Tensor, maps: Tensor, setting: Setting
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Agreement (n,) of clean and corrupted maps (n, h, w) of an image, and of a stranger's.

    By measure: Spearman's correlation, and the share of the strongest fifth (from 0 to 1). The
    stranger is the image before, whose clean map is compared with this image's corrupted one.
    """
    own = stages.stability(clean, maps, setting, outcomes.DRAWS).numpy()
    stranger = stages.stability(clean.roll(1, 0), maps, setting, outcomes.DRAWS).numpy()
    scale = {"Spearman": 1, "top fifth": 100}
    return {
        name: (own[:, column] / scale[name], stranger[:, column] / scale[name])
        for name, column in AGREEMENTS.items()
    }


def corrected_change(
    before: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
    *,
    corrected: bool,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """The change of agreement between stages, image by image (n,), on the images that both have.

    `before` and `after` are (own, stranger), (n,) each; without the correction strangers only
    decide, as they do with it, which images count.
    """
    missing = np.isnan(np.stack([*before, *after])).any(0)
    if chosen is not None:
        missing |= ~chosen
    values = []
    for pair in (before, after):
        own, stranger = (np.where(missing, np.nan, part) for part in pair)
        values.append(trainings.corrected_agreement(own, stranger) if corrected else own)
    return values[1] - values[0]


CORRECTION = {"for what strangers share": True, "none": False}


def consistency_rows(seen: Outcomes) -> Iterator[Row]:
    """Claims ``stable_...`` and ``settle_1_3``: whether maps grow more consistent."""
    yield from _settling(seen)
    last = seen.stages[-1]
    if last <= THIRD:
        return
    for name, setting, role in _mapped_settings(seen):
        found = {
            stage: agreements(
                seen.maps[stage, CLEAN, role], seen.maps[stage, setting, role], setting
            )
            for stage in (0, FIRST, THIRD, last)
        }
        count = len(seen.objects)
        both = {
            stage: (outcomes.right(seen, stage) + outcomes.right(seen, last) == 200)[:count]
            for stage in (FIRST, THIRD)
        }
        both[0] = outcomes.right(seen, last)[:count] == 100  # the untrained one is hardly ever
        for measure, (correction, corrected), stage, images in itertools.product(
            AGREEMENTS, CORRECTION.items(), (FIRST, THIRD, 0), ("all", "right")
        ):
            if setting.strength != PAPER[name].strength and (stage, images) != (FIRST, "all"):
                continue  # other strengths in fewer readings
            change = corrected_change(
                found[stage][measure], found[last][measure], corrected=corrected,
                chosen=both[stage] if images == "right" else None,
            )  # fmt: skip
            reading = {
                "layer": LAYERS[role], "agreement": measure, "correction": correction,
                "against": AGAINST[stage], "strength": f"{setting.strength:g}",
                "grid": setting.grid, "images": images,
            }  # fmt: skip
            yield Row(f"stable_{name}", reading, trainings.mean(change))


def _mapped_settings(seen: Outcomes) -> Iterator[tuple[str, Setting, str]]:
    """Name, setting and role of each layer whose maps were recorded under a corruption."""
    last = seen.stages[-1]
    names = {setting.corruption: name for name, setting in PAPER.items()}
    for stage, setting, role in seen.maps:
        if stage == last and setting != CLEAN:
            yield names[setting.corruption], setting, role


def _settling(seen: Outcomes) -> Iterator[Row]:
    """Whether epochs 2 and 3 agree more than epochs 1 and 2, on clean images."""
    roles = [role for role in LAYERS if (0, CLEAN, role) in seen.maps]
    for role, (measure, column) in itertools.product(roles, AGREEMENTS.items()):
        scale = 100 if measure == "top fifth" else 1
        first, second, third = (seen.maps[s, CLEAN, role] for s in (FIRST, SECOND, THIRD))
        steps = [
            (
                stages.map_agreement(earlier, later).numpy()[:, column] / scale,
                stages.map_agreement(earlier.roll(1, 0), later).numpy()[:, column] / scale,
            )
            for earlier, later in ((first, second), (second, third))
        ]
        for correction, corrected in CORRECTION.items():
            reading = {"layer": LAYERS[role], "agreement": measure, "correction": correction}
            change = corrected_change(steps[0], steps[1], corrected=corrected)
            yield Row("settle_1_3", reading, trainings.mean(change))


def levels(seen: Outcomes, setting: Setting, stage: int, role: str = "last") -> dict[str, Estimate]:
    """A stage's agreement (Spearman) under a setting, as :func:`levels_of` gives it."""
    clean, maps = seen.maps[stage, CLEAN, role], seen.maps[stage, setting, role]
    return levels_of(clean, maps, setting)


def levels_of(clean: Tensor, maps: Tensor, setting: Setting) -> dict[str, Estimate]:
    """Agreement (Spearman) of clean and corrupted maps (n, h, w): own, a stranger's, corrected."""
    own, stranger = agreements(clean, maps, setting)["Spearman"]
    return {
        "own": trainings.mean(own),
        "another image's": trainings.mean(stranger),
        "corrected": trainings.mean(trainings.corrected_agreement(own, stranger)),
    }
