"""All seven tests, in the order of the book, and every method's scores in them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.saliency import black_boxes
from helpers.trials import (
    attack,
    conditions,
    corruption,
    costs,
    engine,
    insertion,
    localization,
    remarks,
    sanity,
    sufficiency,
)
from helpers.trials.conditions import Condition
from helpers.trials.methods import Method
from helpers.trials.scores import Score, TestFailed, Trial
from helpers.trials.settings import Settings

TRIALS = {
    trial.name: trial
    for trial in (
        attack.TRIAL, corruption.TRIAL, insertion.TRIAL, localization.TRIAL, sufficiency.TRIAL,
        sanity.TRIAL, costs.TRIAL,
    )
}  # fmt: skip

PAIRS = (conditions.OTHER_IMAGE, conditions.SIDE_BY_SIDE)  # of two photographs
TWO_NEEDED = "needs a second photograph"
ALL_CONSTANT = "its maps are constant, so that they order no pixels"


class MethodScores(NamedTuple):
    """A method's scores in a test; if it has a gap there, why."""

    scores: list[Score]
    gap: str  # empty where there is none


def score_all(
    trial: Trial,
    methods: Iterable[Method],
    cells: engine.Cells,
    conditions: Mapping[str, Condition],
    settings: Settings,
) -> dict[str, MethodScores]:
    """What a test says of every method, by name."""
    return {
        method.name: _score(trial, method.name, cells, conditions, settings) for method in methods
    }


def _score(
    trial: Trial,
    method: str,
    cells: engine.Cells,
    conditions: Mapping[str, Condition],
    settings: Settings,
) -> MethodScores:
    needed = trial.needs(conditions)
    if missing := [name for name in PAIRS if name in needed and name not in conditions]:
        return MethodScores([], f"'{missing[0]}' {TWO_NEEDED}")
    made = engine.available(cells, method)
    try:
        scores = trial.scores(made, conditions, settings)
    except TestFailed as failed:  # a user's: a gap, as with a user's method
        return MethodScores([], str(failed))
    gaps = [cells[method, name] for name in needed]
    reasons = [cell.reason for cell in gaps if isinstance(cell, engine.Gap)]
    if not reasons and _all_constant(trial, scores, [made[name] for name in needed]):
        return MethodScores([s for s in scores if s.measure != trial.decides], ALL_CONSTANT)
    return MethodScores(scores, reasons[0] if reasons else "")


def _all_constant(trial: Trial, scores: list[Score], cells: list[engine.Maps]) -> bool:
    """Whether a test says nothing because on every image a map is constant."""
    deciding = [score.values for score in scores if score.measure == trial.decides]
    if not deciding or not np.isnan(deciding[0]).all():
        return False
    counts = [~remarks.is_constant(cell.maps) for cell in cells]
    return not any(bool(torch.stack(same).all(0).any()) for same in _of_one_length(counts))


def _of_one_length(counts: list[Tensor]) -> list[list[Tensor]]:
    return [[c for c in counts if len(c) == size] for size in {len(c) for c in counts}]


def check_superpixels(images: Tensor) -> None:
    """Refuse images (N, 3, H, W) of which one has no superpixels, before any work.

    Three methods and a test choose from superpixels. They are kept for them.

    Raises
    ------
    ValueError
        If an image has fewer than two.
    """
    for i, image in enumerate(images):
        try:
            black_boxes.segments_of(image[None])
        except ValueError as error:
            raise ValueError(
                f"image {i} has no superpixels to choose from: is it noise, or very small? Leave "
                f"it out ({error})"
            ) from error


def check_enough(images: Tensor) -> None:
    """Refuse to rank methods on fewer than two images (N, 3, H, W).

    Raises
    ------
    ValueError
        If there are not two: one says nothing of how images differ, so nothing has an interval.
    """
    if len(images) < 2:
        raise ValueError(
            f"there is {len(images)} photograph; expected two or more, because intervals and ranks "
            "come from how photographs differ"
        )


def base_conditions(base: Condition, settings: Settings) -> dict[str, Condition]:
    """All conditions that the tests need and that follow from the clean images, by name.

    With one photograph there is none that needs another one, :data:`PAIRS`.
    """
    seed, device = settings.seed, base.images.device
    made = [
        base,
        *conditions.attack_family(base, settings.attack_size, seed=seed),
        *(conditions.corrupted(base, kind, seed=seed) for kind in settings.corruptions),
        conditions.side_by_side(base),
        *(conditions.layers_randomized(base, level, seed=seed) for level in settings.levels),
        *conditions.training_stages(
            settings.stages, settings.cifar_count, seed=seed, device=device
        ),
        *conditions.further_draws(base, settings.seeds),
    ]
    left = () if len(base.images) > 1 else PAIRS
    return {condition.name: condition for condition in made if condition.name not in left}


def mean_probability(condition: Condition) -> float:
    """The network's mean probability of the classes that are explained."""
    logits = conditions.logits_of(condition.network, condition.images)
    chosen = logits.softmax(1).gather(1, condition.classes[:, None])
    return float(torch.mean(chosen))
