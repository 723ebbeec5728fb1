"""Maps that should win every test, maps that should lose, and maps that are right in part."""

from functools import partial

import torch
from torch import Tensor, nn

from helpers.planted import marks
from helpers.saliency import controls
from helpers.saliency.contract import Explain
from helpers.store import cache
from helpers.trials.methods import Method
from helpers.trials.randomization import randomized

ORACLE = "oracle"
WRONG, PARTLY = "knows nothing of the network", "right in part"
SHUFFLED = "shuffled network"


@torch.no_grad()
def effects(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The oracle: what each mark does to the logit, in the pixels that it covers, (N, H, W).

    It knows the four patterns and looks for each; the place is filled with the image's mean color,
    and what the logit loses by that is the value of its pixels. All others are 0.
    """
    _, squares = marks.found(images)  # (N, K, H, W)
    whole = model(images).gather(1, classes[:, None])
    fill = images.mean((2, 3), keepdim=True)
    maps = torch.zeros_like(images[:, 0])
    for square in squares.unbind(1):
        without = torch.where(square[:, None], fill, images)
        lost = whole - model(without).gather(1, classes[:, None])
        maps += lost[:, :, None] * square
    return maps


def both_marks(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Both marks alike, whatever the class: 1 in the places of the two best matches, (N, H, W)."""
    agreement, squares = marks.found(images)
    best = agreement.topk(2, 1).indices[:, :, None, None].expand(-1, -1, *squares.shape[2:])
    return squares.gather(1, best).any(1).to(images)


def mark_of_another_class(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """1 in the place of the best match with a pattern of another class, (N, H, W)."""
    agreement, squares = marks.found(images)
    other = agreement.scatter(1, classes[:, None], -torch.inf).argmax(1)
    return squares[torch.arange(len(images)), other].to(images)


def gradient_of_another_class(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Magnitude of the gradient of the next class's logit, summed over colors: (N, H, W)."""
    with torch.enable_grad():
        leaf = images.detach().clone().requires_grad_()
        logits = model(leaf)
        asked = (classes + 1) % logits.shape[1]
        (slope,) = torch.autograd.grad(logits.gather(1, asked[:, None]).sum(), leaf)
    return slope.abs().sum(1)


@torch.no_grad()
def activation(layers: nn.Module, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The mean of what some layers give over channels, brought to the image's size: (N, H, W)."""
    mean = layers(images).mean(1, keepdim=True)
    return nn.functional.interpolate(mean, images.shape[-2:], mode="bilinear")[:, 0]


def references(layers: nn.Module, seed: int) -> dict[str, list[Method]]:
    """Maps by what they are: the oracle, wrong ones, and ones that are right in part.

    `layers` are the network's up to its last grid of features.
    """
    shuffled = randomized(layers, 1.0, seed=seed)
    named: dict[str, dict[str, Explain]] = {
        ORACLE: {ORACLE: effects},
        WRONG: {
            "random": controls.random_map,
            "center": controls.center,
            "edges": controls.edges,
            "brightness": controls.brightness,
            SHUFFLED: partial(activation, shuffled),
        },
        PARTLY: {
            "both marks": both_marks,
            "activation": partial(activation, layers),
            "other gradient": gradient_of_another_class,
            "other mark": mark_of_another_class,
        },
    }
    return {
        kind: [
            Method(name, kind, explain, cache.key_of(explain, name))
            for name, explain in maps.items()
        ]
        for kind, maps in named.items()
    }
