"""The verdict of the chapter on HayCAM+, in sentences that follow from its judged claims."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from helpers.report import tallies
from helpers.report.chapters.haycam import join_names, percent, ranked


class Outcome(NamedTuple):
    """What the verdict speaks of."""

    judged: pd.DataFrame  # of claims.judge
    network: str  # that gives the main numbers
    paper: Mapping[str, float]  # the paper's mean IoU by method
    ours: pd.Series  # our mean IoU by method
    gain: tuple[float, float, float]  # HayCAM+ minus Grad-CAM in IoU, and its interval
    seven: pd.DataFrame  # of haycam_samples.orders_table
    same: Sequence[str]  # methods whose maps do not depend on the class
    photographs: bool  # whether photographs were measured, or drawn portraits


_PORTRAITS = "This run saw **drawn portraits only**: it tests the code, not the paper."


def verdict(outcome: Outcome) -> list[str]:
    """The verdict, one sentence or two an entry."""
    sentences = [] if outcome.photographs else [_PORTRAITS]
    return [
        *sentences,
        tallies.sentence(outcome.judged),
        f"On {outcome.network} the order by mean IoU is {ranked(outcome.ours)}; the paper's is "
        f"{ranked(outcome.paper)}.",
        lead_sentence(outcome),
        seven_sentence(outcome.seven),
        *same_sentence(outcome.same),
    ]


def lead_sentence(outcome: Outcome) -> str:
    """HayCAM+ against Grad-CAM, here and in the paper, and in how many readings it leads."""
    gain, low, high = outcome.gain
    theirs = outcome.paper["HayCAM+"] - outcome.paper["Grad-CAM"]
    if low > 0 or high < 0:
        text = f"HayCAM+ is {'better' if low > 0 else 'worse'} than Grad-CAM by {abs(gain):.3f}"
    else:
        text = f"HayCAM+ and Grad-CAM cannot be told apart: they differ by {gain:+.3f}"
    text += f" [{low:.3f}, {high:.3f}]; in the paper HayCAM+ is better by {theirs:.3f}."
    row = outcome.judged[outcome.judged.key == "order/iou/HayCAM+ > Grad-CAM"].iloc[0]
    if row.readings_run < 2:
        return text
    turned = f", turned most by “{row.turned_by}”" if row.turned_by else ""
    return f"{text} It is better in {row.readings_hold} of {row.readings_run} readings{turned}."


def seven_sentence(seven: pd.DataFrame) -> str:
    """What tables of the paper's size would show, on the main network."""
    row = seven.iloc[0] / 100
    best, _, whole, opposite = seven.columns
    return (
        f"Seven images, as the paper's tables have room for, show {best} in {percent(row[best])} "
        f"of draws, {whole} in {percent(row[whole])} and its reverse in {percent(row[opposite])}."
    )


def same_sentence(same: Sequence[str]) -> list[str]:
    """Which methods do not use the class; no sentence where all do."""
    if not same:
        return []
    verb = "gives" if len(same) == 1 else "give"
    return [f"{join_names(same)} {verb} the same map for 'mask' and for 'no mask'."]
