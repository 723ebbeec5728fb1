"""Networks that have forgotten what they learned and still tell images apart.

Shuffled weights alone leave a deep network with nearly the same answer for every image, so that a
map may change because nothing is left to explain. Here every shuffled layer gets back the mean and
the deviation of each of its channels, as some images have them in the trained network.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from helpers.trials import conditions as families

WEIGHTED = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear
LEAST = 1e-6  # of a deviation: a channel below it is constant


class Channels(NamedTuple):
    """Mean and deviation of each channel over images and places, (C,) each."""

    mean: Tensor
    deviation: Tensor


def forgetful(network: nn.Module, share: float, images: Tensor, *, seed: int) -> nn.Module:
    """A copy of a network whose upper layers are shuffled, with the channels' scales of before.

    Of the last `share` of the convolutions and linear layers (at least one), each weight's entries
    are shuffled. Then, from the lowest of them up, each channel is moved and scaled, by its weights
    and its bias, to the mean and deviation that it has for `images` in the trained network.

    Parameters
    ----------
    network
        In evaluation mode; it stays as it is.
    share
        Of the layers, in (0, 1].
    images
        (N, 3, H, W) in [0, 1], two or more.
    seed
        Of the shuffling.

    Raises
    ------
    ValueError
        If the share is not in (0, 1], there are fewer than two images, or no layer has weights.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected more than 0, and at most 1")
    if len(images) < 2:
        raise ValueError(f"there is {len(images)} image; expected two or more, to see them differ")
    names = [name for name, layer in network.named_modules() if isinstance(layer, WEIGHTED)]
    if not names:
        raise ValueError("the network has no convolution and no linear layer to shuffle")
    chosen = names[-max(round(share * len(names)), 1) :]
    wanted = _channels(network, chosen, images)
    changed = copy.deepcopy(network)
    layers = dict(changed.named_modules())
    generator = torch.Generator().manual_seed(seed)
    for name in chosen:
        _shuffle(layers[name], generator)
    hooks = [layers[name].register_forward_hook(_restored(wanted[name])) for name in chosen]
    try:
        families.logits_of(changed, images[: families.batch_size(images)])
    finally:
        for hook in hooks:
            hook.remove()
    return changed.requires_grad_(False)


def told_apart(network: nn.Module, images: Tensor) -> float:
    """Share of the variance of a network's logits that lies between images, 0 to 1.

    With z (N, K): sum over images of (z - mean over images)^2 over the sum of (z - mean of all)^2.
    It is 0 where each image gets the same logits.
    """
    logits = families.logits_of(network, images).double()
    between = (logits - logits.mean(0)).square().sum()
    return float(between / (logits - logits.mean()).square().sum().clamp(min=1e-30))


def _channels(network: nn.Module, names: list[str], images: Tensor) -> dict[str, Channels]:
    """The channels of some layers, by name, for as many images as go through at once."""
    found: dict[str, Channels] = {}

    def noted(name: str):
        def hook(layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
            found.setdefault(name, _of_output(layer, output))

        return hook

    layers = dict(network.named_modules())
    hooks = [layers[name].register_forward_hook(noted(name)) for name in names]
    try:
        families.logits_of(network, images[: families.batch_size(images)])
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _of_output(layer: nn.Module, output: Tensor) -> Channels:
    axis = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
    rows = output.detach().movedim(axis, 0).flatten(1)
    return Channels(rows.mean(1), rows.std(1))


def _shuffle(layer: nn.Module, generator: torch.Generator) -> None:
    if parametrize.is_parametrized(layer):
        raise ValueError(f"{type(layer).__name__} computes its weights and cannot be shuffled")
    with torch.no_grad():
        order = torch.randperm(layer.weight.numel(), generator=generator).to(layer.weight.device)
        layer.weight.copy_(layer.weight.flatten()[order].view_as(layer.weight))


def _restored(wanted: Channels):
    """A hook that moves a layer's weights and bias once, when it first sees its outputs."""
    done = False

    def hook(layer: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        nonlocal done
        if done:
            return None
        done = True
        now = _of_output(layer, output)
        scale = wanted.deviation / now.deviation.clamp(min=LEAST)
        shift = wanted.mean - scale * now.mean
        with torch.no_grad():
            layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.ndim - 1)))
            bias = torch.zeros_like(shift) if layer.bias is None else layer.bias * scale
            layer.bias = nn.Parameter(bias + shift, requires_grad=False)
        axis = output.ndim - 1 if isinstance(layer, nn.Linear) else 1
        shape = [-1 if place == axis else 1 for place in range(output.ndim)]
        return output * scale.view(shape) + shift.view(shape)

    return hook
