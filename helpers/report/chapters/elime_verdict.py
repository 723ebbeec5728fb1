"""Is the selection evidence? And the verdict of the chapter on E-LIME."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.report import tallies
from helpers.report.chapters.elime import Speed


def _for_class(table: pd.DataFrame, what: str) -> pd.DataFrame:
    return table[table.what == what]


def evidence(table: pd.DataFrame, rest: Sequence[float], network: str) -> str:
    """What the rest of the image gives, and what the search finds for other classes."""
    second, absent = (_for_class(table, k) for k in ("runner-up", "another image's class"))
    majority = int((second["E-LIME"] > 0.5).sum())
    return (
        f"With E-LIME's selection taken away, the rest of the image still has a probability of "
        f"{np.mean(rest):.3f} on average ({min(rest):.3f} to {max(rest):.3f}; {network}). For the "
        f"**runner-up** the same search reaches {second['E-LIME'].mean():.3f} on average, from "
        f"{second['whole image'].mean():.3f}; on {majority} of {len(second)} images the network "
        "then holds the runner-up for more likely than everything else together. For a class "
        f"**that is not there** it goes from {absent['whole image'].mean():.4f} to "
        f"{absent['E-LIME'].mean():.4f}. {_wrong_classes(second)}"
    )


def _wrong_classes(second: pd.DataFrame) -> str:
    """Whether the probability rises for the runner-up as well: on all images, some or none."""
    count, total = int((second["E-LIME"] > second["whole image"]).sum()), len(second)
    if count == total:
        return (
            "So a rising probability is no evidence for the explanation: it rises for wrong "
            "classes too."
        )
    if count:
        return f"The probability rises for {count} of {total} runner-up classes too."
    return "The probability rises for no runner-up class."


def verdict(
    judged: pd.DataFrame, everywhere: int, pairs: int, level: pd.DataFrame, times: Speed | None,
    stable: pd.DataFrame, table: pd.DataFrame,
) -> list[str]:  # fmt: skip
    """The chapter's verdict; `times` is None where LIME had fewer samples than its default."""
    means = level.mean(numeric_only=True)
    sentences = [
        f"{tallies.sentence(judged)} We worked from abstracts of the paper: all settings are ours.",
        f"On the photographs that are shown, the probability rises in every run on {everywhere} of "
        f"{pairs} pairs of image and network: the whole image has {means['whole image']:.3f}, "
        f"E-LIME's selection {means['E-LIME']:.3f}, the best of as many random selections "
        f"{means['random']:.3f}.",
    ]
    if times is None:
        sentences.append(
            "On time this run is **too small** to say: LIME had fewer samples than its default."
        )
    else:
        sentences.append(
            f"An explanation takes {times.seconds:.1f} s. LIME takes {times.ratio:.1f} times as "
            f"long; its budget is {times.budget:.1f} times larger, and at equal evaluations the "
            f"ratio is {times.equal:.2f}."
        )
    return [*sentences, *_agreement(stable, table)]


def finding(
    level: pd.DataFrame, everywhere: int, pairs: int, stable: pd.DataFrame, table: pd.DataFrame
) -> str:
    """Two sentences for the book's front page."""
    means = level.mean(numeric_only=True)
    return (
        f"The probability rises in every run on {everywhere} of {pairs} pairs of image and "
        f"network that are shown, to {means['E-LIME']:.3f} in the mean; the best of as many random "
        f"selections has {means['random']:.3f}. " + " ".join(_agreement(stable, table)[1:])
    )


def _agreement(stable: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    second = _for_class(table, "runner-up")
    means = stable.mean(numeric_only=True)
    return [
        f"Runs agree by a Jaccard index of {means['Jaccard']:.2f} ({means['by chance']:.2f} by "
        "chance).",
        f"For the runner-up class the same search goes from {second['whole image'].mean():.3f} to "
        f"{second['E-LIME'].mean():.3f}. {_wrong_classes(second)}",
    ]
