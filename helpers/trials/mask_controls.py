"""What maps of masks are held against: maps and boxes that know nothing of a network."""

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.inputs import conversion
from helpers.measures import localization, map_boxes, sobel
from helpers.papers import cams
from helpers.trials import mask_maps


def control_maps(pixels: Tensor, side: int, seed: int) -> dict[str, Tensor]:
    """Maps (N, side, side) by name: random cells, the distance from the middle, Sobel edges.

    Parameters
    ----------
    pixels
        uint8 (N, 3, H, W).
    side
        Cells a side.
    seed
        Of the random cells.
    """
    generator = torch.Generator().manual_seed(seed)
    across = torch.linspace(-1, 1, side)
    middle = 2**0.5 - (across[:, None].square() + across[None].square()).sqrt()
    edges = [sobel.edge_magnitude(conversion.to_unit(batch)).mean(1) for batch in pixels.split(64)]
    return {
        "random": torch.rand(len(pixels), side, side, generator=generator),
        "center": middle.expand(len(pixels), side, side),
        "edges": F.adaptive_avg_pool2d(torch.cat(edges)[:, None], side)[:, 0],
    }


def mean_of_others(boxes: Tensor) -> Tensor:
    """For each image the mean of the other images' true boxes, (N, 4) to (N, 4).

    A supervised prior: it looks at no image, but it is made of true boxes.
    """
    return (boxes.sum(0) - boxes) / (len(boxes) - 1)


def centered_boxes(count: int, size: int) -> Tensor:
    """The box in the middle of images of `size` pixels a side that has half their side, (N, 4)."""
    return torch.tensor([[size / 4, size / 4, 3 * size / 4, 3 * size / 4]]).expand(count, 4)


def localize(
    maps: Tensor, boxes: Tensor, masks: Tensor | None, size: int, threshold: float
) -> dict[str, Tensor]:
    """By measure, how well each map finds the mask, (N,); of boxes only where no pixel is known.

    Parameters
    ----------
    maps
        (N, h, w).
    boxes, masks
        The true ones, (N, 4) and bool (N, size, size).
    size
        Of the images, in pixels a side.
    threshold
        Share of a map's maximum from which a cell counts.
    """
    large = cams.upsample(maps, size)
    cells = localization.thresholded(large, threshold)
    values = {"IoU of boxes": localization.box_iou(map_boxes.boxes_of(cells), boxes)}
    if masks is None:
        return values
    return values | {
        "IoU of pixels": localization.mask_iou(cells, masks),
        "pointing game": localization.pointing(large, masks).float(),
        # 0 for a map without a positive cell
        "mass inside": mask_maps.on_mask(maps, masks).nan_to_num() / 100,
    }
