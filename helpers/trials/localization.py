"""Ornek & Ceylan's test: a map should lie on the object.

The middle halves of two photographs stand side by side and the class of the left one is explained,
so that the region is known exactly, for any network; on faces with a marked mask, the same. As many
pixels as the region has are taken, the first of the map, so that no threshold favors a method.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.measures import localization as measures
from helpers.measures import rankings
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score, where
from helpers.trials.settings import Settings

BOX_THRESHOLD = 0.5  # of the map's maximum, for its box


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """How well the maps cover the region, on each set of images that has one."""
    found = []
    for name, condition in conditions.items():
        if condition.region is not None and name in maps:
            found += region_scores(name, maps[name].maps, condition.region, settings.seed)
    return found


def region_scores(name: str, maps: Tensor, region: Tensor, seed: int) -> list[Score]:
    """Six measures of maps (N, H, W) and a region, bool (N, H, W); NaN where a map is constant."""
    iou = measures.mask_iou(first_pixels(maps, region, seed), region)
    box = measures.box_of(measures.thresholded(maps, BOX_THRESHOLD))
    true_box = measures.box_of(region)
    inside = measures.share_within(maps.clamp(min=0), region.double())
    values = {
        "IoU of as many pixels": iou,
        "Dice of as many pixels": 2 * iou / (1 + iou),
        "pointing game": measures.pointing(maps, region),
        "mass inside": inside,
        "IoU of boxes": measures.box_iou(box, true_box),
        "Dice of boxes": measures.box_dice(box, true_box),
    }
    counts = ordered(maps)
    return [
        score(f"{measure}, {name}", where(counts, number)) for measure, number in values.items()
    ]


def first_pixels(maps: Tensor, region: Tensor, seed: int) -> Tensor:
    """As many pixels as the region has, the first of each map: bool (N, H, W); ties at random."""
    order = rankings.ranking(rankings.break_ties(maps, families.generator(seed)))
    size = region.flatten(1).sum(1, keepdim=True)
    first = torch.arange(order.shape[1]) < size
    return torch.zeros_like(region.flatten(1)).scatter(1, order, first).view(region.shape)


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The halves side by side; faces are not always there."""
    return [families.SIDE_BY_SIDE]


TRIAL = Trial(
    "localisation", "Ornek & Ceylan", f"IoU of as many pixels, {families.SIDE_BY_SIDE}", 1, needs,
    scores,
)  # fmt: skip
