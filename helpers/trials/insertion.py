"""Karatsiolis & Kamilaris' test: a map should show the pixels that carry the score.

Insertion, deletion and their difference DiffAUC, over all draws of the method, from curves that
the test of :mod:`helpers.trials.sufficiency` shares.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.inputs import classifiers
from helpers.measures import insertion_deletion, rankings
from helpers.papers import black_box
from helpers.saliency import black_boxes
from helpers.store import cache
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score
from helpers.trials.settings import CHAPTER, Settings

DELETION, INSERTION, SUFFICIENCY = range(3)  # the order of the curves


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """Areas below the curves in points, one a draw; nothing where a draw is missing."""
    curves = curves_of_draws(maps, conditions, settings)
    if curves is None:
        return []
    areas = 100 * insertion_deletion.auc(curves.movedim(2, -1))  # (N, 3, S)
    return [
        score("deletion (points)", areas[:, DELETION], -1),
        score("insertion (points)", areas[:, INSERTION]),
        score(TRIAL.decides, areas[:, INSERTION] - areas[:, DELETION]),
    ]


def curves_of_draws(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> Tensor | None:
    """Curves (N, 3, steps + 1, S) of the clean images' maps, kept; None if a draw is missing.

    NaN where a map is constant.
    """
    names = [families.draw_name(draw) for draw in range(settings.seeds)]
    if not all(name in maps for name in names):
        return None
    base = conditions[families.CLEAN]
    _RUNNING[base.key] = base
    orders = [
        rankings.break_ties(maps[name].maps, families.generator(settings.seed)) for name in names
    ]
    curves = torch.stack(
        [
            cache.kept(
                f"{CHAPTER}/curves", _curves, base.key, base.images, base.classes, order,
                settings.steps, settings.seed,
            )["curves"]
            for order in orders
        ],
        -1,
    )  # fmt: skip
    counts = torch.stack([ordered(maps[name].maps) for name in names], -1)  # (N, S)
    return torch.where(counts[:, None, None], curves, torch.nan)


_RUNNING: dict[str, Condition] = {}  # the clean condition by its network's digest; see the engine


@torch.no_grad()
def _curves(
    key: str, images: Tensor, classes: Tensor, order: Tensor, steps: int, seed: int
) -> dict[str, Tensor]:
    """Deletion, insertion and sufficiency curves, (N, 3, steps + 1), of orders (N, H, W)."""
    network = _RUNNING[key].network
    probability = classifiers.class_score(network, classes, probability=True)
    options: dict = {
        "steps": steps, "fill": black_boxes.GREY, "batch_size": families.batch_size(images),
    }  # fmt: skip
    selected = selections(order, black_boxes.segments_of(images).cpu(), steps, seed)
    order = order.to(images.device)
    curves = [
        insertion_deletion.deletion_curve(probability, images, order, **options),
        insertion_deletion.insertion_curve(probability, images, order, **options),
        black_box.masked_scores(
            probability, images, selected.to(images.device), fill=black_boxes.GREY,
            batch_size=families.batch_size(images),
        ),
    ]  # fmt: skip
    return {"curves": torch.stack(curves, 1)}


def shares(steps: int) -> Tensor:
    """Shares of the image that are shown, float64 (steps + 1,)."""
    return torch.linspace(0, 1, steps + 1, dtype=torch.float64)


def selections(order: Tensor, segments: Tensor, steps: int, seed: int) -> Tensor:
    """The superpixels that maps select of at most each share of the image, (N, steps + 1, H, W).

    Those come first in which the map's mean is largest; order and segments are (N, H, W), the
    result is bool.
    """
    share = rankings.selection_share(order, segments, families.generator(seed))
    return share[:, None] <= shares(steps)[:, None, None]


def needs(conditions: Mapping[str, Condition]) -> list[str]:
    """The clean images, for every draw."""
    return [name for name, c in conditions.items() if name == families.draw_name(c.draw)]


TRIAL = Trial(
    "insertion and deletion", "Karatsiolis & Kamilaris", "DiffAUC (points)", 1, needs, scores
)
