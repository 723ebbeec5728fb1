"""LRP under the one signature, and whether the relevance adds up to the logit."""

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from zennit import types
from zennit.composites import EpsilonGammaBox

from helpers.inputs import classifiers
from helpers.papers import cams, lrp, memory
from helpers.saliency import contract, lrp_network


def lrp_map(rule: lrp.Rule, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by a rule of :mod:`helpers.papers.lrp`, summed over colors, at the images' size.

    It is that of the network's own input: behind the resizing and the normalization of a
    :class:`helpers.inputs.classifiers.Preprocessed`, which have no relevance of their own. Images
    (N, 3, H, W) and classes (N,) to (N, H, W), of both signs, in logits.
    """
    return cams.upsample(_summed(rule, model, images, classes), images.shape[-2:])


def composite_map(kind: type, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by one of Zennit's composites, with BatchNorm merged; otherwise :func:`lrp_map`.

    Images (N, 3, H, W) and classes (N,) to (N, H, W).
    """
    return lrp_map(_composite_rule(kind, model, images), model, images, classes)


class Conservation(NamedTuple):
    """What LRP made of the logits, (N,) each, in logits."""

    total: Tensor  # the sum of each image's relevance
    logit: Tensor  # of the explained class
    expected: Tensor  # what the rule should conserve; NaN where biases or epsilon absorb a share


def conservation(
    explain: contract.Explain, model: nn.Module, images: Tensor, classes: Tensor
) -> Conservation:
    """The sum of relevance beside the logit that it starts from: one number an image.

    LRP-0, LRP-alpha-beta and Zennit's composites conserve the logit but for what biases, and
    constants that the network adds, take; LRP-epsilon also lets its epsilon take a share. So the
    expected sum is the logit where the network has no such constant and the rule no such epsilon.

    Parameters
    ----------
    explain
        :func:`lrp_map` or :func:`composite_map` with its first argument bound.
    model, images, classes
        As for a method: images (N, 3, H, W), classes (N,).

    Raises
    ------
    ValueError
        If the method is none of these two.
    """
    given: Any = explain
    function, bound = getattr(given, "func", None), getattr(given, "args", ())
    if function not in (lrp_map, composite_map):
        raise ValueError("conservation is LRP's: expected relevance.lrp_map or composite_map")
    rule = bound[0] if function is lrp_map else _composite_rule(bound[0], model, images)
    total = _summed(rule, model, images, classes).sum((1, 2))
    with torch.no_grad():
        logit = model(images).gather(1, classes.to(images.device)[:, None])[:, 0]
    body, inputs = _own_input(model, images)
    absorbs = lrp_network.prepared(body, inputs).absorbs or "ε" in rule.name
    expected = torch.full_like(logit, torch.nan) if absorbs else logit
    return Conservation(total, logit, expected)


def _summed(rule: lrp.Rule, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance (N, H', W') of the network's own input, summed over colors."""

    def summed(images: Tensor, classes: Tensor) -> Tensor:
        body, inputs = _own_input(model, images)
        made = lrp_network.prepared(body, inputs)
        with lrp_network.counted(made, body) as network:
            return lrp.relevance(network, inputs, classes, rule).sum(1)

    return memory.InParts(summed)(images, classes)


def _composite_rule(kind: type, model: nn.Module, images: Tensor) -> lrp.Rule:
    composite = partial(kind)
    if (
        kind is EpsilonGammaBox
    ):  # its rule of the first layer needs the bounds of that layer's input
        body, inputs = _own_input(model, images)
        made = lrp_network.prepared(body, inputs).network
        low, high = (
            _first_input(made, _own_input(model, bound)[1])
            for bound in (torch.zeros_like(images), torch.ones_like(images))
        )
        composite = partial(composite, low=torch.minimum(low, high), high=torch.maximum(low, high))
    return lrp.Rule(kind.__name__, composite, True)


class _Reached(Exception):
    """The first layer has got its input."""


def _first_input(network: nn.Module, images: Tensor) -> Tensor:
    """What the first convolution gets for images (N, C, H, W); these where there is none."""
    first = next((m for m in network.modules() if isinstance(m, types.Convolution)), None)
    if first is None:
        return images
    got: list[Tensor] = []

    def stop(_module: nn.Module, inputs: tuple) -> None:
        got.append(inputs[0])
        raise _Reached

    handle = first.register_forward_pre_hook(stop)
    try:
        with torch.no_grad():
            network(images)
    except _Reached:
        pass
    finally:
        handle.remove()
    return got[0]


def _own_input(model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
    """The network without its resizing and normalization, and the images after these two."""
    if not isinstance(model, classifiers.Preprocessed):
        return model, images
    size = (model.size, model.size)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bilinear")
    return model.body, (images - model.mean) / model.std
