"""The networks of the chapter on DE-CAM, each with the photographs that it is evaluated on."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion, fused, stored_networks
from helpers.inputs.photographs import Photographs
from helpers.store import paths

MOST_ON_A_CPU = 16  # images at once: more do not fit the processor's cache, and are slower


class Network(NamedTuple):
    """A classifier, its copies that give scores, and the photographs that it is evaluated on."""

    network: nn.Module  # images in [0, 1] to logits, in float32
    judged: nn.Module  # the same without BatchNorms: insertion and deletion evaluate it
    searched: nn.Module  # `judged`, in the precision of the searches
    layer: str  # the last feature map before pooling
    mean: Tensor  # (3, 1, 1): its mean color, which is zero once normalized
    images: Tensor  # (N, 3, H, W), evaluated
    logits: Tensor  # (N, 1000), on the CPU
    classes: Tensor  # (N,): those predicted
    spare: Tensor  # (M, 3, H, W), on which the weight of the area is settled
    spare_classes: Tensor  # (M,)
    iterations: int  # generations of its searches


def at_hand(names: list[str]) -> list[str]:
    """Those of some networks that need no file of ``XAI_DATA``, or whose file is there.

    Raises
    ------
    ValueError
        If none of them is.
    """
    folder = paths.xai_data()
    found = [
        name
        for name in names
        if name not in stored_networks.SHA256
        or (folder is not None and (folder / "networks" / f"{name}.safetensors").is_file())
    ]
    if not found:
        raise ValueError(
            f"the weights of {', '.join(names)} are files of XAI_DATA/networks, which are not "
            f"there; take one of {', '.join(classifiers.PACKAGED_SHA256)}"
        )
    return found


def load(
    name: str,
    photos: Photographs,
    spare: Photographs,
    *,
    iterations: int,
    precision: str = "float32",
    batch_size: int = MOST_ON_A_CPU,
) -> Network:
    """A network of ImageNet by name, with evaluated photographs and those that are held out.

    Parameters
    ----------
    precision
        float32, in which everything is judged, or bfloat16, of searches alone.

    Raises
    ------
    ValueError
        As :func:`helpers.inputs.classifiers.load_imagenet`.
    """
    network, layer = classifiers.load_imagenet(name)
    device = next(network.parameters()).device
    images, held = (_as_input(found.pixels, device) for found in (photos, spare))
    judged = fused.without_batchnorm(network, images[:2])
    searched = classifiers.Bfloat16(judged) if precision == "bfloat16" else judged
    logits, spare_logits = (
        classifiers.logits(network, found.pixels, batch_size=batch_size)
        for found in (photos, spare)
    )
    mean = network.get_buffer("mean")[0]
    return Network(
        network, judged, searched, layer, mean, images, logits, logits.argmax(1), held,
        spare_logits.argmax(1), iterations,
    )  # fmt: skip


def row(net: Network, photos: Photographs, batch_size: int = MOST_ON_A_CPU) -> tuple[float, ...]:
    """How many images a network has, and how well it does.

    Then the share that it has right, the mean probability and the mean logit of the class that it
    predicts, and the largest change of that logit in the network that is searched.
    """
    count = len(net.logits)
    searched = classifiers.logits(net.searched, photos.pixels[:count], batch_size=batch_size)
    change = (searched - net.logits).gather(1, net.classes[:, None]).abs().amax()
    labels = photos.labels[:count]
    correct = (net.classes == labels)[labels >= 0].double().mean()
    sure = net.logits.softmax(1).amax(1).mean()
    return count, *(float(value) for value in (correct, sure, net.logits.amax(1).mean(), change))


def first_of(photos: Photographs, count: int) -> Photographs:
    """The first so many photographs."""
    return Photographs(photos.pixels[:count], photos.labels[:count], photos.names[:count])


def _as_input(pixels: Tensor, device: torch.device) -> Tensor:
    found = conversion.to_unit(pixels.to(device))
    return found.contiguous(memory_format=torch.channels_last)
