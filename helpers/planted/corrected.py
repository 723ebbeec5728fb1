"""Forms of four tests that a map without the network, or without the class, does not win.

Each subtracts what such a map gets as well. They stand beside the tests of :mod:`helpers.trials`,
which the leaderboard uses.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.inputs import classifiers
from helpers.measures import rankings
from helpers.papers import black_box
from helpers.saliency import black_boxes
from helpers.trials import attack, corruption, insertion, sanity, sufficiency
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score, where
from helpers.trials.settings import Settings

ENOUGH = 0.9  # of the whole image's probability


def decision(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """The top 10 % lost to the attack and to the other class's map, whichever is less, less noise.

    A map that ignores the class loses nothing to the other class, however much the attack moves it.
    """
    names = families.ATTACKED, families.OTHER_CLASS, families.NOISE
    if not {families.CLEAN, *names} <= set(maps):
        return []
    clean = maps[families.CLEAN].maps
    before = _without_ties(clean, settings.seed)
    counts = ordered(clean, *(maps[name].maps for name in names))
    kept = []
    for name in names:
        after = _without_ties(maps[name].maps, settings.seed)
        kept.append(attack.overlaps(before, after)[10])
        counts &= conditions[name].counts.cpu()
    return [score(DECISION.decides, where(counts, kept[2] - torch.maximum(kept[0], kept[1])))]


def stability(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Agreement with the corrupted image's map less that with a network without its weights.

    A map that never moves agrees with both alike.
    """
    randomized = families.randomized_name(max(settings.levels))
    labels = [kind.label for kind in settings.corruptions]
    if not {families.CLEAN, randomized, *labels} <= set(maps):
        return []
    clean = maps[families.CLEAN].maps
    kept = [
        where(
            conditions[label].counts,
            corruption.correlation(clean, maps[label].maps, conditions[label].angles),
        )
        for label in labels
    ]
    without = corruption.correlation(clean, maps[randomized].maps)
    return [score(STABILITY.decides, torch.stack(kept).nanmean(0) - without)]


def randomization(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Agreement of two draws of the method less that with randomized networks, mean over levels.

    A map that is drawn at random agrees with neither.
    """
    second = families.draw_name(1)
    names = [families.randomized_name(level) for level in settings.levels]
    if not {families.CLEAN, second, *names} <= set(maps):
        return []
    clean = maps[families.CLEAN].maps
    without = [corruption.correlation(clean, maps[name].maps) for name in names]
    itself = corruption.correlation(clean, maps[second].maps)
    return [score(RANDOMIZATION.decides, itself - torch.stack(without).mean(0))]


@torch.no_grad()
def sufficient(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """The share of the image from which on it has nine tenths of the whole image's probability.

    Whole cells of a grid are shown, those first in which the map's mean is largest: on small images
    superpixels are larger than what decides. To reach all of the probability is a matter of the
    last thousandth where a network is certain, and to reach it once may be luck.
    """
    names = [families.draw_name(draw) for draw in range(settings.seeds)]
    if not set(names) <= set(maps):
        return []
    base = conditions[families.CLEAN]
    probability = classifiers.class_score(base.network, base.classes, probability=True)
    needed = []
    for name in names:
        order = _without_ties(maps[name].maps, settings.seed)
        cells = grid(*order.shape[1:]).expand(len(order), -1, -1)
        selected = insertion.selections(order, cells, settings.steps, settings.seed)
        kept = black_box.masked_scores(
            probability, base.images, selected.to(base.images.device), fill=black_boxes.GREY,
            batch_size=families.batch_size(base.images),
        )  # fmt: skip
        shown = share_for_good(kept.cpu().double())
        needed.append(where(ordered(maps[name].maps), shown))
    return [score(SUFFICIENCY.decides, 100 * torch.stack(needed, 1), -1)]


def share_for_good(kept: Tensor) -> Tensor:
    """The share (N,) from which on a curve (N, steps + 1) stays above 9/10 of its last value.

    The curves are probabilities while ever more of an image is shown, from none to all of it.
    """
    lowest = kept.flip(1).cummin(1).values.flip(1)  # from each share on
    return sufficiency.share_needed(lowest[..., None], ENOUGH * kept[:, -1])[:, 0]


def grid(height: int, width: int) -> Tensor:
    """Numbers of square cells of an eighth of the image's shorter side, int64 (height, width)."""
    side = max(min(height, width) // 8, 1)
    rows, columns = torch.arange(height) // side, torch.arange(width) // side
    return rows[:, None] * (columns[-1] + 1) + columns


def _without_ties(maps: Tensor, seed: int) -> Tensor:
    """Maps with their ties broken in one random order, the same for every condition."""
    return rankings.break_ties(maps, families.generator(seed))


def _needs_stability(conditions: Mapping[str, Condition]) -> list[str]:
    return [*corruption.needs(conditions), *sanity.needs(conditions)]


def _needs_randomization(conditions: Mapping[str, Condition]) -> list[str]:
    return [*sanity.needs(conditions), *insertion.needs(conditions)]


DECISION = Trial(
    "decision (corrected)", "", "top 10 % lost to attack and to class, beyond noise", 1,
    attack.needs, decision,
)  # fmt: skip
STABILITY = Trial(
    "corruption (corrected)", "", "rank correlation under corruption, beyond that without weights",
    1, _needs_stability, stability,
)  # fmt: skip
RANDOMIZATION = Trial(
    "randomization (corrected)", "", "rank correlation of two draws, beyond that without weights",
    1, _needs_randomization, randomization,
)  # fmt: skip
SUFFICIENCY = Trial(
    "keeping (corrected)", "", "cells shown until it stays 9/10 as probable as the whole (%)", -1,
    insertion.needs, sufficient,
)  # fmt: skip
TRIALS = {trial.name: trial for trial in (DECISION, STABILITY, SUFFICIENCY, RANDOMIZATION)}
