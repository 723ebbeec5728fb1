"""Dieter & Zisgen's test: a map should change when the decision changes.

The overlap of the most relevant pixels before and after an attack that one cannot see (their Fig.
4). It means nothing alone, so that it stands beside the overlap with another class's map of the
same image, with the map of another image, and with the map under noise as large as the attack that
leaves the decision. How much less survives the attack than that noise decides: a map that follows
the decision scores high, one that shows edges, or a random one, zero.
"""

from collections.abc import Mapping

from torch import Tensor

from helpers.measures import rankings
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score, where
from helpers.trials.settings import Settings

SHARES = (1, 10)  # per cent of the pixels, the first of each map
COMPARED = (families.ATTACKED, families.NOISE, families.OTHER_CLASS, families.OTHER_IMAGE)


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Overlaps and rank correlation with the clean map; nothing unless all conditions are there."""
    if not {families.CLEAN, *COMPARED} <= set(maps):
        return []
    clean = maps[families.CLEAN].maps
    before = _ordered(clean, settings.seed)
    found, common = [], {}
    for name in COMPARED:
        after = maps[name].maps
        counts = conditions[name].counts.cpu() & ordered(clean, after)
        common[name] = overlaps(before, _ordered(after, settings.seed))
        for share, values in common[name].items():
            found.append(score(f"top {share} % in common, {name}", where(counts, values), 0))
        agreement = rankings.spearman(clean, after)
        found.append(score(f"rank correlation, {name}", where(counts, agreement), 0))
    pair = families.ATTACKED, families.NOISE
    both = conditions[pair[0]].counts.cpu() & conditions[pair[1]].counts.cpu()
    both &= ordered(clean, *(maps[name].maps for name in pair))
    lost = common[families.NOISE][10] - common[families.ATTACKED][10]
    return [*found, score(TRIAL.decides, where(both, lost))]


def overlaps(before: Tensor, after: Tensor) -> dict[int, Tensor]:
    """Shares (N,) of the first 1 % and 10 % of the pixels that two maps (N, H, W) have in common.

    Dieter & Zisgen, Fig. 4; ties must be broken before.
    """
    pixels = before[0].numel()
    cuts = {share: max(pixels * share // 100, 1) for share in SHARES}
    first, second = rankings.ranking(before), rankings.ranking(after)
    positions = rankings.new_positions(first, second, cuts[max(SHARES)])
    return {share: rankings.overlap(positions[:, :cut], cut) for share, cut in cuts.items()}


def _ordered(maps: Tensor, seed: int) -> Tensor:
    """Maps with their ties broken in one random order, the same for every condition."""
    return rankings.break_ties(maps, families.generator(seed))


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images and all that they are compared with."""
    return [families.CLEAN, *COMPARED]


TRIAL = Trial(
    "decision", "Dieter & Zisgen", "top 10 % lost to the attack, beyond noise", 1, needs, scores
)
