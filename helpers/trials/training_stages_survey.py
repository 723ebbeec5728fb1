"""Arya 2024: all that is measured of one training, and of several, in every reading."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from helpers.inputs import cifar, classifiers
from helpers.inputs.recipes import Training
from helpers.measures.trainings import Estimate
from helpers.trials import training_stages_figures as figures
from helpers.trials import training_stages_networks as networks_of
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials import training_stages_procedure as procedure
from helpers.trials import training_stages_robustness as robustness
from helpers.trials import training_stages_rows as rows
from helpers.trials import training_stages_shards as shards
from helpers.trials.training_stages import CLEAN
from helpers.trials.training_stages_outcomes import Layers, Outcomes
from helpers.trials.training_stages_rows import Row

ALL = 10_000  # CIFAR-10's test images
TABLE = (1, 2, 3, 4, 5, 10, 15, 20)  # the epochs of Table 1
SIX = (950, 799, 2927, 3333, 1244, 722)  # test images, Figures 1 to 6
MOST_ROUNDS = 10  # of each image, from which the author's procedure draws three


class Plan(NamedTuple):
    """On what a training is measured.

    Attributes
    ----------
    many, few
        Numbers of images: for accuracies at the paper's strengths; for maps and all else.
    rounds
        Draws of each corruption of Figures 13 to 16.
    complete
        Whether all of CIFAR-10's test images are there, so that some can be named.
    full
        Whether all readings are measured, or the main ones of a second network.
    """

    many: int
    few: int
    rounds: int
    complete: bool
    full: bool


class Survey(NamedTuple):
    """One training's networks by epoch, what they did, and its estimates (see `shards.table`)."""

    networks: dict[int, classifiers.Preprocessed]
    seen: Outcomes
    table: pd.DataFrame


def plan(values: Mapping[str, Any], test: cifar.Images, *, full: bool) -> Plan:
    """The plan of a run from its parameters; there are no more images than the test set has."""
    count = len(test.labels)
    many, few = (min(values[name], count) for name in ("robust_images", "test_images"))
    return Plan(many, min(few, many), values["rounds"], count == ALL, full)


def shuffled(images: cifar.Images, count: int) -> Tensor:
    """The numbers of the first `count` images of a fixed shuffle, (count,)."""
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))
    return order[:count]


def chosen(images: cifar.Images, order: Tensor) -> cifar.Images:
    """The images of these numbers, (count,)."""
    return cifar.Images(images.pixels[order], images.labels[order])


def told(plan: Plan, layers: Layers) -> dict[str, object]:
    """How a training is measured, as its shard keeps it."""
    return {**plan._asdict(), "layers": list(layers)}


def survey(
    trained: Training, last: int, test: cifar.Images, images: cifar.Images, layers: Layers,
    plan: Plan,
) -> Survey:  # fmt: skip
    """Measure one training.

    Parameters
    ----------
    last
        The epoch of the fully trained model; a shorter training has the stages before it only.
    test
        The whole test set, in its own order.
    images
        Those that are measured, `plan.many` of the test set in a fixed shuffle.
    """
    networks = networks_of.stages_of(trained, last)
    seen = outcomes.collect(networks, images, plan.few, layers, full=plan.full)
    made = [*accuracy(trained, seen, images), *rows.focus_rows(seen), *rows.consistency_rows(seen)]
    made += [*robustness.robustness_rows(seen), *robustness.drop_rows(seen)]
    if plan.full and plan.complete:
        made += [*figures.rows(networks, test, plan.rounds), *six_right(networks, test)]
    if plan.full and max(networks) > rows.THIRD:
        made += procedure_rows(networks, seen, images, plan)
    return Survey(networks, seen, shards.table(made))


def accuracy(trained: Training, seen: Outcomes, images: cifar.Images) -> Iterator[Row]:
    """Table 1 at the epochs that are kept, and how accuracy grows."""
    right = {stage: outcomes.right(seen, stage) for stage in seen.stages}
    for epoch in TABLE:
        if epoch in trained.files and epoch not in right and epoch <= seen.stages[-1]:
            network = networks_of.after(trained, epoch)
            logits = outcomes.kept_logits(network, images.pixels, [CLEAN])[CLEAN]
            right[epoch] = 100 * (logits.argmax(1) == images.labels).double().numpy()
    records = {epoch: record for epoch, record in trained.records.items() if "right" in record}
    yield from robustness.accuracy_rows(right, records, trained.recipe.train_images)


def six_right(
    networks: Mapping[int, classifiers.Preprocessed], test: cifar.Images
) -> Iterator[Row]:
    """How many of 24 predictions, of four trained stages for the six named images, are right."""
    trained = {stage: network for stage, network in networks.items() if stage}
    if len(trained) < 4:
        return
    six, count = list(SIX), 0
    for network in trained.values():
        logits = outcomes.kept_logits(network, test.pixels[six], [CLEAN])[CLEAN]
        count += int((logits.argmax(1) == test.labels[six]).sum())
    yield Row("six_right", {}, Estimate(count, 0.0, len(six) * len(trained)))


def procedure_rows(
    networks: Mapping[int, classifiers.Preprocessed],
    seen: Outcomes,
    images: cifar.Images,
    plan: Plan,
) -> Iterator[Row]:
    """How often (%) the author's procedure shows that the last stage is hurt most, by rule."""
    trained = {stage: network for stage, network in networks.items() if stage}
    pixels, labels = images.pixels[: plan.few], images.labels[: plan.few]
    right = procedure.rounds_of(trained, pixels, labels, min(plan.rounds, MOST_ROUNDS))
    clean = np.stack([outcomes.right(seen, stage)[: plan.few] for stage in trained])
    chosen = np.flatnonzero((clean == 100).all(0))
    for name, rule in procedure.RULES.items():
        for stages, shuffled in (("as they are", False), ("exchanged at random", True)):
            share, low, high = procedure.odds(right, chosen, rule, shuffled=shuffled)
            error = (high - low) / (2 * 1.96)
            yield Row(f"look: {name}", {"stages": stages}, Estimate(share, error, len(chosen)))


def over(tables: list[pd.DataFrame], claims: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates over trainings: the claims' main readings, and all readings; see `combine`.

    Readings of what is no claim are left out.
    """
    found = shards.combine(tables)
    known = found[found.key.isin(claims) & found.low.notna()]
    return known[known.reading == ""], known[known.reading != ""]
