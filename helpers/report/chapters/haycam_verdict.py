"""The verdict of the chapter on HayCAM+, in sentences that follow from its judged claims."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from helpers.report import tallies
from helpers.report.chapters.haycam import join_names, number_word, percent, ranked


class Outcome(NamedTuple):
    """What the verdict speaks of."""

    judged: pd.DataFrame  # of claims.judge
    paper: Mapping[str, float]  # the paper's mean IoU by method
    ours: pd.Series  # our mean IoU by method
    gain: tuple[float, float, float]  # HayCAM+ minus Grad-CAM in IoU, and its interval
    by_rule: pd.DataFrame  # mean IoU, thresholds by methods
    by_sign: pd.Series  # mean IoU of HayCAM+ by reading and sign
    level: pd.DataFrame  # means, maps by measures
    same: Sequence[str]  # methods whose maps do not depend on the class
    photographs: bool  # whether photographs were measured, or drawn portraits


def verdict(outcome: Outcome) -> list[str]:
    """The verdict, one sentence or two an entry."""
    sentences = [] if outcome.photographs else [_PORTRAITS]
    sentences += [
        tallies.sentence(outcome.judged),
        f"Our order of the methods by IoU is {ranked(outcome.ours)}; the paper's is "
        f"{ranked(outcome.paper)}.",
        _lead(outcome),
        "The signs that the paper leaves open move HayCAM+'s IoU between "
        f"{outcome.by_sign.min():.3f} and {outcome.by_sign.max():.3f}; a fixed box that never "
        f"looks at the image has {outcome.level['IoU of boxes']['average box']:.3f}.",
    ]
    return sentences + _decisive(outcome)


_PORTRAITS = "This run saw **drawn portraits only**: it tests the code, not the paper."


def finding(outcome: Outcome) -> str:
    """Two sentences for the book's front page."""
    text = _decisive(outcome) or [tallies.sentence(outcome.judged), _lead(outcome)]
    return " ".join(text if outcome.photographs else [_PORTRAITS, *text])


def _lead(outcome: Outcome) -> str:
    """HayCAM+ against Grad-CAM, here and in the paper, and at how many thresholds it is best."""
    gain, low, high = outcome.gain
    theirs = outcome.paper["HayCAM+"] - outcome.paper["Grad-CAM"]
    if low > 0 or high < 0:
        text = f"HayCAM+ is {'better' if low > 0 else 'worse'} than Grad-CAM by {abs(gain):.3f}"
    else:
        text = f"HayCAM+ and Grad-CAM cannot be told apart: they differ by {gain:+.3f}"
    wins = outcome.by_rule.idxmax(axis=1) == "HayCAM+"
    return (
        f"{text} [{low:.3f}, {high:.3f}]; in the paper HayCAM+ is better by {theirs:.3f}. "
        f"It is the best of the {number_word(outcome.by_rule.shape[1])} at {wins.sum()} of "
        f"{len(wins)} thresholds."
    )


def _decisive(outcome: Outcome) -> list[str]:
    """What the mask's pixels and the other class show, as far as they were measured."""
    sentences = []
    if "pointing game" in outcome.level:
        points = outcome.level["pointing game"]
        sentences.append(
            "Against the mask's own pixels, Grad-CAM's highest cell lies on it in "
            f"{percent(points['Grad-CAM'])} of the images, HayCAM+'s in "
            f"{percent(points['HayCAM+'])}."
        )
    if outcome.same:
        verb = "gives" if len(outcome.same) == 1 else "give"
        sentences.append(
            f"{join_names(outcome.same)} {verb} the same map for 'mask' and for 'no mask'."
        )
    return sentences
