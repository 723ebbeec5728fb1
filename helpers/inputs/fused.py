"""A network with every BatchNorm folded into the convolution before it: the same, but faster."""

import copy
import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CLOSE = 1e-3  # of the largest output: rounding moves logits by a millionth of it


def without_batchnorm(network: nn.Module, probe: Tensor) -> nn.Module:
    r"""A copy of a network in which no convolution is followed by a BatchNorm of its own.

    .. math::
        \gamma \frac{w * x + b - \mu}{\sigma} + \beta
        = \frac{\gamma w}{\sigma} * x + \frac{\gamma (b - \mu)}{\sigma} + \beta

    Forward passes take two thirds of the time on a processor. Pairs are found by their place: a
    convolution and the BatchNorm right behind it among the children of a module. What timm's
    BatchNorm holds, its activation, stays where it was. Layers keep their names, but a folded
    BatchNorm's is another's; activations and gradients are better taken from the network itself.

    Parameters
    ----------
    network
        In evaluation mode; it is not changed.
    probe
        Images (N, 3, H, W) on which the copy is compared with the network.

    Raises
    ------
    ValueError
        If the network is in training mode, or the copy gives other logits: then a BatchNorm stands
        behind a convolution without following it.
    """
    if network.training:
        raise ValueError("the network is in training mode; BatchNorm's statistics are not fixed")
    folded = copy.deepcopy(network)
    for parent in list(folded.modules()):
        children = list(parent.named_children())
        for (name, module), (behind, norm) in itertools.pairwise(children):
            if isinstance(module, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(module, norm))
                setattr(parent, behind, nn.Sequential(*_held(norm)))
    folded.requires_grad_(False)
    with torch.no_grad():
        wanted, found = network(probe), folded(probe)
    apart = (wanted - found).abs().max().item()
    if not apart <= CLOSE * wanted.abs().max().item():
        raise ValueError(
            f"with its BatchNorms folded the network's output moves by {apart:.2g}; one of them "
            "stands behind a convolution whose output it does not take"
        )
    return folded


def _held(norm: nn.BatchNorm2d) -> list[nn.Module]:
    """What a BatchNorm does after normalizing: of timm's, its activation."""
    return [module for module in norm.children() if not isinstance(module, nn.Identity)]


def logit_and_probability(network: nn.Module, classes: Tensor):
    """Both scores of each image's own class, from one pass: images (M, C, H, W) to (M, 2).

    The function takes M = n B images, B = len(classes), of which rows i, B + i, ... have class i,
    as :func:`helpers.inputs.classifiers.class_score`'s. The logit stands first.

    Raises
    ------
    ValueError
        When called, if the images are no whole rounds of the classes, or an output is not finite.
    """

    @torch.no_grad()
    def scores(images: Tensor) -> Tensor:
        rounds, rest = divmod(len(images), len(classes))
        if rest or not rounds:
            raise ValueError(f"{len(images)} images are no whole rounds of {len(classes)} classes")
        logits = network(images)
        if not logits.isfinite().all():
            raise ValueError("the network gave NaN or infinity; check its weights and its input")
        both = torch.stack([logits, logits.softmax(1)], 2)  # (M, K, 2)
        own = classes.to(logits.device).repeat(rounds)
        return both[torch.arange(len(own), device=own.device), own]

    return scores
