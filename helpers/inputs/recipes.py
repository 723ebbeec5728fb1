"""A training by its recipe: taken from committed checkpoints, from the cache, or made now."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from helpers.inputs import checkpoints, cifar, classifiers, training
from helpers.store import cache, paths, reading


class Recipe(NamedTuple):
    """All that a fine-tuning at a constant rate depends on, apart from the images' choice."""

    model: str  # a name of timm
    pretrained: bool  # whether it starts from ImageNet weights
    image_size: int  # pixels a side, to which images are enlarged
    lr: float
    momentum: float
    batch_size: int
    seed: int  # of the new layer and of the order of training
    train_images: int  # images an epoch
    epochs: int


class Training(NamedTuple):
    """A training: its recipe, and by epoch its files of weights and its records.

    A record holds the running accuracy ``right``, the ``loss``, and where known the ``seconds``.
    """

    recipe: Recipe
    files: dict[int, Path]
    records: dict[int, dict]


def committed_training(name: str, folder: Path = paths.MODELS) -> Training:
    """The training that ``<folder>/<name>.json`` describes, those epochs of it that are committed.

    The checkpoints are ``<name>-epoch-NN.safetensors``.

    Raises
    ------
    FileNotFoundError
        If the description, or a checkpoint that it lists, is not there.
    ValueError
        If the description was altered or cut short.
    """
    file = folder / f"{name}.json"
    told = reading.json_of(file)
    if missing_keys := {"recipe", "epochs"} - told.keys():
        raise reading.Damaged(f"{file.name} lacks {min(missing_keys)!r}; {reading.mend(file)}")
    records = {int(epoch): record for epoch, record in told["epochs"].items()}
    files = {epoch: folder / f"{name}-epoch-{epoch:02d}.safetensors" for epoch in records}
    missing = [file.name for file in files.values() if not file.exists()]
    if missing:
        raise FileNotFoundError(f"{missing[0]} is not in {folder.name}/; restore it from git")
    return Training(Recipe(**told["recipe"]), files, records)


def train_or_load(
    wanted: Recipe, images: cifar.Images, chapter: str, committed: Training | None = None
) -> Training:
    """The training of a recipe: the committed one if that is its recipe, else kept, or made now.

    A kept training goes on from its last epoch. Its folder is named by the network at the start,
    the images and the recipe without its number of epochs, so that a longer one continues it.

    Raises
    ------
    ValueError
        If the number of images is not the recipe's, or the loss is no longer finite.
    """
    if len(images.labels) != wanted.train_images:
        raise ValueError(
            f"{len(images.labels)} training images; the recipe wants {wanted.train_images}"
        )
    if committed and wanted == committed.recipe:
        return committed
    network = network_at_start(wanted).to(classifiers.default_device())
    name = cache.key_of(training.fit, network, images, wanted._replace(epochs=0))
    folder = paths.CACHE / chapter / f"training-{name}"
    epochs = training.fit(
        network,
        images,
        folder,
        epochs=wanted.epochs,
        batch_size=wanted.batch_size,
        momentum=wanted.momentum,
        rate=lambda step: wanted.lr,
        seed=wanted.seed,
    )
    records = dict(tqdm(epochs, total=wanted.epochs + 1, desc=f"training {name}"))
    files = {epoch: training.epoch_file(folder, epoch) for epoch in records if epoch}
    return Training(wanted, files, records)


def network_at_start(recipe: Recipe) -> classifiers.Preprocessed:
    """The network of a recipe before training, with a new last layer of ten classes."""
    return classifiers.timm_network(
        recipe.model,
        classes=10,
        size=recipe.image_size,
        pretrained=recipe.pretrained,
        seed=recipe.seed,
    )


def network_after(trained: Training, epoch: int) -> nn.Module:
    """The network after an epoch of a training, in evaluation mode; epoch 0 is the start.

    Raises
    ------
    KeyError
        If the weights of this epoch are not kept; says which are.
    """
    network = network_at_start(trained.recipe)
    if epoch and epoch not in trained.files:
        raise KeyError(f"epoch {epoch} is not kept; there are 0, {str([*trained.files])[1:-1]}")
    if epoch:
        file = trained.files[epoch]
        checkpoints.load_weights(network, checkpoints.read_checkpoint(file), file.name)
    return network.eval().to(classifiers.default_device(), memory_format=torch.channels_last)


def check_same(wanted: Recipe, other: Recipe, but: tuple[str, ...] = ()) -> None:
    """Compare two recipes, the fields `but` left aside.

    Raises
    ------
    ValueError
        If they differ; says in what.
    """
    pairs = zip(wanted._fields, wanted, other, strict=True)
    apart = [f"{name} {a!r}, not {b!r}" for name, a, b in pairs if a != b and name not in but]
    if apart:
        raise ValueError(
            f"the committed checkpoints are of another recipe; wanted is {', '.join(apart)}: "
            "give train_images, so that a network is trained, or leave these as they are"
        )
