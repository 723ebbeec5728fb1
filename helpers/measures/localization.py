"""From a map to a box, and how well a map or a box agrees with a known region.

Boxes are (N, 4): x0, y0, x1, y1 in pixels, half-open, so that their area is (x1 - x0)(y1 - y0).
Masks are bool (N, H, W). Every measure gives one number an image, (N,).
"""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from helpers.measures import checks


def share_within(maps: Tensor, region: Tensor) -> Tensor:
    """Share of a map's mass that lies in a region, (N,); NaN for a map without mass.

    maps are (N, H, W), non-negative; region is boolean, of a shape that broadcasts to theirs.

    Raises
    ------
    ValueError
        If a map is negative somewhere, NaN or infinite, or the region is no mask of their size.
    """
    checks.maps(maps, negative=False)
    checks.masks(region, "region")
    fits = zip(region.shape[::-1], maps.shape[::-1], strict=False)
    if region.ndim > 3 or not all(side in (1, whole) for side, whole in fits):
        raise ValueError(
            f"region is {tuple(region.shape)} for maps {tuple(maps.shape)}; expected (H, W) or "
            "(N, H, W)"
        )
    return (maps * region).sum((1, 2)) / maps.sum((1, 2))


def entropy(maps: Tensor) -> Tensor:
    """How scattered a map's mass is, in bits: the entropy of maps (N, H, W), (N,).

    0 where one pixel holds all, log2(H W) where all pixels hold the same; NaN without mass.

    Raises
    ------
    ValueError
        If a map is negative somewhere, NaN or infinite.
    """
    checks.maps(maps, negative=False)
    share = maps.flatten(1) / maps.flatten(1).sum(1, keepdim=True)
    return -torch.special.xlogy(share, share).sum(1) / torch.log(torch.tensor(2.0))


OTSU_BINS = 256  # of the histogram from which Otsu's threshold is read


def thresholded(maps: Tensor, threshold: float) -> Tensor:
    """Cells of at least `threshold` times the map's maximum; none where no cell is positive.

    Zhou et al. 2016 take 0.2 and Selvaraju et al. 2017 take 0.15. Maps (N, H, W) to bool.

    Raises
    ------
    ValueError
        If the threshold is not in (0, 1], or a map is NaN or infinite.
    """
    checks.maps(maps)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; expected a share of the maximum in (0, 1]")
    top = maps.amax((1, 2), keepdim=True)
    return (maps >= threshold * top) & (maps > 0)


def otsu(maps: Tensor) -> Tensor:
    r"""Cells above the threshold that best parts each map's positive half into two classes.

    Negative cells are set to zero. The threshold is the one of 256 that maximizes the variance
    between the classes, :math:`\omega_0 \omega_1 (\mu_0 - \mu_1)^2`; Otsu 1979, Eq. 18. (N, H, W)
    to bool.

    Raises
    ------
    ValueError
        If a map is NaN or infinite.
    """
    checks.maps(maps)
    values = maps.clamp(min=0).flatten(1)
    top = values.amax(1, keepdim=True)
    cells = (values / torch.where(top > 0, top, 1) * OTSU_BINS).long().clamp(max=OTSU_BINS - 1)
    counts = torch.zeros(len(maps), OTSU_BINS, dtype=torch.float64, device=maps.device)
    counts.scatter_add_(1, cells, torch.ones_like(cells, dtype=torch.float64))
    middles = torch.arange(OTSU_BINS, device=maps.device) + 0.5
    below, total = counts.cumsum(1), counts.sum(1, keepdim=True)
    sums = (counts * middles).cumsum(1)
    above = total - below
    gap = sums / below.clamp(min=1) - (sums[:, -1:] - sums) / above.clamp(min=1)
    best = (below * above * gap.square()).argmax(1, keepdim=True)  # the first of equals
    return ((cells > best) & (values > 0)).view(maps.shape)


def largest_part(masks: Tensor) -> Tensor:
    """The largest part of each mask whose cells touch at a side; the first of equals.

    Bool (N, H, W) to the same.
    """
    largest = np.zeros(masks.shape, bool)
    for index, mask in enumerate(masks.cpu().numpy()):
        largest[index] = _largest(mask)
    return torch.from_numpy(largest).to(masks.device)


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(mask)  # 0 outside the mask
    if not count:
        return mask
    sizes = np.bincount(parts[mask], minlength=count + 1)[1:]
    return parts == 1 + sizes.argmax()


def box_of(masks: Tensor) -> Tensor:
    """The tightest box around each bool mask (N, H, W): float32 (N, 4), zero where it is empty."""
    across, down = masks.any(1), masks.any(2)  # (N, W), (N, H)
    first = [side.int().argmax(1) for side in (across, down)]
    stop = [side.shape[1] - side.flip(1).int().argmax(1) for side in (across, down)]
    return torch.stack([*first, *stop], dim=1).float() * masks.any((1, 2))[:, None]


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Area of the overlap by area of the union; Ornek & Ceylan 2024, Eq. 10. (N, 4) each to (N,).

    Raises
    ------
    ValueError
        If one of the `others`, the true boxes, has no area, or a box is none.
    """
    shared, first, second = _areas(boxes, others)
    return shared / (first + second - shared)


def box_dice(boxes: Tensor, others: Tensor) -> Tensor:
    """Twice the overlap by the sum of areas; Ornek & Ceylan 2024, Eq. 11. (N, 4) each to (N,).

    Raises
    ------
    ValueError
        If one of the `others`, the true boxes, has no area, or a box is none.
    """
    shared, first, second = _areas(boxes, others)
    return 2 * shared / (first + second)


def _areas(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    for name, corners in (("boxes", boxes), ("true boxes", others)):
        if corners.ndim != 2 or corners.shape[1] != 4:
            raise ValueError(f"{name} are {tuple(corners.shape)}; expected (N, 4): x0, y0, x1, y1")
        checks.finite(corners, name)
        if (corners[:, 2:] < corners[:, :2]).any():
            raise ValueError(f"{name} hold one with x1 < x0 or y1 < y0; expected x0, y0, x1, y1")
    checks.same_shape(boxes, others, "boxes", "true boxes")
    shared = (
        torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])
    ).clamp(min=0)
    first, second = ((corners[:, 2:] - corners[:, :2]).prod(1) for corners in (boxes, others))
    if not (second > 0).all():
        raise ValueError("a true box has no area; mend the table of boxes")
    return shared.prod(1), first, second


def mask_iou(masks: Tensor, others: Tensor) -> Tensor:
    """Cells in both by cells in either, of bool masks (N, H, W): (N,), 0 where both are empty.

    Raises
    ------
    ValueError
        If they are no masks, or of two shapes.
    """
    checks.same_shape(masks, others, "masks", "the others")
    checks.masks(masks)
    checks.masks(others)
    return (masks & others).sum((1, 2)) / (masks | others).sum((1, 2)).clamp(min=1)


def pointing(maps: Tensor, masks: Tensor) -> Tensor:
    """Whether the map's highest cell lies in the mask; no, where no cell is positive.

    Zhang et al. 2018's pointing game without its margin. Of equal cells the first counts. Maps and
    bool masks (N, H, W) to bool (N,).

    Raises
    ------
    ValueError
        If a map is NaN or infinite, the masks are none, or of another shape.
    """
    checks.maps(maps)
    checks.masks(masks)
    checks.same_shape(maps, masks, "maps", "masks")
    top, index = maps.flatten(1).max(1)
    return masks.flatten(1).gather(1, index[:, None])[:, 0] & (top > 0)
