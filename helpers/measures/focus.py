"""How focused a map is, and whether focus goes with better boxes.

Ornek & Ceylan 2024 call HayCAM+'s areas the most focused and do not measure it. All measures here
are shares of the map's cells (%), small where a map is focused; NaN for a map without a positive
cell. None depends on the map's scale.
"""

import torch
from scipy import stats
from torch import Tensor

from helpers.measures import checks, localization, map_boxes, rankings

THRESHOLD = 0.2  # share of the maximum, as Zhou et al. 2016 take it
MEASURES = ("half of the mass", "entropy", "above a threshold")
FORMS = [(measure, scale) for scale in map_boxes.SCALES for measure in MEASURES]


def forms(maps: Tensor) -> Tensor:
    """All :data:`FORMS` of focus of maps (N, H, W), (N, 6): of what is positive, and stretched."""
    positive = maps.clamp(min=0), map_boxes.stretched(maps)
    measured = half_of_mass, effective_cells, above_threshold
    return torch.stack([measure(values) for values in positive for measure in measured], dim=1)


def half_of_mass(maps: Tensor) -> Tensor:
    """The smallest share (%) of the cells that holds half of a map's mass, (N,).

    Between two numbers of cells it is interpolated, so that a flat map has 50 and a map of one cell
    half of one cell's share. Maps are (N, H, W).

    Raises
    ------
    ValueError
        If a map is negative somewhere, NaN or infinite.
    """
    checks.maps(maps, negative=False)
    cells = maps.flatten(1).double().sort(dim=1, descending=True).values
    total = cells.sum(1)
    below = cells.cumsum(1) - cells  # before each cell
    whole = (below + cells < total[:, None] / 2).sum(1)  # cells that are needed whole
    at = whole.clamp(max=cells.shape[1] - 1)[:, None]
    part = (total / 2 - below.gather(1, at)[:, 0]) / cells.gather(1, at)[:, 0]
    share = 100 * (whole + part) / cells.shape[1]
    return share.where(total > 0, torch.nan)


def effective_cells(maps: Tensor) -> Tensor:
    r"""The share (%) of the cells over which equal mass would have the map's entropy, (N,).

    .. math:: 100 \cdot 2^{H} / (\text{number of cells}), \qquad H = -\sum_i m_i \log_2 m_i

    100 of a flat map, one cell's share where one cell holds all. Maps are (N, H, W).

    Raises
    ------
    ValueError
        If a map is negative somewhere, NaN or infinite.
    """
    return 100 * 2 ** localization.entropy(maps.double()) / maps[0].numel()


def above_threshold(maps: Tensor) -> Tensor:
    """The share (%) of a map's cells of at least :data:`THRESHOLD` times its maximum, (N,).

    Maps are (N, H, W).

    Raises
    ------
    ValueError
        If a map is negative somewhere, NaN or infinite.
    """
    checks.maps(maps, negative=False)
    share = 100 * localization.thresholded(maps, THRESHOLD).double().mean((1, 2))
    return share.where(share > 0, torch.nan)


def within_images(areas: Tensor, overlaps: Tensor) -> Tensor:
    """Rank correlation of focus and overlap over the maps of each image, (N,).

    1 where the map with the smaller area always has the larger overlap. NaN where a map has no
    area, or all areas or all overlaps are equal.

    Parameters
    ----------
    areas
        Of each image's M maps, small where a map is focused, (N, M).
    overlaps
        IoU of their boxes, (N, M).
    """
    usable = areas.isfinite().all(1)
    found = torch.full((len(areas),), torch.nan, dtype=torch.float64, device=areas.device)
    found[usable] = rankings.spearman(-areas[usable], overlaps[usable]).double()
    return found


def over_images(areas: Tensor, overlaps: Tensor) -> Tensor:
    r"""What each image adds to the rank correlation of focus and overlap over images, (N,).

    .. math:: c_i = \frac{1}{M} \sum_m z_{im} z'_{im}

    with z and z' the standardized ranks, over images, of map m's areas (negated) and overlaps. The
    mean over images is the mean over the M maps of Spearman's correlation. NaN for an image in
    which a map has no area. areas and overlaps are (N, M); a map whose areas or overlaps are all
    equal adds 0.
    """
    usable = areas.isfinite().all(1)
    found = torch.full((len(areas),), torch.nan, dtype=torch.float64, device=areas.device)
    first, second = (_standardized(v[usable].double().mT) for v in (-areas, overlaps))
    found[usable] = (first * second).mean(0)
    return found


def _standardized(values: Tensor) -> Tensor:
    """Ranks of (M, N) along N, ties at their mean, with mean 0 and variance 1; 0 if all equal."""
    ranks = torch.from_numpy(stats.rankdata(values.cpu().numpy(), axis=1)).to(values.device)
    centered = ranks - ranks.mean(1, keepdim=True)
    scale = centered.square().mean(1, keepdim=True).sqrt()
    return centered / torch.where(scale > 0, scale, 1)
