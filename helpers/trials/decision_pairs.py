"""Originals with their adversarials, and all that Dieter & Zisgen say of a relevance rule on them.

A *group* is some originals with all their adversarials: what is measured and kept at a time, and
what a bootstrap draws together.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from helpers.inputs import cifar, conversion, dieter2023
from helpers.measures import distributions, followed, paired, rankings, shape, summaries
from helpers.papers import checks, lrp


class Arm(NamedTuple):
    """A network with its originals and their adversarials; logits are (N, 10) and (M, 10)."""

    network: nn.Module
    images: cifar.Images
    adversarials: dieter2023.Adversarials
    logits: tuple[Tensor, Tensor]


class Group(NamedTuple):
    """Some originals with all their adversarials."""

    originals: cifar.Images
    adversarials: dieter2023.Adversarials  # source: position in originals
    logits: tuple[Tensor, Tensor]  # of each original's label and of each adversarial's target


def other_classes(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every image with every class of ten but its own: source index and target, (9 N,) each."""
    source = torch.arange(len(labels)).repeat_interleave(10)
    target = torch.arange(10).repeat(len(labels))
    other = target != labels[source]
    return source[other], target[other]


def split_into_groups(arm: Arm, number: int) -> list[Group]:
    """The originals that the network gets right in equal groups, each with its adversarials."""
    labels, (pixels, source, target) = arm.images.labels, arm.adversarials
    of_images = arm.logits[0].gather(1, labels[:, None])[:, 0]
    of_adversarials = arm.logits[1].gather(1, target[:, None])[:, 0]
    right = (arm.logits[0].argmax(1) == labels).nonzero()[:, 0]
    groups = []
    for members in right.tensor_split(number):
        position = torch.full((len(labels),), -1)
        position[members] = torch.arange(len(members))
        chosen = (position[source] >= 0).nonzero()[:, 0]
        originals = cifar.Images(arm.images.pixels[members], labels[members])
        attacked = dieter2023.Adversarials(pixels[chosen], position[source[chosen]], target[chosen])
        logits = of_images[members], of_adversarials[chosen]
        groups.append(Group(originals, attacked, logits))
    return groups


def maps_of(network: nn.Module, images: Tensor, classes: Tensor, rule: lrp.Rule) -> Tensor:
    """Relevance (N, C, H, W) of images in [0, 1] for classes (N,), each by its largest magnitude.

    On the network's device; computed 256 images at a time.
    """
    device = next(network.parameters()).device
    if not len(images):
        return torch.zeros(images.shape, device=device)
    batches = zip(images.split(256), classes.split(256), strict=True)
    relevance = [lrp.relevance(network, x.to(device), c.to(device), rule) for x, c in batches]
    return lrp.max_normalized(torch.cat(relevance))


def oriented_maps(network: nn.Module, images: Tensor, classes: Tensor, rule: lrp.Rule) -> Tensor:
    """:func:`maps_of` (N, C, H, W) times the sign of the logit that is explained, on the CPU.

    LRP hands on a signed logit, so that the map of a class with a negative logit is turned round,
    and its ranking with it. Where a class is explained that is not predicted, that sign would
    decide alone; after this, a positive number speaks for the class whatever its logit.
    """
    maps = maps_of(network, images, classes, rule).cpu()
    own = logits_of(network, images).gather(1, classes[:, None])
    return maps * torch.where(own < 0, -1.0, 1.0).view(-1, 1, 1, 1)


def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """Logits (N, K) of images (N, C, H, W) in [0, 1], on the CPU, 500 at a time."""
    device = next(network.parameters()).device
    with torch.no_grad(), checks.evaluating(network):
        parts = [
            network(batch.to(device).contiguous(memory_format=torch.channels_last)).cpu()
            for batch in images.split(500)
        ]
    return torch.cat(parts)


def predict(network: nn.Module, images: Tensor) -> Tensor:
    """The classes (N,) that a network predicts for images (N, C, H, W) in [0, 1], on the CPU."""
    return logits_of(network, images).argmax(1)


def measure(network: nn.Module, group: Group, rule: lrp.Rule) -> dict[str, Tensor]:
    """All that the paper says of a rule, over a group of n originals and m adversarials.

    Relevance is reduced to counts on a grid of 20,001 cells, by sign, and to overlaps and shifts of
    ranks; images whose relevance is not finite are left out, and counted.

    Returns
    -------
    dict
        ``grid`` (2, 20001), ``signs`` (2, 2, 3) and ``images`` (2, 2: all and finite ones), each
        of originals and of adversarials; ``negative`` (2, 2: images, and those with a negative
        logit); ``overlaps`` (m, 5), NaN where relevance is not finite; ``shifts`` (5, 613);
        ``before`` (n, 5) and ``after`` (m, 5), their summaries, see :mod:`summaries`; ``seconds``.
    """
    started, (images, (pixels, source, target), logits) = time.process_time(), group
    unit = [conversion.to_unit(part) for part in (images.pixels, pixels)]
    before = maps_of(network, unit[0], images.labels, rule).flatten(1)
    after = maps_of(network, unit[1], target, rule).flatten(1)
    finite = [relevance.isfinite().all(1) for relevance in (before, after)]
    usable = finite[1] & finite[0][source]  # (m,)
    order = rankings.ranking(before)[source[usable.cpu()]]
    usable_overlaps, shifts = followed.follow(order, rankings.ranking(after[usable]))
    overlaps = usable_overlaps.new_full((len(usable), len(followed.FOLLOWED)), torch.nan)
    overlaps[usable] = usable_overlaps
    valid = [
        (r[f], z.to(r.device)[f]) for r, f, z in zip((before, after), finite, logits, strict=True)
    ]
    return {
        "grid": torch.stack([distributions.grid_counts(r) for r, _ in valid]),
        "signs": torch.stack([distributions.sign_counts(r, z) for r, z in valid]),
        "images": torch.tensor([[len(f), f.sum()] for f in finite]),
        "negative": torch.tensor([[len(z), (z < 0).sum()] for _, z in valid]),
        "overlaps": overlaps,
        "shifts": shifts,
        "before": summaries.summaries(before),
        "after": summaries.summaries(after),
        "seconds": torch.tensor(time.process_time() - started),
    }


def stack_groups(results: list[dict[str, Tensor]]) -> dict[str, np.ndarray]:
    """Counts of all groups, a row a group: (G, ...); overlaps as sums and numbers (G, 2, 5)."""
    counts = {
        key: np.stack([result[key].numpy() for result in results])
        for key in ("grid", "signs", "images", "negative", "shifts", "seconds")
    }
    overlaps = [result["overlaps"].numpy() for result in results]
    sums = [[np.nansum(pairs, axis=0), np.isfinite(pairs).sum(0)] for pairs in overlaps]
    return counts | {"overlaps": np.stack([np.stack(both) for both in sums])}


class Differences(NamedTuple):
    """How adversarials' summaries differ from their original's, in deviations between originals.

    ``paired`` (S, N, 5) of S networks and N originals; ``pooled`` goes from summed grid counts
    (2, 20001) to the same of all components together, (5,).
    """

    paired: np.ndarray
    pooled: Callable[[np.ndarray], np.ndarray]


def differences(groups: list[list[Group]], results: list[list[dict[str, Tensor]]]) -> Differences:
    """From :func:`measure` of all networks and groups."""
    scaled, spreads = [], []
    for parts, found in zip(groups, results, strict=True):
        before = [result["before"].double().numpy() for result in found]
        changes = [
            paired.differences(
                own, result["after"].double().numpy(), group.adversarials.source.numpy()
            )
            for own, group, result in zip(before, parts, found, strict=True)
        ]
        together = np.concatenate(before)
        scaled.append(paired.standardized(np.concatenate(changes), together))
        spreads.append(np.nanstd(together, axis=0, ddof=1))
    spread = np.mean(spreads, axis=0)
    spread[spread == 0] = np.nan

    def pooled(total: np.ndarray) -> np.ndarray:
        originals, adversarials = shape.grid_summaries(total, summaries.IRRELEVANT)
        return (adversarials - originals) / spread

    return Differences(np.stack(scaled), pooled)
