"""What a map costs: time, passes through the network, memory.

Seconds and passes come from every run over the photographs but those in which memory is measured,
because that slows them; one number a run and not an image.
"""

from collections.abc import Mapping

import torch

from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, score
from helpers.trials.settings import Settings

PASSES = ("seconds an image", "forward passes an image", "backward passes an image")


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Seconds, passes and megabytes, one number a run; NaN where a run is a gap."""
    if families.CLEAN not in maps:
        return []
    count = len(conditions[families.CLEAN].images)
    missing = torch.full((4,), torch.nan, dtype=torch.float64)
    costs = {name: maps[name].cost if name in maps else missing for name in timed(conditions)}
    plain = torch.stack(
        [cost / count for name, cost in costs.items() if not conditions[name].memory]
    )
    held = torch.stack([cost[3] for name, cost in costs.items() if conditions[name].memory])
    found = [score(measure, plain[:, k], -1) for k, measure in enumerate(PASSES)]
    return [*found, score("peak memory (MB)", held, -1)]


def timed(conditions: Mapping[str, Condition]) -> list[str]:
    """Runs over the photographs with the network as it is."""
    compared = [families.ATTACKED, families.NOISE, families.OTHER_CLASS, families.OTHER_IMAGE]
    worse = [name for name, c in conditions.items() if c.varies == families.CORRUPTED]
    return [name for name in (*compared, *worse, families.CLEAN) if name in conditions]


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images."""
    return [families.CLEAN]


TRIAL = Trial("cost", "", PASSES[0], -1, needs, scores)
