"""Insertion and deletion: the score while pixels are replaced in the order of a saliency map."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional as F

from helpers.measures import checks, rankings

Score = Callable[[Tensor], Tensor]  # images (n, C, H, W) to a probability each, (n,)


def deletion_curve(
    score: Score,
    image: Tensor,
    saliency: Tensor,
    *,
    steps: int,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
) -> Tensor:
    """The score while pixels are replaced by `fill`, the most salient first (RISE's deletion).

    Petsiuk et al. 2018, as their code runs it; Karatsiolis & Kamilaris 2022, section 4. All
    channels of a pixel change together, and pixels of equal saliency go in row order: see
    :func:`helpers.measures.rankings.break_ties` for another order. RISE fills with zeros *after*
    normalization, which is the network's mean color here, where images are in [0, 1].

    Parameters
    ----------
    score
        Gives the probability of the class, (n,). With B images it is called with whole rounds of
        them, image i in rows i, B + i, 2 B + i, ..., so that it knows whose is whose.
    image
        (C, H, W), or a batch (B, C, H, W).
    saliency
        (H, W) or (B, H, W).
    steps
        In how many equal steps all pixels go; RISE's 224 at 224 x 224.
    fill
        What replaces a pixel; broadcasts against the image.
    batch_size
        How many images to score at once, at most, where B allows.

    Returns
    -------
    Tensor
        (steps + 1,) or (B, steps + 1), float64: the first value is the whole image's.

    Raises
    ------
    ValueError
        If shapes do not fit, saliency or a score is not finite, or a score is no probability.
    """
    _check_images(image, fill)
    finish = torch.as_tensor(fill, dtype=image.dtype, device=image.device).expand_as(image)
    return _curve(score, image, finish, saliency, steps, batch_size)


def insertion_curve(
    score: Score,
    image: Tensor,
    saliency: Tensor,
    *,
    steps: int,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
) -> Tensor:
    """The score while a blurred image turns sharp, most salient pixels first (RISE's insertion).

    As :func:`deletion_curve`, from :func:`blurred` to the image: (steps + 1,) for an image
    (C, H, W), (B, steps + 1) for a batch. `fill` is what the blur takes for the surroundings.
    """
    _check_images(image, fill)
    start = blurred(_as_batch(image), fill).view_as(image)
    return _curve(score, start, image, saliency, steps, batch_size)


def auc(curve: Tensor) -> Tensor:
    """Area under curves (..., steps + 1) over [0, 1], by the trapezoid rule: (...).

    A curve that is NaN somewhere, as of a map that orders no pixels, has the area NaN.

    Raises
    ------
    ValueError
        If a curve has fewer than two points, or an infinite one.
    """
    if not curve.ndim or curve.shape[-1] < 2:
        raise ValueError(f"curves are {tuple(curve.shape)}; expected two points or more")
    checks.finite(curve.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf), "curves")
    return (curve[..., 1:] + curve[..., :-1]).mean(-1) / 2


def blurred(images: Tensor, fill: Tensor | float = 0.0) -> Tensor:
    """RISE's blur of images (N, C, H, W): 11 x 11 pixels, sd 5, with `fill` beyond the border.

    Its kernel is a point on an 11 x 11 grid, smoothed by scipy's Gaussian with mirrored borders,
    so it is flatter than a Gaussian that is cut off. It is separable.
    """
    channels = images.shape[1]
    row = torch.from_numpy(gaussian_filter1d(np.eye(11)[5], 5)).to(images)
    kernel = row.expand(channels, 1, 1, 11)
    offset = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    across = F.conv2d(images - offset, kernel, padding=(0, 5), groups=channels)
    return F.conv2d(across, kernel.mT, padding=(5, 0), groups=channels) + offset


@torch.no_grad()
def _curve(
    score: Score, start: Tensor, finish: Tensor, saliency: Tensor, steps: int, batch_size: int
) -> Tensor:
    """Scores on the way from one image to another, (..., steps + 1)."""
    single = start.ndim == 3
    start, finish = _as_batch(start), _as_batch(finish)
    _check_curve(start, saliency, steps, single)
    height, width = start.shape[-2:]
    order = rankings.ranking(saliency.reshape(-1, height, width))
    position = rankings.inverse_permutation(order).to(start.device)  # of each pixel, (B, H W)
    position = position.view(1, -1, 1, height, width)
    # how many pixels are replaced after each step: s H W / steps, rounded up
    cuts = (torch.arange(steps + 1, device=start.device) * height * width + steps - 1) // steps
    parts = []
    for batch in cuts.split(max(batch_size // len(start), 1)):
        mixed = torch.where(position < batch.view(-1, 1, 1, 1, 1), finish, start).flatten(0, 1)
        parts.append(_check_count(score(mixed), len(mixed)))
    every = probabilities(torch.cat(parts), len(cuts) * len(start))  # one check: a GPU waits for it
    curves = every.view(len(cuts), -1).T.double()
    return curves[0] if single else curves


def _check_images(image: Tensor, fill: Tensor | float) -> None:
    """Refuse what would be cut or run over without a word: bytes, and a fill that is none."""
    if image.ndim not in (3, 4):
        raise ValueError(f"image is {tuple(image.shape)}; expected (C, H, W) or (B, C, H, W)")
    checks.images(_as_batch(image))
    checks.finite(torch.as_tensor(fill), "fill values")


def _as_batch(image: Tensor) -> Tensor:
    return image[None] if image.ndim == 3 else image


def _check_curve(images: Tensor, saliency: Tensor, steps: int, single: bool) -> None:
    count, _, height, width = images.shape
    if not images.numel():
        raise ValueError(f"images are {tuple(images.shape)}; expected at least one, of some pixels")
    if saliency.shape != ((height, width) if single else (count, height, width)):
        raise ValueError(
            f"saliency is {tuple(saliency.shape)} for images {tuple(images.shape)}; expected one "
            "number a pixel, (H, W) or (N, H, W)"
        )
    checks.finite(saliency, "saliency maps")
    if isinstance(steps, bool) or not 1 <= steps <= height * width or steps % 1:
        raise ValueError(f"steps is {steps}; expected 1 to {height * width}, the pixels there are")


def _check_count(scores: Tensor, count: int) -> Tensor:
    if scores.shape != (count,):
        raise ValueError(
            f"score gave {tuple(scores.shape)} for {count} images; expected ({count},)"
        )
    return scores


def probabilities(scores: Tensor, count: int) -> Tensor:
    """The scores themselves, if they are `count` probabilities: (count,), in [0, 1].

    Raises
    ------
    ValueError
        If they are of another shape, one is not finite, or one is outside [0, 1].
    """
    _check_count(scores, count)
    if not scores.isfinite().all():
        raise ValueError("score gave NaN or infinity; check the model's weights and its input")
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        raise ValueError(
            f"scores run from {scores.min().item():.3g} to {scores.max().item():.3g}; expected "
            "probabilities: end the model with a softmax"
        )
    return scores
