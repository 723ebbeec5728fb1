"""Arya 2024: what one training's checkpoints do with many images, clean and corrupted.

Logits on many images, maps on the first of them. Everything is kept one network, setting and layer
at a time, so that a run that was broken off goes on.
"""

from collections.abc import Iterator, Mapping
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


def settings_of_many() -> list[Setting]:
    """The clean image and the paper's settings on both grids, measured on all images."""
    return [CLEAN, *PAPER.values(), *map(enlarged, PAPER.values())]


def corrupted_in_chunks(pixels: Tensor, setting: Setting, size: int, seed: int) -> Iterator[Tensor]:
    """Images (n, 3, H, W) of pixels (N, 3, H, W) under a setting, :data:`CHUNK` at a time.

    The draws are those of `training_stages.corrupted` for all images at once.
    """
    generator = torch.Generator().manual_seed(seed)  # one for all chunks, in order
    for chunk in pixels.split(CHUNK):
        images = conversion.to_unit(chunk)
        if setting.grid == "enlarged":
            images = F.interpolate(images, (size, size), mode="bilinear").clamp(0, 1)
        yield corruptions.corrupt(images, setting.corruption, setting.strength, generator)


@torch.no_grad()
def compute_logits(
    networks: list[nn.Module], pixels: Tensor, setting: Setting, size: int, seed: int
) -> dict[str, Tensor]:
    """Logits (N, classes) of pixels (N, 3, H, W) under a setting, by network's number, on the CPU.

    Images are corrupted once for all networks: a processor takes longer for it than a GPU for them.
    """
    parts: list[list[Tensor]] = [[] for _ in networks]
    for images in corrupted_in_chunks(pixels, setting, size, seed):
        for network, made in zip(networks, parts, strict=True):
            device = next(network.parameters()).device
            made += [network(batch.to(device)).cpu() for batch in images.split(50)]
    return {str(number): torch.cat(made) for number, made in enumerate(parts)}


def kept_logits(
    network: classifiers.Preprocessed, pixels: Tensor, settings: list[Setting]
) -> dict[Setting, Tensor]:
    """Logits (N, classes) of pixels (N, 3, H, W) under each setting, made or read."""
    return {s: made[0] for s, made in kept_logits_of_all([network], pixels, settings).items()}


def kept_logits_of_all(
    networks: list[classifiers.Preprocessed], pixels: Tensor, settings: list[Setting]
) -> dict[Setting, list[Tensor]]:
    """By setting, each network's logits (N, classes) of pixels (N, 3, H, W), made or read."""
    size, name = networks[0].size, f"{CHAPTER}/logits"
    return {
        setting: list(
            cache.kept(name, compute_logits, networks, pixels, setting, size, DRAWS).values()
        )
        for setting in settings
    }


def compute_maps(
    network: classifiers.Preprocessed, pixels: Tensor, classes: Tensor, settings: list[Setting],
    layer: str, seed: int,
) -> dict[str, Tensor]:  # fmt: skip
    """Logits (N, classes) and raw maps (N, h, w) of pixels (N, 3, H, W) under each setting.

    Maps are of `classes`, (N,); names are "logits 0", "maps 0", "logits 1" and so on.
    """
    return {
        f"{name} {number}": tensor
        for number, setting in enumerate(settings)
        for name, tensor in stages.under(network, pixels, classes, setting, layer, seed).items()
    }


def kept_maps(
    network: classifiers.Preprocessed, pixels: Tensor, classes: Tensor, settings: list[Setting],
    layer: str,
) -> dict[Setting, dict[str, Tensor]]:  # fmt: skip
    """By setting ``logits`` (N, classes) and raw ``maps`` (N, h, w), made or read."""
    arguments = network, pixels, classes, settings, layer, DRAWS
    made = cache.kept(f"{CHAPTER}/maps", compute_maps, *arguments)
    return {
        setting: {name: made[f"{name} {number}"] for name in ("logits", "maps")}
        for number, setting in enumerate(settings)
    }


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
    maps of the activated layer.
    """
    pixels = images.pixels[:few]
    logits: dict[tuple[int, Setting], Tensor] = {}
    maps: dict[tuple[int, Setting, str], Tensor] = {}
    every = list(networks.values())
    for setting, of_stages in kept_logits_of_all(every, images.pixels, settings_of_many()).items():
        logits |= {(stage, setting): one for stage, one in zip(networks, of_stages, strict=True)}
    for stage, network in networks.items():
        classes = logits[stage, CLEAN][:few].argmax(1)
        for role, settings in mapped(full=full).items():
            if layer := getattr(layers, role):
                for setting, made in kept_maps(network, pixels, classes, settings, layer).items():
                    maps[stage, setting, role] = made["maps"]
                    logits.setdefault((stage, setting), made["logits"])
    rest = [s for s in occlusions() if full and (min(networks), s) not in logits]
    for setting, of_stages in kept_logits_of_all(every, pixels, rest).items():
        logits |= {(stage, setting): one for stage, one in zip(networks, of_stages, strict=True)}
    objects = foreground.unlike_the_border(conversion.to_unit(pixels))
    return Outcomes(list(networks), images.labels, logits, maps, objects)


def mapped(*, full: bool) -> dict[str, list[Setting]]:
    """Which settings have maps, by role of the layer; strengths beside the paper's at the last."""
    if not full:
        return {role: [CLEAN, *PAPER.values()] for role in ("last", "earlier")}
    others = [
        PAPER[name]._replace(strength=strength)
        for name, strengths in STRENGTHS.items()
        for strength in strengths
    ]
    many = settings_of_many()
    return {"last": many + others, "activated": [CLEAN], "earlier": many}


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
