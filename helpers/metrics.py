"""Measures of an explanation. Each takes relevance or maps and gives a number an image."""

import torch
from torch import Tensor
from torch.nn import functional as F


def ranking(relevance: Tensor) -> Tensor:
    """Components from most to least relevant, by signed score (Dieter & Zisgen, Fig. 4, step 1).

    Ties keep the order of the components. relevance is (N, ...), the result (N, D) of indices.
    """
    return relevance.flatten(1).argsort(dim=1, descending=True, stable=True)


def new_positions(before: Tensor, after: Tensor, top: int) -> Tensor:
    """Where the `top` first components of one ranking stand in another (Fig. 4, step 2).

    Parameters
    ----------
    before, after
        Rankings of the same components, (N, D), from :func:`ranking`.
    top
        How many components of `before` to follow.

    Returns
    -------
    Tensor
        (N, top): entry [n, p] is the position in `after` of what stood at position p.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"rankings are {tuple(before.shape)} and {tuple(after.shape)}; expected the same shape"
        )
    if not 1 <= top <= before.shape[1]:
        raise ValueError(f"top is {top}; expected 1 to {before.shape[1]}, the components there are")
    place = torch.arange(after.shape[1], device=after.device).expand_as(after)
    position = torch.empty_like(after).scatter_(1, after, place)  # the inverse permutation
    return position.gather(1, before[:, :top])


def overlap(positions: Tensor, cut: int) -> Tensor:
    """Share of the followed components among the first `cut` of the other ranking, (N,)."""
    return (positions < cut).float().mean(dim=1)


def edges(images: Tensor) -> Tensor:
    """Magnitude of each channel's Sobel gradient: an explanation that never saw the network.

    images are (N, C, H, W); the result has the same shape.
    """
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.T])[:, None].to(images)  # (2, 1, 3, 3)
    count, channels, height, width = images.shape
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    slopes = F.conv2d(padded.reshape(-1, 1, height + 2, width + 2), kernels)
    return slopes.square().sum(1).sqrt().view(count, channels, height, width)


def spearman(before: Tensor, after: Tensor) -> Tensor:
    """Rank correlation of two maps, (N,): Pearson's correlation of ranks, ties at their mean rank.

    before and after are (N, ...) of the same shape. Where one of the two is constant there is no
    order to compare, and the entry is NaN.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"maps are {tuple(before.shape)} and {tuple(after.shape)}; expected the same shape"
        )
    first, second = (_centred_ranks(maps.flatten(1)) for maps in (before, after))
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def _centred_ranks(values: Tensor) -> Tensor:
    """Ranks (N, D) less their mean, float64; equal values share the mean of their ranks."""
    ordered = values.sort(dim=1).values
    below = torch.searchsorted(ordered, values.contiguous())
    up_to = torch.searchsorted(ordered, values.contiguous(), right=True)
    return (below + up_to - values.shape[1]).double() / 2


def share_within(maps: Tensor, region: Tensor) -> Tensor:
    """Share of a map's mass that lies in a region, (N,); NaN for a map without mass.

    maps are (N, H, W), non-negative; region is boolean, of a shape that broadcasts to theirs.
    """
    return (maps * region).sum((1, 2)) / maps.sum((1, 2))


def entropy(maps: Tensor) -> Tensor:
    """How scattered a map (N, H, W) is: the entropy of its mass in bits, (N,).

    0 where one pixel holds all, log2(H W) where all pixels hold the same; NaN without mass.
    """
    share = maps.flatten(1) / maps.flatten(1).sum(1, keepdim=True)
    return -torch.special.xlogy(share, share).sum(1) / torch.log(torch.tensor(2.0))
