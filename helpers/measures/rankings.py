"""Rankings of components, and how far two maps agree on them."""

import torch
from torch import Tensor


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
    return inverse_permutation(after).gather(1, before[:, :top])


def overlap(positions: Tensor, cut: int) -> Tensor:
    """Share of the followed components among the first `cut` of the other ranking, (N,)."""
    return (positions < cut).float().mean(dim=1)


def spearman(before: Tensor, after: Tensor) -> Tensor:
    """Rank correlation of two maps, (N,): Pearson's correlation of ranks, ties at their mean rank.

    before and after are (N, ...) of the same shape. Where one of the two is constant there is no
    order to compare, and the entry is NaN.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"maps are {tuple(before.shape)} and {tuple(after.shape)}; expected the same shape"
        )
    first, second = (_centered_ranks(maps.flatten(1)) for maps in (before, after))
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def _centered_ranks(values: Tensor) -> Tensor:
    """Ranks (N, D) less their mean, float64; equal values share the mean of their ranks."""
    ordered = values.sort(dim=1).values
    below = torch.searchsorted(ordered, values.contiguous())
    up_to = torch.searchsorted(ordered, values.contiguous(), right=True)
    return (below + up_to - values.shape[1]).double() / 2


def break_ties(relevance: Tensor, generator: torch.Generator) -> Tensor:
    """The same order of relevance (..., H, W), with equal values in a random order: minus the rank.

    Binary masks and superpixels are mostly ties, and insertion and deletion depend on their order.
    """
    flat = relevance.reshape(-1, relevance.shape[-2] * relevance.shape[-1])
    dice = torch.rand(flat.shape, generator=generator, device=generator.device)
    order = dice.to(flat.device).argsort(dim=1)
    order = order.gather(1, ranking(flat.gather(1, order)))
    return -inverse_permutation(order).to(torch.float64).view_as(relevance)


def inverse_permutation(order: Tensor) -> Tensor:
    """Inverse permutations of (N, D): where each component stands."""
    place = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, place)


def selection_share(maps: Tensor, segments: Tensor, generator: torch.Generator) -> Tensor:
    """The share of the image that is kept once a pixel's superpixel has come, (N, H, W) float64.

    Superpixels come whole, the largest mean of the map first and equal ones in a random order, so
    that ``reach <= 0.2`` is the region that a map selects of at most a fifth of the image. It is
    that region of E-LIME, for the map of any method (Wang et al. select superpixels, not pixels).

    Parameters
    ----------
    maps, segments
        Maps and the numbers of the superpixels, (N, H, W) both.
    """
    index = segments.flatten(1)
    none = torch.zeros(len(maps), int(index.max()) + 1, dtype=torch.float64, device=maps.device)
    means = none.scatter_reduce(1, index, maps.flatten(1).double(), "mean", include_self=False)
    areas = none.scatter_add(1, index, torch.ones_like(index, dtype=torch.float64))
    order = ranking(break_ties(means[..., None], generator))
    total = areas.gather(1, order).cumsum(1) / index.shape[1]
    return torch.empty_like(total).scatter_(1, order, total).gather(1, index).view_as(maps)
