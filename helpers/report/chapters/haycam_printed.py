"""What the means that Ornek & Ceylan (2024) print imply about their images, beside ours."""

import math

import pandas as pd


def dice_of(iou: float) -> float:
    """Dice of two regions from their IoU: 2 IoU / (1 + IoU)."""
    return 2 * iou / (1 + iou)


def implied_deviation(iou: float, dice: float) -> float:
    r"""Deviation of IoU over images that the means of IoU and of Dice imply, to second order.

    Dice is the concave function :math:`D(I) = 2I / (1 + I)`, with
    :math:`D'' = -4 / (1 + I)^3`, so that the mean Dice is about
    :math:`D(\bar I) + D''(\bar I) \sigma^2 / 2`. 0 where the mean Dice is above that of the mean.
    """
    return math.sqrt(max((dice_of(iou) - dice) * (1 + iou) ** 3 / 2, 0))


def implied_table(reported: pd.Series, iou: pd.DataFrame, dice: pd.DataFrame) -> pd.DataFrame:
    """What the printed means of IoU and Dice imply, beside the same of ours (images by methods)."""
    rows = {}
    for name in iou:
        printed_iou, printed_dice = reported[f"iou/{name}"], reported[f"dice/{name}"]
        rows[name] = {
            "IoU": printed_iou,
            "Dice": printed_dice,
            "Dice of the mean IoU": dice_of(printed_iou),
            "deviation that follows": implied_deviation(printed_iou, printed_dice),
            "the same from our means": implied_deviation(iou[name].mean(), dice[name].mean()),
            "deviation of ours": iou[name].std(),
        }
    return pd.DataFrame(rows).T.rename_axis("method")


def implied(table: pd.DataFrame, reported: pd.Series) -> str:
    """What follows from the paper's printed means; `table` as :func:`implied_table` gives it."""
    theirs, ours = table["deviation that follows"], table["deviation of ours"]
    above = list(table.index[table["Dice"] > table["Dice of the mean IoU"]])
    text = (
        f"The Dice of {' and '.join(above)} is above its ceiling, which no images can give. "
        if above
        else "Each Dice is below its ceiling, as it must be. "
    )
    text += (
        f"The deviations that follow are {theirs.min():.2f} to {theirs.max():.2f}; ours are "
        f"{ours.min():.2f} to {ours.max():.2f}, and by the same sum from our means "
        f"{table['the same from our means'].min():.2f} to "
        f"{table['the same from our means'].max():.2f}. "
    )
    if theirs.max() < ours.min():
        text += (
            "So either the paper's images were far more alike than ours, or its Dice is no mean "
            "over images. "
        )
    elif theirs.min() > ours.max():
        text += "So IoU varied more from image to image in the paper than here. "
    else:
        text += "The two ranges overlap, so the paper's means are what such images give. "
    return text + _two_numbers(reported)


def _two_numbers(reported: pd.Series) -> str:
    """The abstract's IoU of HayCAM+ and the discussion's, and whether either fits the Dice."""
    abstract, other = reported["iou/HayCAM+"], reported["iou/HayCAM+/discussion"]
    dice, rival = reported["dice/HayCAM+"], reported["iou/HayCAM"]
    possible = {"the first": dice <= dice_of(abstract), "the second": dice <= dice_of(other)}
    fits = [name for name, fit in possible.items() if fit]
    which = {0: "neither is possible", 2: "both are possible"}.get(
        len(fits), f"only {' '.join(fits)} is possible"
    )
    return (
        f"The abstract gives HayCAM+ an IoU of {abstract:.4f}, the discussion {other:.4f}; with "
        f"the printed Dice of {dice:.4f} {which} (the ceilings are {dice_of(abstract):.4f} and "
        f"{dice_of(other):.4f}). By the second, HayCAM+ leads HayCAM by {other - rival:.4f} rather "
        f"than {abstract - rival:.4f}. The paper gives no interval for either."
    )
