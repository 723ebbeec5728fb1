"""Boxes of many maps by many rules at once: what a paper leaves open between a map and its box."""

import torch
from torch import Tensor

from helpers.measures import checks, localization

SHARES = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # Selvaraju et al. 2017, Zhou et al. 2016, and above
OTSU = "Otsu"
SCALES = ("maximum", "range")  # of what a threshold is a share
RULES = [(scale, cut) for scale in SCALES for cut in (*(f"{s:g}" for s in SHARES), OTSU)]


def ious(maps: Tensor, boxes: Tensor) -> Tensor:
    """IoU of the true boxes and the maps' boxes by each of :data:`RULES`, (N, 16).

    The box of a rule is the tightest around the largest connected part of the cells that it keeps:
    those of at least a share of the map's maximum, or of its range from the lowest to the highest
    cell, or those above Otsu's threshold. A map without such a cell has an IoU of 0.

    Parameters
    ----------
    maps
        At the size of the image, (N, H, W).
    boxes
        The true ones, (N, 4), half-open, in pixels.

    Raises
    ------
    ValueError
        If a map is NaN or infinite, or a true box has no area.
    """
    checks.maps(maps)
    scaled = dict(zip(SCALES, (maps, stretched(maps)), strict=True))
    found = [
        localization.box_iou(boxes_of(_kept(scaled[scale], cut)), boxes) for scale, cut in RULES
    ]
    return torch.stack(found, dim=1)


def stretched(maps: Tensor) -> Tensor:
    """Each map (N, H, W) from its lowest cell at 0 to its highest at 1; a flat map becomes zero."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1)


def _kept(maps: Tensor, cut: str) -> Tensor:
    return localization.otsu(maps) if cut == OTSU else localization.thresholded(maps, float(cut))


def boxes_of(cells: Tensor) -> Tensor:
    """The tightest box around the largest part of each bool mask (N, H, W): float32 (N, 4)."""
    return localization.box_of(localization.largest_part(cells))
