"""Activation maps under the one signature, from a network's last feature map."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.papers import cams, peers


def activation_map(method: Callable, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """One of the maps of :mod:`helpers.papers.cams` or ``pca_cams``, at the images' size.

    It looks at the network's last feature map. Images (N, 3, H, W), classes (N,) to (N, H, W).
    """
    recorded = cams.record(model, images, classes, last_feature_map(model, images))
    return cams.upsample(method(*recorded), images.shape[-2:])


def full_grad(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """FullGrad (Srinivas & Fleuret 2019): what the input and every bias contribute, in magnitude.

    Images (N, 3, H, W) and classes (N,) to (N, H, W), non-negative.
    """
    return peers.full_grad(peers.full_gradients(model, images, classes), images.shape[-2:])


def last_feature_map(model: nn.Module, images: Tensor) -> str:
    """The name of the last layer that gives maps (N, K, H, W) of more than one cell.

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
