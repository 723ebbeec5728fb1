"""E-LIME (Wang et al. 2022): superpixels, selected by a genetic algorithm."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.papers import black_box, checks

SMALL, ENLARGED = 64, 224  # pixels a side: quickshift sees images below SMALL enlarged


def superpixel_masks(bits: Tensor, segments: Tensor) -> Tensor:
    """Pixels of the selected superpixels: bits (B, N, S), segments (B, H, W) to bool (B, N, H, W).

    segments are labels from 0 to S - 1.

    Raises
    ------
    ValueError
        If a segment has no bit, or the bits are none.
    """
    if bits.dtype != torch.bool or bits.ndim != 3 or len(bits) != len(segments):
        raise ValueError(
            f"bits are {bits.dtype} {tuple(bits.shape)} for segments {tuple(segments.shape)}; "
            "expected bool (B, N, S) for (B, H, W)"
        )
    _check_segments(segments, bits.shape[2])
    index = segments.flatten(1)[:, None].expand(-1, bits.shape[1], -1)
    return bits.gather(2, index).unflatten(2, segments.shape[1:])


def superpixels(pixels: Tensor, method: str = "quickshift") -> Tensor:
    """Superpixels of one image, uint8 (3, H, W): labels 0 to S - 1 as int64 (H, W).

    "quickshift" has the settings that the ``lime`` package uses by default, which are for
    photographs: an image with a side below :data:`SMALL` (CIFAR-10's have 32) is enlarged to about
    :data:`ENLARGED` first. "slic-50" and the like are scikit-image's SLIC with about so many.

    Raises
    ------
    ValueError
        If pixels are no bytes (3, H, W), the method is unknown, or it gives a single superpixel:
        then there is nothing to choose.
    """
    if pixels.dtype != torch.uint8 or pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ValueError(
            f"pixels are {pixels.dtype} {tuple(pixels.shape)}; expected uint8 (3, H, W): the "
            "segmentations' settings are for bytes"
        )
    from skimage import segmentation

    image = pixels.permute(1, 2, 0).cpu().numpy()
    if method == "quickshift":
        times = max(1, ENLARGED // min(image.shape[:2])) if min(image.shape[:2]) < SMALL else 1
        if times > 1:
            larger = F.interpolate(pixels[None].float(), scale_factor=times, mode="bilinear")[0]
            image = larger.round().byte().permute(1, 2, 0).cpu().numpy()
        labels = segmentation.quickshift(image, kernel_size=4, max_dist=200, ratio=0.2, rng=42)
        labels = labels[times // 2 :: times, times // 2 :: times]
    elif re.fullmatch(r"slic-[1-9]\d*", method):
        labels = segmentation.slic(image, n_segments=int(method[5:]), compactness=10, start_label=0)
    else:
        raise ValueError(f"method is {method!r}; expected 'quickshift', or 'slic-50' and the like")
    if (pixels == pixels[:, :1, :1]).all():  # enlarged, quickshift would cut it by place alone
        labels = np.zeros_like(labels)
    numbers, labels = np.unique(labels, return_inverse=True)
    if len(numbers) < 2:
        raise ValueError(
            f"{method} makes {len(numbers)} superpixel of this image; expected 2 or more: is it of "
            "one color?"
        )
    return torch.from_numpy(labels.reshape(pixels.shape[1:]))


def segment_means(images: Tensor, segments: Tensor) -> Tensor:
    """Images (B, C, H, W) with every superpixel in its mean color, which is LIME's fill.

    segments are (B, H, W): labels from 0; the result has the images' shape.

    Raises
    ------
    ValueError
        If images are no floats, or segments no labels of their pixels.
    """
    if not images.is_floating_point() or segments.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)} and segments "
            f"{tuple(segments.shape)}; expected floats (B, C, H, W) and (B, H, W)"
        )
    _check_segments(segments, None)
    index = segments.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    count = int(segments.max()) + 1
    none = images.new_zeros(*images.shape[:2], count)
    means = none.scatter_reduce(2, index, images.flatten(2), "mean", include_self=False)
    return means.gather(2, index).view_as(images)


def _check_segments(segments: Tensor, count: int | None) -> None:
    """Refuse labels below 0, which count from the end, such as have no bit, and other types."""
    if segments.dtype not in checks.WHOLE or not segments.numel():
        raise ValueError(
            f"segments are {segments.dtype} {tuple(segments.shape)}; expected labels, int64"
        )
    low, high = int(segments.min()), int(segments.max())
    if low < 0 or (count is not None and high >= count):
        most = "" if count is None else f" to {count - 1}, one a bit"
        raise ValueError(f"segments run from {low} to {high}; expected labels from 0{most}")


def genetic_algorithm(
    fitness: black_box.Fitness,
    bits: Tensor,
    *,
    generations: int,
    tournament: int = 3,
    crossover: float = 0.9,
    mutation: Tensor | float,
    elite: int = 1,
    generator: torch.Generator,
) -> Iterator[black_box.Population]:
    """A plain generational genetic algorithm on bits, maximizing.

    Each parent wins a tournament; a pair mixes uniformly, bit by bit, with probability `crossover`,
    else the first is copied; each bit flips with probability `mutation`. The fittest `elite`
    individuals go on unchanged: N evaluations for the first population, N - `elite` for each
    generation. All of it is ours: the paper's abstracts
    name no operator.

    Parameters
    ----------
    fitness, bits
        What to maximize, and the first population, bool (B, N, S).
    mutation
        A probability, or one a bit: broadcasts against the bits.

    Yields
    ------
    Population
        First the initial one, then one a generation.
    """
    count = bits.shape[1]
    if count < 4:
        raise ValueError(f"the population is {count}; expected 4 or more")
    if not 1 <= elite < count or tournament < 1:
        raise ValueError(
            f"elite is {elite} and tournament {tournament} of a population of {count}; expected "
            "1 <= elite < population and tournament >= 1"
        )
    state = black_box.Population(bits, fitness(bits))
    yield state
    for _ in range(generations):
        bits, current = state
        children = count - elite
        draws = black_box.uniform((len(bits), 2 * children, tournament), generator, bits) * count
        entrants = draws.long().clamp(max=count - 1)  # of each tournament
        strength = black_box.take_rows(current, entrants.flatten(1)).view_as(entrants)
        winners = entrants.gather(-1, strength.argmax(-1, keepdim=True))[..., 0]
        parents = black_box.take_rows(bits, winners)
        mother, father = parents[:, :children], parents[:, children:]
        mixing = black_box.uniform((len(bits), children, 1), generator, bits) < crossover
        swapped = mixing & (black_box.uniform(mother.shape, generator, bits) < 0.5)
        child = torch.where(swapped, father, mother)
        child = child ^ (black_box.uniform(child.shape, generator, bits) < mutation)
        stay = current.argsort(dim=1, descending=True, stable=True)[:, :elite]
        state = black_box.Population(
            torch.cat([black_box.take_rows(bits, stay), child], 1),
            torch.cat([current.gather(1, stay), fitness(child)], 1),
        )
        yield state


class ELime(NamedTuple):
    """The best selection of superpixels, bool (B, S), its probability (B,), and every fitness."""

    bits: Tensor
    probability: Tensor
    history: Tensor  # (generations + 1, B, N)


SIZE_TIEBREAK = 1e-9  # fitness lost by keeping all superpixels: decides between equal ones


def e_lime(
    score: black_box.Score,
    images: Tensor,
    segments: Tensor,
    *,
    population: int,
    generations: int,
    tournament: int = 3,
    crossover: float = 0.9,
    mutation: float = 1.0,
    elite: int = 1,
    size_weight: float = 0.0,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
    generator: torch.Generator,
    watch: Callable[[Iterator[black_box.Population]], Iterator[black_box.Population]] = iter,
) -> ELime:
    r"""Evolve which superpixels to keep so that the class becomes most probable (Wang et al. 2022).

    .. math:: \text{fitness}(b) = p_c(x_b) - \lambda \frac{|b|}{S}

    with :math:`x_b` the image of which only the superpixels with a bit of 1 are kept. The third
    version's abstract gives the bits and the probability; everything else, and :math:`\lambda = 0`,
    is ours. Between equal probabilities fewer superpixels win. Rows may be runs of one image, or
    different images, whose superpixels may differ in number.

    Parameters
    ----------
    score
        The class's probability, see the module.
    images, segments
        (B, C, H, W), and (B, H, W) from :func:`superpixels`.
    population, generations, tournament, crossover, elite
        Of :func:`genetic_algorithm`.
    mutation
        How many bits of a child flip on average.
    size_weight
        lambda.
    fill
        What stands in place of the superpixels that are not kept.

    Raises
    ------
    ValueError
        If the population is below 4, an image has one superpixel or one color only, or the score
        is no probability.
    """
    black_box.check_not_plain(images)
    counts = segments.amax((1, 2)) + 1  # (B,)
    if counts.min() < 2:
        raise ValueError(
            "an image has one superpixel; expected 2 or more, else nothing is to choose"
        )
    most = int(counts.max())
    # which bits an image has: superpixels may differ in number, (B, 1, S)
    exists = (torch.arange(most, device=counts.device) < counts[:, None])[:, None]

    def fitness(bits: Tensor) -> Tensor:
        masks = superpixel_masks(bits, segments)
        scores = black_box.masked_scores(
            score, images, masks, fill=fill, batch_size=batch_size
        ).double()
        if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
            raise ValueError(
                f"scores run from {scores.min().item():.3g} to {scores.max().item():.3g}; expected "
                "probabilities: end the model with a softmax"
            )
        share = (bits & exists).sum(2) / counts[:, None]
        return scores - (size_weight + SIZE_TIEBREAK) * share

    half = black_box.uniform((len(images), population, most), generator, images) < 0.5
    search = genetic_algorithm(
        fitness, half & exists, generations=generations, tournament=tournament, crossover=crossover,
        mutation=exists * (mutation / counts.view(-1, 1, 1)), elite=elite, generator=generator,
    )  # fmt: skip
    history = []
    for last in watch(search):
        history.append(last.fitness)
    bits, fittest = last.best()
    share = bits.sum(1) / counts
    return ELime(bits, fittest + (size_weight + SIZE_TIEBREAK) * share, torch.stack(history))
