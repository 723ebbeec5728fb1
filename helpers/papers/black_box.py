"""What black-box searches share: a population, and the scores of an image under masks.

A population is a tensor: B images (or runs) times N individuals times genes, rated in batches.
`score` takes masked images to a number each, (n,), and is always called with whole rounds of the B
images: rows i, B + i, 2 B + i, ... belong to image i, so that it can know each image's own class;
see :func:`helpers.inputs.classifiers.class_score`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]
Fitness = Callable[[Tensor], Tensor]  # genes (B, N, D) to fitness (B, N)


class Population(NamedTuple):
    """Genes (B, N, D) and their fitness (B, N), after some generations."""

    genes: Tensor
    fitness: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """Each row's fittest individual, (B, D), and its fitness, (B,)."""
        fitness, place = self.fitness.max(1)
        return self.genes[torch.arange(len(place), device=place.device), place], fitness


@torch.no_grad()
def masked_scores(
    score: Score,
    images: Tensor,
    masks: Tensor,
    *,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
) -> Tensor:
    """Score every image under each of its masks.

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
        If the masks do not fit the images, or the score is of another shape or not finite.
    """
    if masks.ndim != 4 or (len(masks), *masks.shape[2:]) != (len(images), *images.shape[2:]):
        raise ValueError(
            f"masks are {tuple(masks.shape)} for images {tuple(images.shape)}; expected "
            "(B, N, H, W)"
        )
    fill = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    weighed = masks.is_floating_point()
    masks = masks.to(images.dtype) if weighed else masks
    rounds = masks.transpose(0, 1)[:, :, None]  # (N, B, 1, H, W)
    scores = []
    for some in rounds.split(max(batch_size // len(images), 1)):
        mixed = torch.lerp(fill, images, some) if weighed else torch.where(some, images, fill)
        mixed = mixed.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        scores.append(score(mixed))
        if scores[-1].shape != mixed.shape[:1]:
            raise ValueError(
                f"score gave {tuple(scores[-1].shape)} for {len(mixed)} images; expected "
                f"({len(mixed)},)"
            )
    found = torch.cat(scores).view(len(rounds), -1).T
    if not found.isfinite().all():
        raise ValueError("score gave NaN or infinity; check the model's weights and its input")
    return found


def uniform(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), drawn where the generator is, put where `like` is."""
    return torch.rand(shape, generator=generator, device=generator.device).to(like.device)


def take_rows(values: Tensor, places: Tensor) -> Tensor:
    """Values (B, N, ...) at places (B, M) of their second axis: (B, M, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], places]


def check_not_plain(images: Tensor) -> None:
    if images.ndim != 4:
        raise ValueError(f"images are {tuple(images.shape)}; expected (N, C, H, W)")
    flat = images.flatten(2)
    plain = (flat.amax(2) == flat.amin(2)).all(1)
    if plain.any():
        raise ValueError(
            f"image {int(plain.nonzero()[0])} has one colour only: every mask of it is the same"
        )
