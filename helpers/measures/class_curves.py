"""Insertion and deletion in several readings: which fill, and which scale of the score."""

import torch
from torch import Tensor

from helpers.measures import checks, insertion_deletion, rankings

BLACK, MEAN, BLUR = "black", "mean color", "blurred image"
FILLS = (BLACK, MEAN, BLUR)  # what a removed pixel becomes
PROBABILITY = "probability"
RELATIVE = "relative probability"  # divided by the whole image's own
LOGIT = "relative logit"  # likewise
SCORES = (PROBABILITY, RELATIVE, LOGIT)


def end_of_deletion(images: Tensor, fill: str, mean: Tensor) -> Tensor:
    """What images (N, C, H, W) in [0, 1] become when every pixel is deleted, same shape.

    Black is the paper's zero, before any normalization; the mean color, (C, 1, 1), is zero after
    it; the blurred image is where insertion starts.

    Raises
    ------
    ValueError
        If the fill is none of :data:`FILLS`.
    """
    if fill == BLACK:
        return torch.zeros_like(images)
    if fill == MEAN:
        return mean.to(images).expand_as(images)
    if fill == BLUR:
        return insertion_deletion.blurred(images, mean)
    raise ValueError(f"fill is {fill!r}; expected one of {FILLS}")


@torch.no_grad()
def between(
    scores: insertion_deletion.Score,
    start: Tensor,
    finish: Tensor,
    saliency: Tensor,
    *,
    steps: int,
    batch_size: int = 32,
) -> Tensor:
    """Both scores on the way from one image to another, the most salient pixels first.

    As :func:`helpers.measures.insertion_deletion.deletion_curve`, of which it keeps the order of
    equal values (by rows) and of what is scored, but with the logit and the probability at once.

    Parameters
    ----------
    scores
        Logit and probability of whole rounds of the images, (n, 2).
    start, finish
        (B, C, H, W).
    saliency
        (B, H, W).
    steps
        In how many equal steps all pixels change.

    Returns
    -------
    Tensor
        Float64 (B, steps + 1, 2).

    Raises
    ------
    ValueError
        If shapes do not fit, the saliency is not finite, or steps is no number of them.
    """
    count, _, height, width = start.shape
    if start.shape != finish.shape or saliency.shape != (count, height, width):
        raise ValueError(
            f"images are {tuple(start.shape)} and {tuple(finish.shape)}, saliency "
            f"{tuple(saliency.shape)}; expected (B, C, H, W) twice and (B, H, W)"
        )
    if not 1 <= steps <= height * width:
        raise ValueError(f"steps is {steps}; expected 1 to {height * width}, the pixels there are")
    checks.finite(saliency, "saliency maps")
    position = rankings.inverse_permutation(rankings.ranking(saliency)).to(start.device)
    position = position.view(1, count, 1, height, width)
    cuts = (torch.arange(steps + 1, device=start.device) * height * width + steps - 1) // steps
    parts = []
    for batch in cuts.split(max(batch_size // count, 1)):
        mixed = torch.where(position < batch.view(-1, 1, 1, 1, 1), finish, start).flatten(0, 1)
        parts.append(scores(mixed.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts).view(steps + 1, count, 2).transpose(0, 1).double()


def diff_auc(deletion: Tensor, insertion: Tensor, score: str = PROBABILITY) -> Tensor:
    r"""DiffAUC, (N,): 100 times the area under insertion less that under deletion.

    Karatsiolis & Kamilaris 2022, section 4. The paper does not give the scale of the score: the
    probability, or the probability or the logit divided by the whole image's own,

    .. math:: 100\,\frac{\mathrm{AUC}_{ins} - \mathrm{AUC}_{del}}{f(x)},

    so that the last two are in per cent of the image's own score.

    Parameters
    ----------
    deletion, insertion
        (N, steps + 1, 2), from :func:`between`: logit and probability; deletion starts at the whole
        image.
    score
        One of :data:`SCORES`.

    Raises
    ------
    ValueError
        If the score is none of them.
    """
    if score not in SCORES:
        raise ValueError(f"score is {score!r}; expected one of {SCORES}")
    column = 0 if score == LOGIT else 1
    areas = [insertion_deletion.auc(curve[..., column]) for curve in (insertion, deletion)]
    points = 100 * (areas[0] - areas[1])
    return points if score == PROBABILITY else points / deletion[:, 0, column]
