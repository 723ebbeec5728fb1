"""Black-box methods under the one signature: ours, and the lime package's."""

import contextlib
import io
import warnings
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion
from helpers.papers import decam, elime, peers

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress")  # they look for notebook widgets
    from lime.lime_image import LimeImageExplainer

GREY = 0.5  # in place of what a black box's mask hides, as RISE's evaluation has it
EVALUATIONS = 300  # to the network, of a black box: a few per cent of what their papers ask


def rise(
    model: nn.Module, images: Tensor, classes: Tensor, *, questions: int = EVALUATIONS
) -> Tensor:
    """RISE with as many masks as its budget allows: :func:`helpers.papers.peers.rise`."""
    score = classifiers.class_score(model, classes, probability=True)
    return peers.rise(
        _without_graph(score), images, masks=questions, fill=GREY, generator=_generator()
    )


def de_cam(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    questions: int = EVALUATIONS,
    population: int = 12,
    area_weight: float = 20.0,
) -> Tensor:
    """DE-CAM within a budget of evaluations: :func:`helpers.papers.decam.de_cam`."""
    score = classifiers.class_score(model, classes, probability=False)
    return decam.de_cam(
        _without_graph(score), images, area_weight=area_weight, population=population, fill=GREY,
        iterations=max(questions // population - 1, 1), generator=_generator(),
    ).maps  # fmt: skip


def e_lime(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    questions: int = EVALUATIONS,
    population: int = 20,
) -> Tensor:
    """1 on the superpixels that :func:`helpers.papers.elime.e_lime` selects, 0 elsewhere."""
    segments = segments_of(images)
    score = classifiers.class_score(model, classes, probability=True)
    found = elime.e_lime(
        _without_graph(score), images, segments, population=population, fill=GREY,
        generations=max((questions - population) // (population - 1), 1), generator=_generator(),
    )  # fmt: skip
    return elime.superpixel_masks(found.bits[:, None], segments)[:, 0].to(images)


def lime(
    model: nn.Module, images: Tensor, classes: Tensor, *, questions: int = EVALUATIONS
) -> Tensor:
    """The weights of the `lime` package's linear model, on the superpixels they belong to."""

    def answer(batch) -> Tensor:
        with torch.no_grad():
            shown = torch.stack([torch.from_numpy(one) for one in batch]).permute(0, 3, 1, 2)
            return (
                model(conversion.to_unit(shown.to(images.device))).softmax(1).cpu().double().numpy()
            )

    maps = []
    for image, label, segments in zip(images, classes.tolist(), segments_of(images), strict=True):
        seed = int(torch.randint(2**31, ()))
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
            explained = LimeImageExplainer(random_state=seed).explain_instance(
                (255 * image).round().byte().permute(1, 2, 0).cpu().numpy(), answer,
                labels=(label,), top_labels=None, num_samples=questions, batch_size=32,
                segmentation_fn=lambda _, found=segments: found.cpu().numpy(),
            )  # fmt: skip
        weights = torch.zeros(int(segments.max()) + 1)
        for segment, weight in explained.local_exp[label]:
            weights[segment] = float(weight)
        maps.append(weights.to(images.device)[segments])
    return torch.stack(maps)


def segments_of(images: Tensor) -> Tensor:
    """The superpixels of images in [0, 1], (N, H, W): :func:`helpers.papers.elime.superpixels`."""
    pixels = (255 * images).round().byte().cpu()
    found = [_superpixels(some.numpy().tobytes(), tuple(some.shape)) for some in pixels]
    return torch.stack(found).to(images.device)


@lru_cache(maxsize=256)
def _superpixels(pixels: bytes, shape: tuple) -> Tensor:
    """Those of one image, which E-LIME and LIME both ask for."""
    return elime.superpixels(torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(shape))


def _without_graph(score: Callable) -> Callable:
    """The score without a graph."""
    return torch.no_grad()(score)


def _generator() -> torch.Generator:
    """A generator of its own, seeded from torch's global one."""
    return torch.Generator().manual_seed(int(torch.randint(2**31, ())))
