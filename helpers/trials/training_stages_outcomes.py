"""Arya 2024: what one training's checkpoints do with many images, clean and corrupted.

Logits on many images, maps on the first of them. Everything is kept one network, setting and layer
at a time, so that a run that was broken off goes on.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import cifar, classifiers, conversion, corruptions
from helpers.measures import foreground
from helpers.store import cache
from helpers.trials import training_stages as stages
from helpers.trials.training_stages import CLEAN, Setting

CHAPTER = "gradcam_training"
DRAWS = 0  # seed of all corruptions, the same for every training
CHUNK = 500  # images that are corrupted at once
GRIDS = ("original", "enlarged")
PAPER = {
    "noise": Setting("gaussian noise", 0.1),
    "rotation": Setting("rotation", 30),
    "occlusion": Setting("occlusion", 20),
}  # the paper's strengths, by the names in the claims' keys
STRENGTHS = {
    "noise": (0.02, 0.05, 0.2, 0.3),
    "rotation": (5, 15, 45, 60),
    "occlusion": (5, 10, 50, 100),
}  # beside the paper's, on the original grid
COUNTS = (5, 10, 20)  # the paper's three numbers of occluded pixels


class Layers(NamedTuple):
    """Names in a network's body: its last convolution, what follows it, and a layer before it."""

    last: str
    activated: str  # after BatchNorm and activation; "" where that is the same
    earlier: str  # with a finer map


class Outcomes(NamedTuple):
    """What one training's stages do; rows of smaller tensors are the first of the larger ones.

    Attributes
    ----------
    stages
        Epochs, 0 first; the last one is the fully trained model.
    labels
        Of all images, (N,).
    logits
        By stage and setting: (N, classes), or of the first n images, (n, classes).
    maps
        By stage, setting and role of the layer (a field of :class:`Layers`): (n, h, w), of the
        class that the stage predicts for the clean image.
    objects
        Masks, bool (n, 32, 32).
    """

    stages: list[int]
    labels: Tensor
    logits: dict[tuple[int, Setting], Tensor]
    maps: dict[tuple[int, Setting, str], Tensor]
    objects: Tensor


def enlarged(setting: Setting) -> Setting:
    """The same corruption of the enlarged image."""
    return setting._replace(grid="enlarged")


def occlusions() -> list[Setting]:
    """What Table 3 may mean by occlusion: pixels black or blurred, how many, and on which grid."""
    return [
        Setting(kind, count, grid)
        for kind in ("occlusion", "blurred occlusion")
        for grid in GRIDS
        for count in COUNTS
    ]


def settings_of_few() -> list[Setting]:
    """Settings beside the paper's that are measured on the smaller sample."""
    others = [
        PAPER[name]._replace(strength=strength)
        for name, strengths in STRENGTHS.items()
        for strength in strengths
    ]
    return list(dict.fromkeys([*others, *occlusions()]))


def settings_of_many() -> list[Setting]:
    """The clean image and the paper's settings on both grids, measured on all images."""
    return [CLEAN, *PAPER.values(), *map(enlarged, PAPER.values())]


def compute_logits(
    network: nn.Module, pixels: Tensor, setting: Setting, size: int, seed: int
) -> dict[str, Tensor]:
    """Logits (N, classes) of pixels (N, 3, H, W) under a setting, on the CPU, in chunks.

    The draws are those of `training_stages.corrupted` for all images at once.
    """
    device = next(network.parameters()).device
    generator, logits = torch.Generator().manual_seed(seed), []  # one for all chunks, in order
    for chunk in pixels.split(CHUNK):
        images = conversion.to_unit(chunk)
        if setting.grid == "enlarged":
            images = F.interpolate(images, (size, size), mode="bilinear").clamp(0, 1)
        images = corruptions.corrupt(images, setting.corruption, setting.strength, generator)
        with torch.no_grad():
            logits += [network(batch.to(device)).cpu() for batch in images.split(50)]
    return {"logits": torch.cat(logits)}


def kept_logits(
    network: classifiers.Preprocessed, pixels: Tensor, setting: Setting = CLEAN
) -> Tensor:
    """Logits (N, classes) of pixels (N, 3, H, W) under a setting, made or read."""
    arguments = network, pixels, setting, network.size, DRAWS
    return cache.kept(f"{CHAPTER}/logits", compute_logits, *arguments)["logits"]


def kept_maps(
    network: classifiers.Preprocessed,
    pixels: Tensor,
    classes: Tensor,
    setting: Setting,
    layer: str,
) -> Tensor:
    """Raw maps (N, h, w) of `classes` (N,) for pixels (N, 3, H, W) under a setting."""
    arguments = network, pixels, classes, setting, layer, DRAWS
    return cache.kept(f"{CHAPTER}/maps", stages.under, *arguments)["maps"]


def collect(
    networks: Mapping[int, classifiers.Preprocessed],
    images: cifar.Images,
    few: int,
    layers: Layers,
    *,
    full: bool,
) -> Outcomes:
    """Run a training's networks, by epoch, on images; maps and more settings on the first `few`.

    `full` adds what the multiverse of readings needs: other strengths, Table 3's readings, and
    maps of the layer before the last.
    """
    pixels = images.pixels[:few]
    logits, maps = {}, {}
    roles = list(Layers._fields if full else ("last", "earlier"))
    for stage, network in networks.items():
        for setting in settings_of_many():
            logits[stage, setting] = kept_logits(network, images.pixels, setting)
        classes = logits[stage, CLEAN][:few].argmax(1)
        for setting in settings_of_few() if full else []:
            if (stage, setting) not in logits:
                logits[stage, setting] = kept_logits(network, pixels, setting)
        for setting, role in mapped(roles, full=full):
            if layer := getattr(layers, role):
                maps[stage, setting, role] = kept_maps(network, pixels, classes, setting, layer)
    objects = foreground.unlike_the_border(conversion.to_unit(pixels))
    return Outcomes(list(networks), images.labels, logits, maps, objects)


def mapped(roles: list[str], *, full: bool) -> list[tuple[Setting, str]]:
    """Which settings have maps at which layers: strengths beside the paper's only at the last."""
    under = [(setting, role) for setting in settings_of_many() for role in roles]
    pairs = [(s, role) for s, role in under if role != "activated" or s == CLEAN]
    if not full:
        return [(s, role) for s, role in pairs if s.grid == "original"]
    others = [s for s in settings_of_few() if s.corruption != "blurred occlusion"]
    return pairs + [(s, "last") for s in others if s.grid == "original" and s not in PAPER.values()]


# --- one value an image ---


def right(seen: Outcomes, stage: int, setting: Setting = CLEAN) -> np.ndarray:
    """100 where a stage is right under a setting, 0 where it is not, (n,)."""
    logits = seen.logits[stage, setting]
    return 100 * (logits.argmax(1) == seen.labels[: len(logits)]).double().numpy()


def probability(
    seen: Outcomes, stage: int, setting: Setting = CLEAN, *, true_class: bool = False
) -> np.ndarray:
    """The largest probability, or the true class's, of each image, (n,)."""
    shares = seen.logits[stage, setting].double().softmax(1)
    if true_class:
        return shares.gather(1, seen.labels[: len(shares), None])[:, 0].numpy()
    return shares.amax(1).numpy()


def paired(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The first less the second, image by image, as far as both go."""
    count = min(len(first), len(second))
    return first[:count] - second[:count]


def where(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Values (n,) of the chosen images, bool (n,) or longer; NaN elsewhere."""
    return np.where(chosen[: len(values)], values, np.nan)


def empty_maps(seen: Outcomes, stage: int, setting: Setting, role: str = "last") -> int:
    """How many maps have no mass at all: nothing speaks for the class."""
    return int((seen.maps[stage, setting, role].flatten(1).amax(1) == 0).sum())
