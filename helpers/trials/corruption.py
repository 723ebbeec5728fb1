"""Arya's test: a map should stay when the image is corrupted and the decision stays.

The rank correlation of a map with that of the corrupted image, for the same class; under rotation,
with the clean image's map rotated alike. The same over the stages of chapter 2's training, with
noise, and between two draws of a method that draws at random.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.inputs import corruptions
from helpers.measures import rankings
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score, where
from helpers.trials.settings import Settings


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Rank correlations by corruption, their mean, by stage of training, and of two draws."""
    if families.CLEAN not in maps:
        return []
    clean, found, mean = maps[families.CLEAN].maps, [], []
    whole = ordered(clean)  # under every corruption that leaves the decision
    labels = [corruption.label for corruption in settings.corruptions]
    for label in labels:
        if label in maps:
            condition = conditions[label]
            agreement = correlation(clean, maps[label].maps, condition.angles)
            mean.append(where(condition.counts, agreement))
            found.append(score(f"rank correlation, {label}", mean[-1]))
            whole &= ordered(maps[label].maps) | ~condition.counts.cpu()
    if len(mean) == len(labels):
        found.append(score(TRIAL.decides, where(whole, torch.stack(mean).nanmean(0))))
    for stage in settings.stages:
        plain, noisy = f"epoch {stage}", f"epoch {stage}, noise"
        if plain in maps and noisy in maps:
            agreement = correlation(maps[plain].maps, maps[noisy].maps)
            counted = where(conditions[noisy].counts, agreement)
            found.append(score(f"rank correlation, epoch {stage} of chapter 2, noise", counted))
    second = families.draw_name(1)
    if second in maps:
        found.append(score("rank correlation of two seeds", correlation(clean, maps[second].maps)))
    return found


def correlation(before: Tensor, after: Tensor, angles: Tensor | None = None) -> Tensor:
    """Rank correlation (N,) of maps (N, H, W), NaN where one of two is constant.

    With angles (N,), in degrees, the first maps are rotated before.
    """
    both = ordered(before, after)
    if angles is not None:
        before = corruptions.rotate(before[:, None], angles)[:, 0]
    return where(both, rankings.spearman(before, after))


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images, and the same images and network under each corruption."""
    key = conditions[families.CLEAN].key
    worse = [
        name
        for name, condition in conditions.items()
        if condition.key == key and condition.varies == families.CORRUPTED
    ]
    return [families.CLEAN, *worse]


TRIAL = Trial("corruption", "Arya", "rank correlation, mean over corruptions", 1, needs, scores)
