"""Controls that reach as far as what they are compared with: the scale is found by bisection."""

from collections.abc import Callable

import torch
from torch import Tensor


def scale_for(
    distance: Callable[[Tensor], Tensor], wanted: Tensor, *, largest: float = 64.0, steps: int = 12
) -> Tensor:
    """The scale s at which distance(s) is the wanted one, for each item: (N,).

    The scale doubles from 1 until the distance is reached, or halves while it is exceeded; then
    `steps` bisections follow, so that the scale is off by at most 2**-steps of itself. Where the
    distance does not grow with the scale throughout, one of the crossings is found.

    Parameters
    ----------
    distance
        From scales (N,) to distances (N,), 0 at scale 0.
    wanted
        The distances to reach, (N,), above 0.
    largest
        Where the search ends; an item whose distance is not reached there has NaN.
    """
    high = torch.ones_like(wanted)
    while bool((short := (distance(high) < wanted) & (high < largest)).any()):
        high = torch.where(short, 2 * high, high)
    reached = distance(high) >= wanted
    low = torch.zeros_like(wanted)
    for _ in range(steps):
        middle = (low + high) / 2
        short = distance(middle) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    return torch.where(reached, (low + high) / 2, torch.nan)
