"""Networks with ImageNet weights that get a new last layer, and where their maps are read."""

from typing import Any

import torch
from torch import nn

from helpers.inputs import classifiers, devices, stored_networks
from helpers.store import paths

LAYERS = {  # the last map before pooling, after its ReLU, and the one with twice its cells a side
    "tf_efficientnet_lite0": ("body.blocks.5.0.bn1", "body.bn2"),
    "tf_mobilenetv2_100": ("body.blocks.5.0.bn1", "body.bn2"),
    "resnet18.tv_in1k": ("body.layer3", "body.layer4"),
}  # of networks that can be fine-tuned: the earlier layer first
MASKS = {"gas mask": 570, "mask": 643, "oxygen mask": 691, "ski mask": 796}  # ImageNet's


class FixedNorms(classifiers.Preprocessed):
    """A network whose BatchNorm layers keep their means and variances while it is trained.

    With small batches the collected ones are better than a batch's own; and where they are folded
    into the convolutions (see `stored_networks`), a batch's own would undo the folding.
    """

    def train(self, mode: bool = True) -> "FixedNorms":
        """Set the mode, of all layers but BatchNorm, which stay as in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def is_at_hand(name: str) -> bool:
    """Whether a network's weights need no file that is missing; others may be a download."""
    if name not in stored_networks.SHA256:
        return True
    folder = paths.xai_data()
    return folder is not None and (folder / "networks" / f"{name}.safetensors").is_file()


def unchanged(name: str, size: int) -> classifiers.Preprocessed:
    """A network with its ImageNet weights and 1,000 classes, for images of `size` pixels a side.

    Raises
    ------
    ValueError
        If its layers are not known here, or its weights cannot be had.
    """
    if name not in LAYERS:
        raise ValueError(f"there is no network {name!r}; expected one of {', '.join(LAYERS)}")
    if name in stored_networks.SHA256:
        packaged = classifiers.PACKAGED_SHA256
        network = classifiers.Preprocessed(*stored_networks.load(name, packaged, size))
    else:
        network = classifiers.timm_network(name, classes=None, size=size)
    return network.eval().requires_grad_(False)


def with_new_head(name: str, *, classes: int, size: int, seed: int) -> FixedNorms:
    """A network that starts from ImageNet weights with a new last layer, ready to be trained.

    Parameters
    ----------
    name
        One of :data:`LAYERS`.
    classes
        Outputs of the new layer.
    size
        Side of the images in pixels.
    seed
        Of the new layer's weights.

    Raises
    ------
    ValueError
        As :func:`unchanged`.
    """
    network = unchanged(name, size)
    body: Any = network.body  # of timm
    with torch.random.fork_rng(devices.of_rng(devices.chosen())):
        torch.manual_seed(seed)
        body.reset_classifier(classes)
    mean, std = (tuple(values.flatten().tolist()) for values in (network.mean, network.std))
    return FixedNorms(body, size, mean, std).requires_grad_(True)
