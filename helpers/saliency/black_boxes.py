"""Black-box methods under the one signature: ours, and the lime package's."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, devices
from helpers.papers import decam, elime, peers
from helpers.saliency import lime_surrogate

GREY = 0.5  # what masks hide an image behind; black is a color that networks know
EVALUATIONS = 300  # of the network for one map: a few per cent of what the papers spend


def rise(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    evaluations: int = EVALUATIONS,
    batch_size: int | None = None,
) -> Tensor:
    """RISE with `evaluations` masks: :func:`helpers.papers.peers.rise`, of the probability.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    images, classes
        (N, 3, H, W), and int64 (N,).

    Returns
    -------
    Tensor
        (N, H, W), non-negative.
    """
    score = classifiers.class_score(model, classes, probability=True)
    return peers.rise(
        _without_graph(score), images, masks=evaluations, fill=GREY,
        batch_size=batch_size or _fitting(images), generator=_generator(),
    )  # fmt: skip


def de_cam(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    evaluations: int = EVALUATIONS,
    population: int = 12,
    area_weight: float = 20.0,
    batch_size: int | None = None,
) -> Tensor:
    """DE-CAM within a budget: :func:`helpers.papers.decam.de_cam`, of the logit.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    images, classes
        (N, 3, H, W), and int64 (N,).
    evaluations
        Of the network, an image, at most; the iterations follow from it.
    population
        At most; half of a budget that is too small for the first population and an iteration.

    Returns
    -------
    Tensor
        (N, H, W) in [0, 1].

    Raises
    ------
    ValueError
        If the budget is below 8.
    """
    population = _affordable_population(population, evaluations)
    score = classifiers.class_score(model, classes, probability=False)
    return decam.de_cam(
        _without_graph(score), images, area_weight=area_weight, population=population, fill=GREY,
        iterations=evaluations // population - 1, batch_size=batch_size or _fitting(images),
        generator=_generator(),
    ).maps  # fmt: skip


def e_lime(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    evaluations: int = EVALUATIONS,
    population: int = 20,
    batch_size: int | None = None,
) -> Tensor:
    """1 on the superpixels that :func:`helpers.papers.elime.e_lime` selects, 0 elsewhere.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    images, classes
        (N, 3, H, W), and int64 (N,).
    evaluations
        Of the network, an image, at most; the generations follow from it.
    population
        At most; half of a budget that is too small for the first population and a generation.

    Returns
    -------
    Tensor
        (N, H, W), 0 or 1.

    Raises
    ------
    ValueError
        If the budget is below 8.
    """
    population = _affordable_population(population, evaluations)
    segments = segments_of(images)
    score = classifiers.class_score(model, classes, probability=True)
    search = elime.e_lime(
        _without_graph(score), images, segments, population=population, fill=GREY,
        generations=(evaluations - population) // (population - 1),  # the elite of one stays
        batch_size=batch_size or _fitting(images), generator=_generator(),
    )  # fmt: skip
    return elime.superpixel_masks(search.bits[:, None], segments)[:, 0].to(images)


def _affordable_population(population: int, evaluations: int) -> int:
    """The population, or half of the budget, so that a search has at least two generations."""
    if evaluations < 8:
        raise ValueError(
            f"a search with {evaluations} evaluations an image; expected 8 or more, two "
            "generations of 4"
        )
    return min(population, evaluations // 2)


def lime(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    evaluations: int = EVALUATIONS,
    batch_size: int | None = None,
    fill: float | None = None,
    seed: int | None = None,
) -> Tensor:
    """LIME (Ribeiro et al. 2016): the weights of :mod:`lime_surrogate`, on the superpixels' pixels.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    images, classes
        (N, 3, H, W), and int64 (N,).
    evaluations, batch_size, fill
        See :func:`lime_surrogate.weights`.
    seed
        For every image; by default each has one drawn from torch's global generator.

    Returns
    -------
    Tensor
        Float32 (N, H, W), of both signs.
    """
    maps = []
    for image, label, segments in zip(images, classes.tolist(), segments_of(images), strict=True):
        drawn = int(torch.randint(2**31, ())) if seed is None else seed
        weights = lime_surrogate.weights(
            model, image, label, segments, evaluations=evaluations, batch_size=batch_size,
            fill=fill, seed=drawn,
        )  # fmt: skip
        maps.append(weights.float().to(images.device)[segments])
    return torch.stack(maps)


def strongest_superpixels(weights: Tensor, count: int = 5) -> Tensor:
    """LIME's own selection: the `count` largest weights (S,), as far as positive, as bool (S,).

    It is what ``get_image_and_mask`` of the package shows by default.
    """
    chosen = torch.zeros(len(weights), dtype=torch.bool)
    chosen[weights.argsort(descending=True)[:count]] = True
    return chosen & (weights > 0)


def segments_of(images: Tensor) -> Tensor:
    """The superpixels of images in [0, 1], (N, H, W): :func:`helpers.papers.elime.superpixels`."""
    pixels = (255 * images).round().byte().cpu()
    segments = [_superpixels(image.numpy().tobytes(), tuple(image.shape)) for image in pixels]
    return torch.stack(segments).to(images.device)


@lru_cache(maxsize=256)
def _superpixels(pixels: bytes, shape: tuple) -> Tensor:
    """The superpixels of one image: kept, because E-LIME and LIME both need them."""
    return elime.superpixels(torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(shape))


def _fitting(images: Tensor) -> int:
    """How many images (N, 3, H, W) a network gets at once on their device."""
    return devices.batch_that_fits(tuple(images.shape[1:]), images.device)


def _without_graph(score: Callable) -> Callable:
    """The score without autograd's graph, which a black box never uses."""
    return torch.no_grad()(score)


def _generator() -> torch.Generator:
    """A generator of its own, seeded from torch's global one."""
    return torch.Generator().manual_seed(int(torch.randint(2**31, ())))
