"""Rankings of components, and how far two maps agree on them."""

import torch
from torch import Tensor

from helpers.measures import checks


def ranking(saliency: Tensor) -> Tensor:
    """Components from most to least salient, by signed value (Dieter & Zisgen, Fig. 4, step 1).

    Ties keep the order of the components. saliency is (N, ...), the result (N, D) of indices.
    """
    return saliency.flatten(1).argsort(dim=1, descending=True, stable=True)


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

    Raises
    ------
    ValueError
        If they are no rankings of the same components, or top is no number of components.
    """
    for name, order in (("before", before), ("after", after)):
        if order.ndim != 2 or order.dtype != torch.int64:
            raise ValueError(
                f"{name} is {order.dtype} {tuple(order.shape)}; expected rankings, int64 (N, D)"
            )
    if before.shape != after.shape:
        raise ValueError(
            f"rankings are {tuple(before.shape)} and {tuple(after.shape)}; expected the same shape"
        )
    if not 1 <= top <= before.shape[1] or top % 1:
        raise ValueError(
            f"top is {top}; expected a whole number, 1 to {before.shape[1]}, of components"
        )
    return inverse_permutation(after).gather(1, before[:, :top])


def overlap(positions: Tensor, cut: int) -> Tensor:
    """Share of the followed components among the first `cut` of the other ranking, (N,).

    positions are those of :func:`new_positions`, (N, top).

    Raises
    ------
    ValueError
        If cut is below 1 or no whole number, or nothing is followed.
    """
    if cut < 1 or cut % 1 or positions.ndim != 2 or not positions.shape[1]:
        raise ValueError(f"cut is {cut} for positions {tuple(positions.shape)}; expected 1 or more")
    return (positions < cut).float().mean(dim=1)


def spearman(before: Tensor, after: Tensor) -> Tensor:
    """Rank correlation of two maps, (N,): Pearson's correlation of ranks, ties at their mean rank.

    before and after are (N, ...) of the same shape. Where one of the two is constant there is no
    order to compare, and the entry is NaN.

    Raises
    ------
    ValueError
        If their shapes differ, or a value is NaN or infinite: it has no rank.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"maps are {tuple(before.shape)} and {tuple(after.shape)}; expected the same shape"
        )
    for maps in (before, after):
        checks.finite(maps, "maps")
    first, second = (_centered_ranks(maps.flatten(1)) for maps in (before, after))
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()


def _centered_ranks(values: Tensor) -> Tensor:
    """Ranks (N, D) less their mean, float64; equal values share the mean of their ranks."""
    count = values.shape[1]
    ordered, order = values.sort(dim=1)
    places = torch.arange(count, device=values.device).expand_as(order)
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    # where the run of equal values around each place begins, and the place after its end
    below = torch.where(new, places, 0).cummax(1).values
    last = torch.where(new.roll(-1, 1), places, count - 1)
    up_to = last.flip(1).cummin(1).values.flip(1) + 1
    ranks = (below + up_to - count).double() / 2
    return torch.empty_like(ranks).scatter_(1, order, ranks)


def break_ties(saliency: Tensor, generator: torch.Generator) -> Tensor:
    """The same order of saliency (..., H, W), with equal values in a random order: minus the rank.

    Binary masks and superpixels are mostly ties, and insertion and deletion depend on their order.
    Float64 of the same shape, no two values of a map equal.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    checks.finite(saliency, "saliency maps")
    flat = saliency.reshape(-1, saliency.shape[-2] * saliency.shape[-1])
    draws = torch.rand(flat.shape, generator=generator, device=generator.device)
    # shuffle the components first; a stable ranking then leaves equal ones in shuffled order
    order = draws.to(flat.device).argsort(dim=1)
    order = order.gather(1, ranking(flat.gather(1, order)))
    return -inverse_permutation(order).to(torch.float64).view_as(saliency)


def inverse_permutation(order: Tensor) -> Tensor:
    """Inverse permutations of (N, D): the position of each component."""
    position = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, position)


def selection_share(maps: Tensor, segments: Tensor, generator: torch.Generator) -> Tensor:
    """For each pixel, the smallest share of the image that selects its superpixel: (N, H, W).

    Whole superpixels are selected, the largest mean of the map first and equal ones in a random
    order, so that ``selection_share(...) <= 0.2`` is the region of at most a fifth of the image
    that a map selects. This gives a map of any method a selection as E-LIME's (Wang et al. select
    superpixels, not pixels). Float64, in (0, 1].

    Parameters
    ----------
    maps, segments
        Maps and the numbers of the superpixels, (N, H, W) both.

    Raises
    ------
    ValueError
        If a map is NaN or infinite, or segments are no whole numbers of the maps' shape.
    """
    checks.maps(maps)
    checks.segments(segments)
    checks.same_shape(maps, segments, "maps", "segments")
    index = segments.flatten(1)
    none = torch.zeros(len(maps), int(index.max()) + 1, dtype=torch.float64, device=maps.device)
    means = none.scatter_reduce(1, index, maps.flatten(1).double(), "mean", include_self=False)
    areas = none.scatter_add(1, index, torch.ones_like(index, dtype=torch.float64))
    order = ranking(break_ties(means[..., None], generator))
    share = areas.gather(1, order).cumsum(1) / index.shape[1]  # after each superpixel, in order
    return torch.empty_like(share).scatter_(1, order, share).gather(1, index).view_as(maps)
