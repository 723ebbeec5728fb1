"""What a saliency method is: a function (model, images, classes) -> maps, and what it must give.

A model, in evaluation mode, takes images (N, 3, H, W) in [0, 1] to logits; classes are int64 (N,);
maps are (N, H, W), of both signs where the method has both. A method that draws at random draws
from torch's global generator, or seeds its library from it, so that whoever calls it fixes the seed
and no method of a user's own needs to know how.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from helpers.inputs import devices
from helpers.papers import checks

Explain = Callable[[nn.Module, Tensor, Tensor], Tensor]


class NotApplicable(ValueError):
    """A method cannot explain this network, for a reason that its own documentation states."""


_NO_GRADIENT = ("does not require grad", "not have been used in the graph", "derivative for aten")


def needs_gradients(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that says so where a network has no gradient for images (N, 3, H, W)."""

    @functools.wraps(method)
    def explain(*given: Any, **options: Any) -> Tensor:
        try:
            return method(*given, **options)
        except RuntimeError as error:
            said = any(words in str(error) for words in _NO_GRADIENT)
            model = next(value for value in given if isinstance(value, nn.Module))
            images = next(value for value in given if isinstance(value, Tensor))
            if said and not gives_gradients(model, images):  # else it is the method's own error
                raise NotApplicable(
                    "the network has no gradient for the image, and this method needs one"
                ) from error
            raise

    return explain


def gives_gradients(network: nn.Module, images: Tensor) -> bool:
    """Whether the logits of images (N, 3, H, W) have a gradient for them, be it zero."""
    with torch.enable_grad():
        leaf = images.detach().clone().requires_grad_()
        try:
            logits = network(leaf)
            if not logits.requires_grad:
                return False
            (slope,) = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)
        except (RuntimeError, NotImplementedError):  # quantized operations have none
            return False
    return slope is not None


def checked_maps(
    explain: Explain, model: nn.Module, images: Tensor, classes: Tensor, *, seed: int
) -> Tensor:
    """A method's maps, float32 (N, H, W), if they are maps; torch's global generator is left alone.

    Raises
    ------
    ValueError
        If images are no floats in [0, 1], a class is none (-1 stands for one that is not known), or
        what comes is no tensor of one finite number a pixel.
    """
    checks.check_unit_range(images)
    checks.check_classes(classes, images)
    if int(classes.min()) < 0:
        raise ValueError(
            f"classes hold {int(classes.min())}, which is none; take the network's own: "
            "model(images).argmax(1)"
        )
    with torch.random.fork_rng(devices.of_rng(images.device)):
        torch.manual_seed(seed)
        maps = explain(model, images, classes.to(images.device))
    expected = (len(images), *images.shape[-2:])
    if not isinstance(maps, Tensor):
        raise ValueError(f"the method gave {type(maps).__name__}; expected a tensor {expected}")
    if tuple(maps.shape) != expected:
        raise ValueError(
            f"the method gave {tuple(maps.shape)}; expected {expected}, a number a pixel: sum over "
            "colors, and bring small maps to size with helpers.papers.cams.upsample"
        )
    maps = maps.detach().float()
    if not maps.isfinite().all():
        wrong = int((~maps.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"the method gave NaN or infinite values in {wrong} of {len(maps)} maps")
    return maps
