"""An estimate of where an image's object is, for images without masks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from helpers.measures import checks

RIM = 2  # pixels, the width of the border


def unlike_the_border(images: Tensor, share: float = 0.25) -> Tensor:
    r"""The part of each image whose color is least like its border's.

    .. math:: d(x)^2 = (x - \mu)^\top (\Sigma + 10^{-3} I)^{-1} (x - \mu)

    is the squared Mahalanobis distance of a color x to the colors of the two outermost rows and
    columns, with their mean and covariance; it is averaged over 5 x 5 pixels. Our own estimate, no
    paper's: it needs a border that shows background.

    Parameters
    ----------
    images
        (N, 3, H, W) in [0, 1].
    share
        How much of each image is taken.

    Returns
    -------
    Tensor
        Masks, bool (N, H, W).

    Raises
    ------
    ValueError
        If images are no floats of 3 colors and 5 pixels a side or more, one has one color only
        (then nothing is unlike its border), or the share is not between 0 and 1.
    """
    checks.images(images)
    if images.shape[1] != 3 or min(images.shape[2:]) < 2 * RIM + 1 or not 0 < share < 1:
        raise ValueError(
            f"images are {tuple(images.shape)} and share {share}; expected (N, 3, H, W) of 5 "
            "pixels a side or more, and a share between 0 and 1"
        )
    plain = (images.amax((2, 3)) == images.amin((2, 3))).all(1)
    if plain.any():
        raise ValueError(f"image {int(plain.nonzero()[0])} has one color only, so no foreground")
    rim = torch.ones(images.shape[2:], dtype=torch.bool)
    rim[RIM:-RIM, RIM:-RIM] = False
    border = images[:, :, rim]  # (N, 3, P)
    mean = border.mean(2, keepdim=True)
    centered = border - mean
    covariance = centered @ centered.mT / border.shape[2] + 1e-3 * torch.eye(3).to(images)
    away = images.flatten(2) - mean  # (N, 3, HW)
    distance = (away * torch.linalg.solve(covariance, away)).sum(1).view(-1, 1, *images.shape[2:])
    smooth = F.avg_pool2d(distance, 5, stride=1, padding=2, count_include_pad=False).flatten(1)
    top = smooth >= smooth.quantile(1 - share, dim=1, keepdim=True)
    return top.view(-1, *images.shape[2:])
