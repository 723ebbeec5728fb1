"""What black-box searches share: a population, and the scores of an image under masks.

A population is a tensor: B images (or runs) times N individuals times genes, evaluated in batches.
`score` takes masked images to a number each, (n,), and is always called with whole rounds of the B
images: rows i, B + i, 2 B + i, ... belong to image i, so that it can know each image's own class;
see :func:`helpers.inputs.classifiers.class_score`. An *evaluation* is one image shown to the
network. All random numbers are drawn apart from the evaluations, so no result depends on the batch
size beyond the rounding of the network itself.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.papers import checks

Score = Callable[[Tensor], Tensor]
Fitness = Callable[[Tensor], Tensor]  # genes (B, N, D) to fitness (B, N)


class Population(NamedTuple):
    """Genes (B, N, D) and their fitness (B, N), after some generations."""

    genes: Tensor
    fitness: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """Each row's fittest individual, (B, D), and its fitness, (B,)."""
        fitness, index = self.fitness.max(1)
        return self.genes[torch.arange(len(index), device=index.device), index], fitness


@torch.no_grad()
def masked_scores(
    score: Score,
    images: Tensor,
    masks: Tensor,
    *,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
) -> Tensor:
    """Score every image under each of its masks: B times N evaluations.

    Parameters
    ----------
    score
        See the module; takes (n B, C, H, W) to (n B,).
    images, masks
        (B, C, H, W), and (B, N, H, W): bool, or weights in [0, 1].
    fill
        What stands where a mask is 0; broadcasts against the images.
    batch_size
        How many images to score at once, at most, where B allows.

    Returns
    -------
    Tensor
        (B, N).

    Raises
    ------
    ValueError
        If there is no mask, the masks do not fit the images or hold other than weights, images are
        no floats, or the scores are of another shape or not finite.
    """
    if not masks.numel():
        raise ValueError(f"masks are {tuple(masks.shape)}; expected at least one mask and pixel")
    if masks.ndim != 4 or (len(masks), *masks.shape[2:]) != (len(images), *images.shape[2:]):
        raise ValueError(
            f"masks are {tuple(masks.shape)} for images {tuple(images.shape)}; expected "
            "(B, N, H, W)"
        )
    _check_kinds(images, masks)
    fill = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    soft = masks.is_floating_point()
    masks = masks.to(images.dtype) if soft else masks
    rounds = masks.transpose(0, 1)[:, :, None]  # (N, B, 1, H, W)
    scores = []
    for batch in rounds.split(max(batch_size // len(images), 1)):
        mixed = torch.lerp(fill, images, batch) if soft else torch.where(batch, images, fill)
        mixed = mixed.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        scores.append(score(mixed))
        if scores[-1].shape != mixed.shape[:1]:
            raise ValueError(
                f"score gave {tuple(scores[-1].shape)} for {len(mixed)} images; expected "
                f"({len(mixed)},)"
            )
    all_scores = torch.cat(scores).view(len(rounds), -1).T  # (B, N)
    if not all_scores.isfinite().all():
        raise ValueError("score gave NaN or infinity; check the model's weights and its input")
    return all_scores


def _check_kinds(images: Tensor, masks: Tensor) -> None:
    """Refuse bytes as images, numbers as masks, and weights outside [0, 1]."""
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; expected floats in [0, 1]: divide by 255")
    if masks.dtype == torch.bool:
        return
    if not masks.is_floating_point():
        raise ValueError(f"masks are {masks.dtype}; expected bool, or weights in [0, 1]")
    low, high = masks.min().item(), masks.max().item()
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # NaN as well; bilinear weights round
        raise ValueError(f"masks run from {low:.3g} to {high:.3g}; expected weights in [0, 1]")


def uniform(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Uniform random numbers in [0, 1) of a shape, drawn on the generator's device, then moved.

    They are the same wherever `like` (of any shape) is, whose device the result has.
    """
    return torch.rand(shape, generator=generator, device=generator.device).to(like.device)


def take_rows(values: Tensor, indices: Tensor) -> Tensor:
    """Values (B, N, ...) at indices (B, M) of their second axis: (B, M, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], indices]


def check_not_plain(images: Tensor) -> None:
    """Refuse images that are not (N, C, H, W), not finite, or of one color, which masks keep.

    Raises
    ------
    ValueError
        Which of these it is; of images of one color, the first one's index.
    """
    if images.ndim != 4 or not images.numel():
        raise ValueError(f"images are {tuple(images.shape)}; expected (N, C, H, W), none of them 0")
    checks.check_finite(images, "images")
    flat = images.flatten(2)
    plain = (flat.amax(2) == flat.amin(2)).all(1)
    if plain.any():
        raise ValueError(
            f"image {int(plain.nonzero()[0])} has one color only: every mask of it is the same"
        )
