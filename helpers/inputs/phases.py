"""Training in phases, each with images of a size of its own, that can be killed and goes on."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from helpers.inputs import checkpoints, cifar, classifiers, training
from helpers.store import cache, paths

Pictures = Callable[[int], cifar.Images]  # the images as squares of a side
Augment = Callable[..., Tensor]  # (images, generator, size=...) to images of that size


class Phase(NamedTuple):
    """One phase: sides in pixels, epochs, images a step, and the largest learning rate."""

    stored: int  # side of the images that are augmented
    size: int  # side of the images that the network sees
    epochs: int
    batch_size: int
    peak: float


def train(
    network: classifiers.Preprocessed,
    pictures: Pictures,
    phases: Sequence[Phase],
    augment: Augment,
    folder: Path,
) -> None:
    """Train in place, phase by phase; in each the rate climbs, then falls to zero.

    Stochastic gradient descent with weight decay; one file an epoch in ``folder/phase-N``, from the
    last of which an interrupted training goes on.
    """
    for number, phase in enumerate(phases):
        images = pictures(phase.stored)
        network.size = phase.size
        steps = phase.epochs * math.ceil(len(images.labels) / phase.batch_size)
        epochs = training.fit(
            network,
            images,
            folder / f"phase-{number}",
            epochs=phase.epochs,
            batch_size=phase.batch_size,
            rate=partial(training.rise_and_decay, steps=steps, peak=phase.peak),
            weight_decay=5e-4,
            augment=partial(augment, size=phase.size),
            seed=number,
        )
        for _ in tqdm(epochs, total=phase.epochs + 1, desc=f"{phase.size} pixels"):
            pass


def train_or_load(
    chapter: str,
    network: classifiers.Preprocessed,
    pictures: Pictures,
    phases: Sequence[Phase],
    augment: Augment,
) -> tuple[nn.Module, list[dict]]:
    """The network after all phases, and the record of every epoch with its ``size``.

    A finished training is read; the name of its folder follows from the first weights, the images,
    the phases and the code.

    Parameters
    ----------
    chapter
        In whose part of the cache the epochs are kept.
    network
        With its first weights; it is trained in place, and takes images of its own size in the end.
    pictures, phases, augment
        As for :func:`train`; phases without an epoch are passed over.

    Raises
    ------
    ValueError
        If there is no epoch to train.
    """
    phases = [phase for phase in phases if phase.epochs]
    if not phases:
        raise ValueError("there is no epoch to train; give a phase an epoch or more")
    size = network.size
    folder = paths.CACHE / chapter / cache.key_of(train, network, pictures, phases, augment)
    files = [
        training.epoch_file(folder / f"phase-{number}", epoch)
        for number, phase in enumerate(phases)
        for epoch in range(1, phase.epochs + 1)
    ]
    if not files[-1].exists():
        train(network, pictures, phases, augment, folder)
    network.size = size
    checkpoints.load_weights(network, files[-1].read_bytes(), files[-1].name)
    sizes = [phase.size for phase in phases for _ in range(phase.epochs)]
    records = [
        checkpoints.checkpoint_record(file) | {"size": side}
        for file, side in zip(files, sizes, strict=True)
    ]
    return network.to(memory_format=torch.channels_last), records
