"""What the numbers that Ornek & Ceylan (2024) print imply about their images, beside ours."""

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
            "So IoU varied less from image to image in the paper than here, as it may among a few "
            "similar images. "
        )
    elif theirs.min() > ours.max():
        text += "So IoU varied more from image to image in the paper than here. "
    else:
        text += "The two ranges overlap, so the paper's means are what such images give. "
    return text + _two_numbers(reported)


IMAGES = {"training": 18_400, "validation": 200, "test": 4_540}  # Sect. 5
ALL_IMAGES = 23_140  # Sect. 3.1
EARLIER = {"Grad-CAM": 0.1922, "Grad-CAM++": 0.2472, "EigenCAM": 0.3386, "HayCAM": 0.3487}
HALF_A_DIGIT = 0.005  # of percentages with two decimals


def masked_share(accuracy: float, sensitivity: float, specificity: float) -> float:
    """Share of images with a mask, from three percentages: the accuracy is their weighted mean.

    Accuracy = share * sensitivity + (1 - share) * specificity.
    """
    return (specificity - accuracy) / (specificity - sensitivity)


def sums(reported: pd.Series) -> str:
    """Whether the numbers of images add up, and how many of the tested ones wear a mask."""
    total = sum(IMAGES.values())
    adds = "is" if total == ALL_IMAGES else "is not"
    printed = [reported[key] for key in ("accuracy", "sensitivity", "specificity")]
    share = masked_share(*printed)
    ends = [
        masked_share(printed[0] + a, printed[1] + b, printed[2] + c)
        for a in (-HALF_A_DIGIT, HALF_A_DIGIT)
        for b in (-HALF_A_DIGIT, HALF_A_DIGIT)
        for c in (-HALF_A_DIGIT, HALF_A_DIGIT)
    ]
    listed = " + ".join(f"{count:,}" for count in IMAGES.values())
    return (
        f"{listed} = {total:,}, which {adds} the {ALL_IMAGES:,} images of Sect. 3.1. The earlier "
        f"paper's accuracy, sensitivity and specificity fit together only if "
        f"{100 * share:.1f} % of its test images wear a mask (between {100 * min(ends):.1f} and "
        f"{100 * max(ends):.1f} % with the rounding of the three)."
    )


def used_before(reported: pd.Series) -> str:
    """Which of the mean IoUs stand in the abstract of HayCAM (2022) already."""
    same = [name for name, iou in EARLIER.items() if reported[f"iou/{name}"] == iou]
    if not same:
        return "None of the mean IoUs is that of the abstract of HayCAM (2022)."
    return (
        f"{len(same)} of the mean IoUs ({', '.join(same)}) are those of the abstract of HayCAM "
        "(2022) to the last digit, so that images and network are probably the same."
    )


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
