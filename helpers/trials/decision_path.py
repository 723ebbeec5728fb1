"""From an image to its adversarial in small steps: whether a map jumps where the decision turns."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from helpers.inputs import conversion
from helpers.measures import followed, over_networks, turning
from helpers.papers import lrp
from helpers.trials.decision_controls import choose
from helpers.trials.decision_pairs import Group, oriented_maps, predict

EXPLAINED = ["predicted class", "first class throughout"]


def walk(
    network: nn.Module, group: Group, rule: lrp.Rule, steps: int, seed: int
) -> dict[str, Tensor]:
    """Maps along x + t (x' - x), t = 0, 1/T, ..., 1, compared from step to step.

    Returns
    -------
    dict
        ``overlaps`` (P, T, 2, 5) of the maps at both ends of a step, explaining what
        :data:`EXPLAINED` says; ``turns`` (P, T), whether the predicted class differs at the two
        ends; ``classes`` (P, T + 1), the predicted classes.
    """
    chosen, _ = choose(group, seed)
    (images, labels), (changed, source, _), _ = group
    own, attacked = conversion.to_unit(images[source[chosen]]), conversion.to_unit(changed[chosen])
    first = labels[source[chosen]]
    kept: list[Tensor] = []
    classes, overlaps = [], []
    for number in range(steps + 1):
        pictures = own + number / steps * (attacked - own)
        predicted = predict(network, pictures)
        maps = [oriented_maps(network, pictures, c, rule) for c in (predicted, first)]
        if kept:
            pairs = zip(kept, maps, strict=True)
            overlaps.append(torch.stack([followed.overlaps(*pair) for pair in pairs], dim=1))
        kept = maps
        classes.append(predicted)
    named = torch.stack(classes, dim=1)  # (P, T + 1)
    return {
        "overlaps": torch.stack(overlaps, dim=1),
        "turns": named[:, 1:] != named[:, :-1],
        "classes": named,
    }


def jumps(
    results: list[list[dict[str, Tensor]]], overlaps: Sequence[str], *, draws: int, seed: int
) -> dict[tuple[str, str], tuple[float, float, float, int]]:
    """How much less alike maps are across a turn, by what is explained and which overlap.

    From :func:`walk` of all networks and groups, and names of overlaps, to value, low, high and the
    number of paths; the interval is over paths, and over networks where there are several.
    """
    found = {}
    for i, explained in enumerate(EXPLAINED):
        for overlap in overlaps:
            alone, number = [], 0
            for parts in results:
                alike, turns = _together(parts, i, followed.OVERLAPS.index(overlap))
                alone.append(turning.jump_and_interval(alike, turns, draws=draws, seed=seed))
                number = len(turns)
            found[explained, overlap] = over_networks.combined(alone, number)
    return found


def around_turns(rule: str, parts: list[dict[str, Tensor]], overlap: str) -> dict:
    """By rule and by what is explained: :func:`turning.around_turn` of one network's paths."""
    k = followed.OVERLAPS.index(overlap)
    return {
        (rule, explained): turning.around_turn(*_together(parts, i, k))
        for i, explained in enumerate(EXPLAINED)
    }


def _together(parts: list[dict[str, Tensor]], explained: int, overlap: int) -> tuple:
    """One overlap and the turns of all groups, (P, T) both."""
    alike = torch.cat([part["overlaps"][:, :, explained, overlap] for part in parts])
    return alike.numpy().astype(np.float64), torch.cat([part["turns"] for part in parts]).numpy()
