"""How far two maps of one image agree."""

import torch
from torch import Tensor

from helpers.measures import checks, rankings


def agreement(before: Tensor, after: Tensor, region: Tensor | None = None) -> Tensor:
    """Spearman's correlation over pixels, and the share (%) of the strongest fifth that is common.

    Maps that have nothing to do with each other have 0 and 20 % on average.

    Parameters
    ----------
    before, after
        Maps (N, H, W).
    region
        Which pixels are compared, bool (H, W); all, if it is left out.

    Returns
    -------
    Tensor
        (N, 2) float64; NaN where one of the two maps is constant in the region.

    Raises
    ------
    ValueError
        If maps are NaN or infinite or of two shapes, or the region is no mask of five pixels or
        more.
    """
    for maps in (before, after):
        checks.maps(maps)
    checks.same_shape(before, after, "maps", "the others")
    if region is not None and (
        region.dtype != torch.bool or region.shape != before.shape[1:] or region.sum() < 5
    ):
        raise ValueError(
            f"region is {region.dtype} {tuple(region.shape)} for maps {tuple(before.shape)}; "
            "expected bool (H, W) with five pixels or more"
        )
    first, second = (
        maps.flatten(1) if region is None else maps.flatten(1)[:, region.flatten()]
        for maps in (before, after)
    )
    top = first.shape[1] // 5
    positions = rankings.new_positions(rankings.ranking(first), rankings.ranking(second), top)
    correlation = rankings.spearman(first, second)
    common = 100 * rankings.overlap(positions, top).double()
    return torch.stack([correlation, common.where(~correlation.isnan(), torch.nan)], dim=1)


def squared_radius(side: int) -> Tensor:
    """Squared distance from the middle, (side, side); 1 at the middle of each edge."""
    axis = torch.linspace(-1, 1, side)
    return axis[:, None] ** 2 + axis**2


def inscribed_disc(side: int) -> Tensor:
    """The pixels that stay in view however the image is turned, bool (side, side)."""
    return squared_radius(side) <= 1
