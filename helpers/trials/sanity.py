"""Adebayo et al.'s test: a map should not outlive the network's weights.

Upper layers of the network are shuffled, and the map is compared with that of the network as it
was. A high rank correlation means that the map does not show what was learned. An image whose map
is constant under either network is left out: it would seem to have forgotten all.
"""

from collections.abc import Mapping

import torch

from helpers.trials import conditions as families
from helpers.trials import corruption
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, score
from helpers.trials.settings import Settings


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Rank correlation by share of randomized layers, and its mean where all shares are there."""
    if families.CLEAN not in maps:
        return []
    found, mean = [], []
    for level in settings.levels:
        name = families.randomized_name(level)
        if name in maps:
            mean.append(corruption.correlation(maps[families.CLEAN].maps, maps[name].maps))
            found.append(score(measure_at(level), mean[-1], -1))
    if len(mean) == len(settings.levels):
        found.append(score(TRIAL.decides, torch.stack(mean).mean(0), -1))
    return found


def measure_at(level: float) -> str:
    """What the measure is called where that share of the layers is randomized."""
    return f"rank correlation, {100 * level:.0f} % of the layers randomised"


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images under the network, and under each randomized one."""
    randomized = [name for name in conditions if name.startswith(families.RANDOMIZED)]
    return [families.CLEAN, *randomized]


TRIAL = Trial("randomisation", "", "rank correlation, mean over levels", -1, needs, scores)
