"""What a map costs: time, passes through the network, memory.

Seconds and passes come from every run over the photographs but those in which memory is measured,
because that slows them; one number a run and not an image.
"""

from collections.abc import Iterable, Mapping

import pandas as pd
import torch

from helpers.saliency import contract, relevance
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.methods import Method
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


RELEVANCE = "relevance"  # the kind of methods whose maps should add up to the logit


def conservation(methods: Iterable[Method], condition: Condition) -> pd.DataFrame:
    """How far the relevance of each LRP rule is from the logit that it started from.

    A row a rule: means over the condition's images of the sum of relevance, of the logit and of
    the distance between them in per cent of the logit; what the rule should conserve; and why there
    are no numbers, where there are none.
    """
    rows: list[dict[str, float | str]] = []
    for method in methods:
        if method.kind == RELEVANCE:
            try:
                rows.append({"method": method.name, **_conserved(method, condition)})
            except (contract.NotApplicable, RuntimeError, ValueError) as gap:
                rows.append({"method": method.name, "gap": families.first_line(gap)})
    columns = ["method", "sum of relevance", "logit", "error, % of the logit", "should keep", "gap"]
    return pd.DataFrame(rows, columns=columns).fillna({"gap": "", "should keep": ""})


def _conserved(method: Method, condition: Condition) -> dict[str, float | str]:
    size = families.batch_size(condition.images)
    batches = zip(condition.images.split(size), condition.classes.split(size), strict=True)
    parts = [relevance.conservation(method.explain, condition.network, *b) for b in batches]
    total, logit, expected = (torch.cat(part).double() for part in zip(*parts, strict=True))
    takers = "biases" if "epsilon" not in method.name else "biases and epsilon"
    return {
        "sum of relevance": float(total.mean()),
        "logit": float(logit.mean()),
        "error, % of the logit": float(100 * ((total - logit) / logit).abs().mean()),
        "should keep": f"all but what {takers} take" if expected.isnan().any() else "all",
    }


def timed(conditions: Mapping[str, Condition]) -> list[str]:
    """Runs over the photographs with the network as it is."""
    compared = [families.ATTACKED, families.NOISE, families.OTHER_CLASS, families.OTHER_IMAGE]
    worse = [name for name, c in conditions.items() if c.varies == families.CORRUPTED]
    return [name for name in (*compared, *worse, families.CLEAN) if name in conditions]


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images."""
    return [families.CLEAN]


TRIAL = Trial("cost", "", PASSES[0], -1, needs, scores)
