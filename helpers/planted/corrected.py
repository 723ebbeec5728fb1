"""Forms of four tests that a map without the network, or without the class, does not win.

Each subtracts what such a map gets as well. They stand beside the tests of :mod:`helpers.trials`,
which the leaderboard uses.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.measures import rankings
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


def sufficient(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """The share of the image that must be shown for nine tenths of its probability.

    To reach the whole probability is a matter of the last thousandth where a network is certain.
    """
    curves = insertion.curves_of_draws(maps, conditions, settings)
    if curves is None:
        return []
    base = conditions[families.CLEAN]
    logits = families.logits_of(base.network, base.images)
    whole = logits.softmax(1).gather(1, base.classes[:, None])[:, 0].cpu().double()
    needed = sufficiency.share_needed(curves[:, insertion.SUFFICIENCY], ENOUGH * whole)
    return [score(SUFFICIENCY.decides, 100 * needed, -1)]


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
    "keeping (corrected)", "", "image shown until it is 9/10 as probable as the whole (%)", -1,
    insertion.needs, sufficient,
)  # fmt: skip
TRIALS = {trial.name: trial for trial in (DECISION, STABILITY, SUFFICIENCY, RANDOMIZATION)}
