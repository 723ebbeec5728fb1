"""Conditions in which the right map is known.

The images carry planted marks (:mod:`helpers.planted.marks`). Conditions have the names of
:mod:`helpers.trials.conditions`, so that every test runs on them as it is.
"""

import torch
from torch import Tensor, nn

from helpers.planted import marks as planted
from helpers.planted.marks import Marks
from helpers.saliency import black_boxes
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.settings import Settings

MARK = "mark"  # the condition in which the region is that of the mark


def with_superpixels(images: Tensor) -> Tensor:
    """Which images (N, 3, H, W) quickshift cuts into two superpixels or more: bool (N,).

    The plain test of sufficiency chooses from superpixels, and a small image may have only one.
    """
    return torch.tensor([_is_cut(image[None]) for image in images])


def _is_cut(image: Tensor) -> bool:
    try:
        black_boxes.segments_of(image)
    except ValueError:
        return False
    return True


def conditions_of(
    network: nn.Module, backgrounds: Tensor, marks: Marks, settings: Settings
) -> dict[str, Condition]:
    """Conditions in which what changes the decision is known: the marks.

    The *attack* lets the two marks exchange their strengths, so that the decision moves to the
    other one; *noise as large* has, image by image, the same Euclidean norm. *Side by side* has one
    strong mark in each half, and the class of the left one is explained.

    Parameters
    ----------
    network
        Frozen, in evaluation mode; images (N, 3, 64, 64) in [0, 1] to logits (N, 4).
    backgrounds, marks
        As for :func:`helpers.planted.marks.plant`, N of them.
    settings
        Its seed, corruptions, levels and number of draws.
    """
    seed = settings.seed
    images = planted.plant(backgrounds, marks)
    first, second = marks.classes.to(images.device).T
    # new to the methods, like a user's network: one that fails on it leaves a gap with its reason
    base = families.clean(network, images, first, brought=True)
    right = _is_predicted(network, images, first)
    base = base._replace(counts=right, memory=False)
    exchanged = planted.plant(backgrounds, marks, planted.STRENGTHS[::-1])
    turned = right & _is_predicted(network, exchanged, second)
    noisy = _noise_as_large(images, exchanged, families.generator(seed))
    made = [
        base,
        base._replace(
            name=families.ATTACKED, images=exchanged, classes=second, counts=turned,
            varies="the image: the marks exchange their strengths",
        ),
        base._replace(
            name=families.OTHER_CLASS, classes=second, counts=turned,
            varies="the class: that of the other mark",
        ),
        base._replace(
            name=families.OTHER_IMAGE, images=images.roll(-1, 0), varies="the image: another one"
        ),
        base._replace(
            name=families.NOISE, images=noisy, varies="the image, by noise as large",
            counts=right & _is_predicted(network, noisy, first),
        ),
        *(families.corrupted(base, kind, seed=seed) for kind in settings.corruptions),
        base._replace(name=MARK, region=planted.region(marks, 0), varies="nothing"),
        _side_by_side(base, backgrounds, families.generator(seed)),
        *(families.layers_randomized(base, level, seed=seed) for level in settings.levels),
        *families.further_draws(base, settings.seeds),
    ]  # fmt: skip
    return {condition.name: condition for condition in made}


def _is_predicted(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    return (families.logits_of(network, images).argmax(1) == classes).cpu()


def _noise_as_large(images: Tensor, changed: Tensor, generator: torch.Generator) -> Tensor:
    """Images (N, 3, H, W) with Gaussian noise whose norm is that of a change, then in [0, 1]."""
    noise = torch.randn(images.shape, generator=generator).to(images)
    norms = [part.flatten(1).norm(dim=1)[:, None, None, None] for part in (changed - images, noise)]
    return (images + noise * norms[0] / norms[1]).clamp(0, 1)


def _side_by_side(base: Condition, backgrounds: Tensor, generator: torch.Generator) -> Condition:
    """One strong mark in the left half, whose class is explained, and another in the right half."""
    side, mark, count = planted.SIDE, planted.MARK, len(backgrounds)
    marks = planted.draw(count, generator)
    rows = torch.randint(side - mark + 1, (count, 2), generator=generator)
    columns = torch.randint(side // 2 - mark + 1, (count, 2), generator=generator)
    corners = torch.stack([rows, columns + torch.tensor([0, side // 2])], 2)
    strong = max(planted.STRENGTHS)
    images = planted.plant(backgrounds, marks._replace(corners=corners), (strong, strong))
    region = torch.zeros(count, side, side, dtype=torch.bool)
    region[..., : side // 2] = True
    return base._replace(
        name=families.SIDE_BY_SIDE, images=images, region=region,
        classes=marks.classes[:, 0].to(images.device), varies="the image: a mark in each half",
    )  # fmt: skip
