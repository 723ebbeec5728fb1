"""Where the most relevant components of one map stand in another (Dieter & Zisgen, Sect. 3.4)."""

import torch
from torch import Tensor

from helpers.measures import rankings

TOP_1, TOP_10 = 31, 307  # 1 % and 10 % of 3,072 components
FOLLOWED = {  # name: how many of the first map are followed, and into how many of the second
    "1 in 1%": (1, TOP_1),
    "1 in 10%": (1, TOP_10),
    "1% in 1%": (TOP_1, TOP_1),
    "1% in 10%": (TOP_1, TOP_10),
    "10% in 10%": (TOP_10, TOP_10),
}
OVERLAPS = list(FOLLOWED)


def follow(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Overlaps (N, 5) of :data:`FOLLOWED`, and how far what stays has moved: counts (5, 613).

    The shift of a component is its new position minus its old one (Fig. 4, step 2), from -306 to
    306; only components that are still within the cut are counted.

    Parameters
    ----------
    before, after
        Rankings of the same components, (N, D) with D >= 307, from :func:`rankings.ranking`.
    """
    positions = rankings.new_positions(before, after, TOP_10)  # (N, 307)
    shifts = positions - torch.arange(TOP_10, device=positions.device) + (TOP_10 - 1)
    overlaps = [rankings.overlap(positions[:, :top], cut) for top, cut in FOLLOWED.values()]
    counts = [
        torch.bincount(shifts[:, :top][positions[:, :top] < cut], minlength=2 * TOP_10 - 1)
        for top, cut in FOLLOWED.values()
    ]
    return torch.stack(overlaps, dim=1), torch.stack(counts)


def overlaps(before: Tensor, after: Tensor) -> Tensor:
    """Overlaps (N, 5) of two sets of maps (N, ...); NaN where either map is not finite."""
    usable = before.flatten(1).isfinite().all(1) & after.flatten(1).isfinite().all(1)
    result = before.new_full((len(before), len(FOLLOWED)), torch.nan)
    if usable.any():
        first, second = (rankings.ranking(maps[usable]) for maps in (before, after))
        result[usable] = follow(first, second)[0]
    return result


def chance_distance(top: int, cut: int, level: float) -> int:
    """The smallest distance that a share `level` of shifts stay under if ranks are random.

    A component that was at place i < `top` and is at place j < `cut`, all pairs equally likely, has
    the shift j - i; a shift of d stays under the distance d + 1.
    """
    distances = (torch.arange(cut)[None] - torch.arange(top)[:, None]).abs().flatten()
    counts = torch.bincount(distances).cumsum(0)
    return int((counts < level * len(distances)).sum()) + 1
