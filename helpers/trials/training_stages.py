"""Arya 2024: Grad-CAM of one network under corruptions, and what its maps and logits do then.

Images are (N, 3, H, W) in [0, 1], pixels uint8 (N, 3, H, W), raw maps (N, h, w) at the layer's own
resolution. Every measure gives one row an image, NaN where a map has no mass or no order.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import classifiers, conversion, corruptions
from helpers.measures import agreement, localization
from helpers.papers import cams

SIDE = 32  # pixels, CIFAR-10's, at which maps are compared


class Setting(NamedTuple):
    """A corruption, its strength, and whether it meets the image as it is or enlarged."""

    corruption: str
    strength: float
    grid: str = "original"  # or "enlarged"


CLEAN = Setting("gaussian noise", 0)


def corrupted(pixels: Tensor, setting: Setting, size: int, seed: int) -> Tensor:
    """Images (N, 3, H, W) of pixels (N, 3, H, W) under a setting, of side `size` if it enlarges."""
    images = conversion.to_unit(pixels)
    if setting.grid == "enlarged":
        images = F.interpolate(images, (size, size), mode="bilinear").clamp(0, 1)
    generator = torch.Generator().manual_seed(seed)
    return corruptions.corrupt(images, setting.corruption, setting.strength, generator)


class _LastLogits(nn.Module):
    """A network that keeps its last logits, so that one pass gives logits and maps."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.logits = network, torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.logits = self.network(images)
        return self.logits


def logits_and_maps(
    network: nn.Module, images: Tensor, classes: Tensor, layer: str
) -> dict[str, Tensor]:
    """Logits (N, classes) and raw Grad-CAM maps of `classes` (N,), on the CPU, in batches of 50.

    `layer` is a layer of the network's ``body``.
    """
    device = next(network.parameters()).device
    keeping, logits, maps = _LastLogits(network), [], []
    for batch, targets in zip(images.split(50), classes.split(50), strict=True):
        recorded = cams.record(
            keeping, batch.to(device), targets.to(device), f"network.body.{layer}"
        )
        logits.append(keeping.logits.cpu())
        maps.append(cams.grad_cam(*recorded).cpu())
    return {"logits": torch.cat(logits), "maps": torch.cat(maps)}


def under(
    network: classifiers.Preprocessed,
    pixels: Tensor,
    classes: Tensor,
    setting: Setting,
    layer: str,
    seed: int,
) -> dict[str, Tensor]:
    """Logits (N, classes) and maps (N, h, w) of a network under one setting."""
    return logits_and_maps(network, corrupted(pixels, setting, network.size, seed), classes, layer)


def focus(maps: Tensor, objects: Tensor) -> Tensor:
    """Share (%) of the mass in the middle quarter and on the object, and entropy (bits), (N, 3).

    An even map has 25 %, the share of pixels that the object has, and 10 bits. `objects` are masks,
    bool (N, 32, 32).
    """
    maps = cams.upsample(maps, SIDE).double()
    middle = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    middle[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = True
    shares = [100 * localization.share_within(maps, region) for region in (middle, objects)]
    return torch.stack([*shares, localization.entropy(maps)], dim=1)


def map_agreement(before: Tensor, after: Tensor) -> Tensor:
    """Agreement (N, 2) of raw maps of the same images; see :mod:`helpers.measures.agreement`."""
    return agreement.agreement(cams.upsample(before, SIDE), cams.upsample(after, SIDE))


def stability(clean: Tensor, maps: Tensor, setting: Setting, seed: int) -> Tensor:
    """Agreement (N, 2) of raw maps under a setting with those of the clean images.

    Under rotation the clean map is turned by each image's own angle, and compared in the disc that
    stays in view.
    """
    if setting.corruption != "rotation":
        return map_agreement(clean, maps)
    generator = torch.Generator().manual_seed(seed)
    angles = corruptions.draw_angles(len(clean), setting.strength, generator)
    turned = corruptions.rotate(cams.upsample(clean, SIDE)[:, None], angles)[:, 0]
    disc = agreement.inscribed_disc(SIDE)
    return agreement.agreement(turned, cams.upsample(maps, SIDE), disc)


class Behavior(NamedTuple):
    """Columns of :func:`behavior`: 100 or 0, two probabilities, 100 or 0."""

    right: Tensor
    confidence: Tensor  # the largest probability
    true_class: Tensor  # its probability
    unchanged: Tensor  # whether the decision is that for the clean image


def behavior(logits: Tensor, clean_logits: Tensor, labels: Tensor) -> Tensor:
    """What a network does with images: (N, 4) float64, columns as in :class:`Behavior`."""
    probability, prediction = logits.softmax(1), logits.argmax(1)
    columns = Behavior(
        right=100 * (prediction == labels),
        confidence=probability.amax(1),
        true_class=probability.gather(1, labels[:, None])[:, 0],
        unchanged=100 * (prediction == clean_logits.argmax(1)),
    )
    return torch.stack([column.double() for column in columns], dim=1)


def receptive_share(network: nn.Module, layer: str, side: int = SIDE, seed: int = 0) -> float:
    """Share (%) of an image's pixels that the activations of the map's first cell depend on.

    Those pixels of a random image for which the gradient of the squared activations is not zero.
    """
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))
    image = image.to(next(network.parameters()).device).requires_grad_()
    with cams.output_of(network, f"body.{layer}") as outputs:
        network(image)
    (gradient,) = torch.autograd.grad(outputs[0][0, :, 0, 0].square().sum(), image)
    return 100 * gradient.abs().sum(1).gt(0).double().mean().item()
