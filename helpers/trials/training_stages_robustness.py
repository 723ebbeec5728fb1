"""Arya 2024: from outcomes to the claims' numbers in every reading: accuracy and confidence.

Rows are as in :mod:`helpers.trials.training_stages_rows`.
"""

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from helpers.measures import trainings
from helpers.measures.trainings import Estimate
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials.training_stages import CLEAN, Setting
from helpers.trials.training_stages_outcomes import PAPER, Outcomes
from helpers.trials.training_stages_rows import AGAINST, FIRST, SECOND, THIRD, Row

PROBABILITIES = {"largest": False, "true class's": True}
MEAN = "mean of epochs 1 to 3"
GAINS = {"gain_1_2": (FIRST, SECOND), "gain_2_3": (SECOND, THIRD)}


def accuracy_rows(
    right: Mapping[int, np.ndarray], records: Mapping[int, Mapping[str, float]], images: int
) -> Iterator[Row]:
    """Table 1, and how accuracy grows from epoch to epoch.

    Parameters
    ----------
    right
        By epoch: 100 where a test image is classified correctly, else 0, (N,).
    records
        By epoch: the running share of training images that are ``right``. It is a count of all of
        them, so that it has no error over images.
    images
        How many training images an epoch has.
    """
    for epoch, values in right.items():
        yield Row(f"test_{epoch}", {}, trainings.mean(values))
    for epoch, record in records.items():
        yield Row(f"train_{epoch}", {}, Estimate(100 * record["right"], 0.0, images))
    for key, (before, after) in GAINS.items():
        if {before, after} <= set(right):
            yield Row(key, {}, trainings.paired_difference(right[after] - right[before]))
    if {15, 20} <= set(right):
        yield Row("plateau_15_20", {}, trainings.paired_difference(right[20] - right[15]))


def compare(seen: Outcomes, one: int, other: int, setting: Setting) -> dict[str, np.ndarray]:
    """How much better a stage does than another under a setting, in points: (n,) by measure.

    The accuracy; how much less accuracy is lost from clean to corrupted images; and the accuracy on
    images that both classify correctly when clean (NaN elsewhere).
    """
    gain = outcomes.paired(outcomes.right(seen, one, setting), outcomes.right(seen, other, setting))
    clean = outcomes.paired(outcomes.right(seen, one), outcomes.right(seen, other))[: len(gain)]
    both = outcomes.right(seen, one) + outcomes.right(seen, other) == 200
    return {
        "accuracy": gain,
        "loss of accuracy": gain - clean,
        "accuracy where both are right when clean": outcomes.where(gain, both),
    }


def robustness_rows(seen: Outcomes) -> Iterator[Row]:
    """Claims ``robust_...``, ``overfit_...`` and ``noise_hardest_...``: accuracy when corrupted."""
    last = seen.stages[-1]
    for name, setting in _settings(seen):
        about = {"strength": f"{setting.strength:g}", "grid": setting.grid}
        for measure, values in compare(seen, THIRD, FIRST, setting).items():
            yield Row(
                f"robust_{name}", {"measure": measure, **about}, trainings.paired_difference(values)
            )
        if last <= THIRD:
            continue
        against = {stage: compare(seen, last, stage, setting) for stage in (FIRST, SECOND, THIRD)}
        for measure in against[FIRST]:
            by_stage = {AGAINST[stage]: values[measure] for stage, values in against.items()}
            by_stage[MEAN] = np.mean(list(by_stage.values()), axis=0)  # NaN unless all four right
            for other, values in by_stage.items():
                reading = {"measure": measure, "against": other, **about}
                yield Row(f"overfit_{name}", reading, trainings.paired_difference(values))
    yield from _hardest(seen)


def _settings(seen: Outcomes) -> Iterator[tuple[str, Setting]]:
    """Each setting that was measured at all trained stages, with its corruption's short name."""
    names = {setting.corruption: name for name, setting in PAPER.items()}
    for stage, setting in seen.logits:
        if stage == seen.stages[-1] and setting != CLEAN and setting.corruption in names:
            yield names[setting.corruption], setting


def _hardest(seen: Outcomes) -> Iterator[Row]:
    """How much better a stage does under rotation or occlusion than under noise."""
    last = seen.stages[-1]
    called = {stage: "last" if stage == last > THIRD else AGAINST[stage] for stage in seen.stages}
    for grid, stage, name in itertools.product(
        outcomes.GRIDS, seen.stages[1:], ("rotation", "occlusion")
    ):
        noise, other = (PAPER[kind]._replace(grid=grid) for kind in ("noise", name))
        change = outcomes.paired(
            outcomes.right(seen, stage, noise), outcomes.right(seen, stage, other)
        )
        for measure, values in (
            ("accuracy", change),
            ("accuracy where right when clean",
             outcomes.where(change, outcomes.right(seen, stage) == 100)),
        ):  # fmt: skip
            reading = {"measure": measure, "stage": called[stage], "grid": grid}
            yield Row(f"noise_hardest_{name}", reading, trainings.paired_difference(values))


# --- Table 3: the confidence drop ---


def drops(seen: Outcomes, stage: int, setting: Setting, *, true_class: bool) -> np.ndarray:
    """Confidence on the clean image less that on the corrupted one, image by image, (n,)."""
    clean, after = (
        outcomes.probability(seen, stage, s, true_class=true_class) for s in (CLEAN, setting)
    )
    return outcomes.paired(clean, after)


def drop_rows(seen: Outcomes) -> Iterator[Row]:
    """Claims ``drop_...``: Table 3 in all its readings; the title's is the main one."""
    last = seen.stages[-1]
    for setting, (called, true_class) in itertools.product(
        outcomes.occlusions(), PROBABILITIES.items()
    ):
        if (last, setting) not in seen.logits:
            continue
        by_stage = {
            stage: drops(seen, stage, setting, true_class=true_class) for stage in seen.stages[1:]
        }
        is_right = {stage: outcomes.right(seen, stage) == 100 for stage in by_stage}
        for images in ("all", "right"):
            reading = {
                "pixels": "black" if setting.corruption == "occlusion" else "blurred",
                "grid": setting.grid, "count": f"{setting.strength:g}", "probability": called,
                "images": images,
            }  # fmt: skip
            yield from _drops_of(by_stage, is_right if images == "right" else {}, reading, last)


def _drops_of(
    by_stage: Mapping[int, np.ndarray],
    is_right: Mapping[int, np.ndarray],
    reading: Mapping[str, str],
    last: int,
) -> Iterator[Row]:
    """Each stage's mean drop, and how much larger the last one's is than each other's."""
    papers = {stage: 20 if stage == last > THIRD else stage for stage in by_stage}
    for stage, values in by_stage.items():
        chosen = outcomes.where(values, is_right[stage]) if is_right else values
        yield Row(f"drop_{papers[stage]}", reading, trainings.mean(chosen))
        if stage == last or last <= THIRD:
            continue
        over = outcomes.paired(by_stage[last], values)
        if is_right:
            over = outcomes.where(over, is_right[last] & is_right[stage])
        yield Row(f"drop_20_over_{stage}", reading, trainings.mean(over))
