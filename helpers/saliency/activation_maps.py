"""Activation maps under the one signature, from a network's last feature map."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.papers import cams, peers


def activation_map(method: Callable, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """One of the maps of :mod:`helpers.cams` from the network's last map, at the images' size."""
    recorded = cams.record(model, images, classes, last_feature_map(model, images))
    return cams.upsample(method(*recorded), images.shape[-2:])


def full_grad(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Srinivas & Fleuret 2019: what the input and every bias contribute, in magnitude."""
    return peers.full_grad(peers.full_gradients(model, images, classes), images.shape[-2:])


def last_feature_map(model: nn.Module, images: Tensor) -> str:
    """The last layer that gives maps (N, K, H, W) of more than one cell: where CAMs look.

    Raises
    ------
    ValueError
        If there is none.
    """
    last = []

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2:] != (1, 1):
            last.append(name)

    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            model(images[:1])
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise ValueError(f"no layer of {type(model).__name__} gives maps of more than one cell")
    return last[-1]
