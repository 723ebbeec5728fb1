"""Networks beside the chapter's own on which its conclusions are tried, and their layers."""

from typing import Any

import torch
from torch import nn

from helpers.inputs import (
    checkpoints,
    cifar,
    classifiers,
    devices,
    recipes,
    stored_networks,
    training,
)
from helpers.inputs.recipes import Recipe, Training
from helpers.store import cache, paths
from helpers.trials.training_stages_outcomes import CHAPTER, Layers

CLASSES = 10
EFFICIENT = Layers("conv_head", "bn2", "blocks.4")
LAYERS = {
    "resnet18": Layers("layer4", "", "layer3"),
    "squeezenet1_1": Layers("features.12", "", "features.7"),
}  # by model; the others are built like EfficientNet
GENTLE = {"squeezenet1_1": 0.001, "tf_mobilenetv2_100": 0.001}  # learning rates without BatchNorm
NO_WEIGHTS = ("resnet18",)  # whose ImageNet weights are a download: it starts from random ones


def layers_of(model: str, last: str = "") -> Layers:
    """The layers of a model whose maps are measured; `last` names another last layer."""
    found = LAYERS.get(model, EFFICIENT)
    return found._replace(last=last) if last else found


def second_recipes(names: str, recipe: Recipe, epochs: int) -> list[Recipe]:
    """Recipes of second networks, all else as in the first one's.

    Parameters
    ----------
    names
        Models, separated by spaces; ``name@128`` has another input size.

    Raises
    ------
    ValueError
        If what follows an @ is no number, or a network is the first one itself.
    """
    made = []
    for name in names.split():
        model, _, size = name.partition("@")
        if size and not size.isdecimal():
            raise ValueError(f"second network {name!r}; expected a model, or model@size")
        pixels = int(size) if size else recipe.image_size
        if (model, pixels) == (recipe.model, recipe.image_size):
            raise ValueError(f"{name} is the first network itself; leave it out of second_models")
        pretrained = recipe.pretrained and model not in NO_WEIGHTS
        made.append(
            recipe._replace(
                model=model, image_size=pixels, pretrained=pretrained, epochs=epochs,
                lr=GENTLE.get(model, recipe.lr),
            )
        )  # fmt: skip
    return made


def called(recipe: Recipe) -> str:
    """What a second network is called in a reading."""
    start = "" if recipe.pretrained else " from random weights"
    return f"{recipe.model}{start} at {recipe.image_size} pixels"


def network_at_start(recipe: Recipe) -> classifiers.Preprocessed:
    """A recipe's network before training, with a new last layer of ten classes.

    Those of `stored_networks` have their ImageNet weights in ``XAI_DATA/networks``.

    Raises
    ------
    ValueError
        If the weights cannot be had.
    """
    if not (recipe.pretrained and recipe.model in stored_networks.SHA256):
        return recipes.network_at_start(recipe)
    body: Any  # of either library
    body, size, mean, std = stored_networks.load(
        recipe.model, classifiers.PACKAGED_SHA256, recipe.image_size
    )
    with torch.random.fork_rng(devices.of_rng(devices.chosen())):
        torch.manual_seed(recipe.seed)
        if recipe.model == "squeezenet1_1":  # its last layer is a convolution
            body.classifier[1] = nn.Conv2d(512, CLASSES, 1)
        else:
            body.classifier = nn.Linear(body.classifier.in_features, CLASSES)
    return classifiers.Preprocessed(body.requires_grad_(True), size, mean, std)


def train_or_load(
    wanted: Recipe, images: cifar.Images, committed: Training | None = None
) -> Training:
    """As `recipes.train_or_load`, also for the networks of `stored_networks`."""
    if wanted.model not in stored_networks.SHA256:
        return recipes.train_or_load(wanted, images, CHAPTER, committed)
    network = network_at_start(wanted).to(classifiers.default_device())
    name = cache.key_of(training.fit, network, images, wanted._replace(epochs=0))
    folder = paths.CACHE / CHAPTER / f"training-{name}"
    epochs = training.fit(
        network, images, folder, epochs=wanted.epochs, batch_size=wanted.batch_size,
        momentum=wanted.momentum, rate=lambda step: wanted.lr, seed=wanted.seed,
    )  # fmt: skip
    records = dict(epochs)
    return Training(wanted, {e: training.epoch_file(folder, e) for e in records if e}, records)


def after(trained: Training, epoch: int) -> classifiers.Preprocessed:
    """The network after an epoch of a training, in evaluation mode; epoch 0 is the start."""
    network = network_at_start(trained.recipe)
    if epoch:
        file = trained.files[epoch]
        checkpoints.load_weights(network, file.read_bytes(), file.name)
    network.eval().requires_grad_(False).to(classifiers.default_device())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def stages_of(trained: Training, last: int) -> dict[int, classifiers.Preprocessed]:
    """The stages that the paper compares, by epoch, as far as a training goes; 0 is the start."""
    wanted = [0, 1, 2, 3, last] if trained.recipe.epochs >= last else [0, 1, 2, 3]
    return {stage: after(trained, stage) for stage in wanted}
