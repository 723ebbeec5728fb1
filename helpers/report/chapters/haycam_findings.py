"""Sentences on focus, on what PCA removes, on networks and on maps that are alike (HayCAM+)."""

import math
from collections.abc import Mapping

import pandas as pd

from helpers.report import claims, tallies
from helpers.report.chapters.haycam import is_or_are, join_names, percent

_OUTCOME = {
    claims.REPRODUCED: "holds",
    claims.NOT_REPRODUCED: "does not hold",
    claims.INCONCLUSIVE: "is undecided",
    claims.DEPENDS: "depends on the reading",
    claims.NOT_COMPARABLE: "cannot be compared",
    claims.NOT_RUN: "was not measured",
}


def readings_sentence(judged: pd.DataFrame, key: str) -> str:
    """What became of one claim over all its readings, and which choice turns it."""
    (row,) = judged[judged.key == key].itertuples()
    word = row.says.split()[0]
    says = row.says[0].lower() + row.says[1:] if word[1:].islower() else row.says  # no name
    text = f"That {says} **{_OUTCOME[row.verdict]}**"
    if row.verdict in (claims.NOT_RUN, claims.NOT_COMPARABLE):
        return text + "."
    text += f": by the main reading the value is {row.value:.3g} [{row.low:.3g}, {row.high:.3g}]"
    if row.readings_run > 1:
        text += f", and it holds in {row.readings_hold} of {row.readings_run} readings"
    return text + (f"; “{row.turned_by}” changes it most." if row.turned_by else ".")


def group_sentence(judged: pd.DataFrame, start: str, conclusion: str) -> str:
    """The verdict on a conclusion and on the rows that it rests on."""
    rows = judged[judged.key.str.startswith(start) & (judged.kind != "conclusion")]
    verdict = judged[judged.key == conclusion].verdict.iloc[0]
    says = judged[judged.key == conclusion].says.iloc[0]
    return (
        f"“{says}” **{_OUTCOME[verdict]}**: of {len(rows)} rows {tallies.in_words(rows.verdict)}."
    )


def networks_sentence(accuracies: Mapping[tuple[str, str], float], left_out: list[str]) -> str:
    """Which networks there are and how good (% of the test images); NaN where that is no task."""
    known = [f"{n} ({w}) {a:.1f} %" for (n, w), a in accuracies.items() if not math.isnan(a)]
    text = f"Correct on test images: {', '.join(known)}."
    unchanged = [n for (n, _), a in accuracies.items() if math.isnan(a)]
    if unchanged:
        text += (
            f" {join_names(unchanged)} {is_or_are(len(unchanged))} read unchanged as well, with "
            "the best of ImageNet's four mask classes as the class."
        )
    if left_out:
        text += (
            f" Not run, as their weights are not at hand: {join_names(left_out)}; with `XAI_DATA` "
            "they are."
        )
    return text


def alike_sentence(alike: Mapping[tuple[str, str], float]) -> str:
    """Rank correlations of maps of two methods (their means over images)."""
    listed = [f"{first} and {second} by **{r:.3f}**" for (first, second), r in alike.items()]
    near = [f"{first} and {second}" for (first, second), r in alike.items() if r >= 0.95]
    text = f"Over the cells, maps correlate in rank: {', '.join(listed)}. "
    if not near:
        return text + "None of these pairs is one map."
    which = "each of these pairs counts" if len(near) > 1 else "they count"
    return text + f"{'; '.join(near)}: nearly one map, so that {which} as one method, not as two."


def blind_sentence(before: float, after: float) -> str:
    """How alike the maps of both classes are before PCA and after it (correlations)."""
    turn = (
        "less alike" if after < before - 0.005 else "more alike" if after > before + 0.005
        else "as alike"
    )  # fmt: skip
    return (
        f"Grad-CAM's maps for both classes, before the ReLU, correlate by {before:.3f}; HayCAM's, "
        f"which are these after PCA, by {after:.3f}: PCA makes them {turn}. HayCAM+ takes no "
        "class, so that its two maps are one by construction. Behind a pooling head the logit "
        "sees only each filter's mean, which the PCA takes off first: what it keeps has no part "
        "in the logit, and what it removes neither."
    )


def pictures_sentence(name: str, right: float, count: int, recognized: int) -> str:
    """Which network the drawn portraits are explained by, and how well it knows them."""
    text = (
        f"The portraits are explained by {name}, the network that gives the numbers; it is right "
        f"on {percent(right)} of {count} of them"
    )
    if recognized:
        return f"{text}, and portraits whose mask it recognizes are shown."
    return f"{text} and recognizes the mask on none, so that these maps explain wrong decisions."
