"""Maps to show: those of some originals, and of what the attack made of them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from helpers.inputs import conversion
from helpers.papers import lrp
from helpers.trials.decision_attack import class_names
from helpers.trials.decision_pairs import Arm, maps_of

SHOWN_TARGETS = {1: 7, 2: 3, 3: 2, 7: 9, 9: 1}  # class of an image: class of its adversarial


class Shown(NamedTuple):
    """Originals with an adversarial each: names, pixels, and by rule the maps of both (P, H, W)."""

    names: list[str]
    pixels: Tensor
    adversarial_pixels: Tensor
    originals: dict[str, np.ndarray]
    adversarials: dict[str, np.ndarray]


def heatmaps(
    network: nn.Module, pixels: Tensor, classes: Tensor, rules: list[lrp.Rule]
) -> dict[str, np.ndarray]:
    """By rule: relevance of uint8 images (N, 3, H, W) summed over colors, scaled to [-1, 1]."""
    maps = {}
    for rule in rules:
        summed = maps_of(network, conversion.to_unit(pixels), classes, rule).sum(1)
        peaks = summed.flatten(1).abs().amax(1).clamp(min=1e-12).view(-1, 1, 1)
        maps[rule.name] = (summed / peaks).cpu().numpy()
    return maps


def pairs_of_classes(arm: Arm) -> Tensor:
    """For each class of :data:`SHOWN_TARGETS`, in order, the first such adversarial: (P,)."""
    wanted = torch.tensor([SHOWN_TARGETS.get(c, -1) for c in range(10)])
    labels = arm.images.labels[arm.adversarials.source]
    found = (arm.adversarials.target == wanted[labels]).nonzero()[:, 0].tolist()
    by_class = {int(labels[i]): i for i in reversed(found)}
    return torch.tensor([by_class[c] for c in sorted(by_class)], dtype=torch.long)


def all_of_one(arm: Arm, label: int) -> Tensor:
    """All adversarials of one original, (P,): the first of a class of those with most of them."""
    source = arm.adversarials.source
    number = torch.bincount(source, minlength=len(arm.images.labels))
    of_class = torch.where(arm.images.labels == label, number, -1)
    shown = int((of_class if of_class.max() > 0 else number).argmax())
    return (source == shown).nonzero()[:, 0]


def shown(arm: Arm, chosen: Tensor, rules: list[lrp.Rule]) -> Shown:
    """What to show of some adversarials (numbers (P,)) and their originals."""
    own, targets = arm.adversarials.source[chosen], arm.adversarials.target[chosen]
    labels, pixels = arm.images.labels[own], arm.images.pixels[own]
    pairs = zip(class_names(labels), class_names(targets), strict=True)
    names = [f"{before} as {after}" for before, after in pairs]
    changed = arm.adversarials.pixels[chosen]
    maps = [
        heatmaps(arm.network, *images, rules) if len(chosen) else {rule.name: () for rule in rules}
        for images in ((pixels, labels), (changed, targets))
    ]
    return Shown(names, pixels, changed, *maps)  # type: ignore[arg-type]
