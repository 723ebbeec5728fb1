"""Do two methods mark similar areas? Agreement of two maps beyond that of any two images' maps."""

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.measures import rankings

RANKS, TOP = "rank correlation", "overlap of the top fifth"
MEASURES = (RANKS, TOP)


def in_cells(maps: Tensor, cell: int) -> Tensor:
    """Means of maps (N, H, W) over square cells of so many pixels: (N, H / cell, W / cell).

    A map of single pixels, such as that of Integrated Gradients, has an area only when smoothed.
    """
    return F.avg_pool2d(maps[:, None].float(), cell)[:, 0]


def agreement(first: Tensor, second: Tensor, measure: str = RANKS) -> Tensor:
    """How far two maps (N, H, W) agree, (N,): 1 where they have the same order.

    The rank correlation; or the share of the first map's highest fifth of cells that lies in the
    second's (equal values in row order), a fifth for maps that have nothing to do with each other.
    A map of one value has no order: its agreement is 0, and a fifth.

    Raises
    ------
    ValueError
        If the measure is none of :data:`MEASURES`.
    """
    if measure == RANKS:
        return rankings.spearman(first, second).nan_to_num()
    if measure != TOP:
        raise ValueError(f"measure is {measure!r}; expected one of {MEASURES}")
    top = max(first[0].numel() // 5, 1)
    flat = [maps.flatten(1).float() for maps in (first, second)]
    marked = [
        torch.zeros_like(values).scatter(1, rankings.ranking(values)[:, :top], 1.0)
        for values in flat
    ]
    shared = (marked[0] * marked[1]).sum(1) / top
    one_value = [(values == values[:, :1]).all(1) for values in flat]
    return shared.masked_fill(one_value[0] | one_value[1], 0.2)


def beyond_others(first: Tensor, second: Tensor, cell: int, measure: str = RANKS) -> Tensor:
    """Agreement of two methods' maps of an image less that with the map of another image, (N,).

    Maps are (N, H, W), N at least two; the other image is the next one. Most maps are bright in the
    middle, so that maps of different images agree as well.
    """
    ours, theirs = in_cells(first, cell), in_cells(second, cell)
    return agreement(ours, theirs, measure) - agreement(ours, theirs.roll(1, 0), measure)
