"""The verdict of the chapter on training stages (Arya 2024), true of whatever the rows say.

``judged`` holds the claims beside ours, as :func:`helpers.report.claims.judge` gives them.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from helpers.report import claims

PAPERS_NETWORK = "efficientnet_b0"
CORRUPTIONS = ("noise", "rotation", "occlusion")  # as the claims' keys have them


def listed(words: Iterable[object]) -> str:
    """Words as an English list: "a, b and c"."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def origin(images: int, committed: bool) -> str:
    """Where the trained networks come from, as the end of a sentence."""
    source = "taken from the committed checkpoints, " if committed else ""
    return f"{source}trained on {images:,} images per epoch"


def verdict(
    judged: pd.DataFrame,
    model: str,
    training: str,
    epochs: Sequence[int],
    last: int,
    looks: pd.DataFrame,
) -> list[str]:
    """The chapter's verdict in numbers, sentence by sentence; the first screen gives the answers.

    Parameters
    ----------
    training
        From :func:`origin`.
    epochs
        How far each training goes; `last` is the fully trained model's.
    looks
        From `gradcam_training_claims.looks`.
    """
    rows = judged.drop_duplicates("key").set_index("key")
    focus = _told(rows.loc["object_0_1"])
    accuracy = f"Accuracy of the {last}-epoch model less the 3-epoch one's"
    return [
        network_sentence(model, training, epochs, last),
        rows_sentence(rows, "overfit", accuracy),
        look_sentence(looks, last),
        f"Mass on the object, 1-epoch model less the untrained one: {focus}.",
        rows_sentence(
            rows, "stable",
            f"Agreement of clean and corrupted maps beyond what two images share, {last} epochs "
            "less 1",
        ),
    ]  # fmt: skip


def network_sentence(model: str, training: str, epochs: Sequence[int], last: int) -> str:
    """Which network was trained, how often, and what the intervals therefore hold."""
    network = "the paper's" if model == PAPERS_NETWORK else f"a stand-in, `{model}`"
    long = sum(count >= last for count in epochs)
    if len(epochs) == 1:
        return (
            f"The network is {network}, {training}; one training, so that the intervals do not say "
            "how another would differ."
        )
    return (
        f"The network is {network}, {training}; {len(epochs)} trainings to epoch 3, {long} of them "
        f"to epoch {last}."
    )


def rows_sentence(rows: pd.DataFrame, name: str, what: str) -> str:
    """One claim under each corruption: numbers, and each one's own verdict."""
    told = [f"{_told(rows.loc[f'{name}_{c}'])} under {c}" for c in CORRUPTIONS]
    return f"{what}: {listed(told)}."


def look_sentence(looks: pd.DataFrame, last: int) -> str:
    """How often a look as the author's shows the last model as worst, and how often by chance."""
    if looks.empty:
        return "How often a look at a few images would mislead was not measured."
    first = looks[looks.rule == looks.rule.iloc[0]]
    ours, chance = (f"{r.share:.0f} % [{r.low:.0f}, {r.high:.0f}]" for r in first.itertuples())
    return (
        f"A look at four images and three rounds of each shows the {last}-epoch model "
        f"{first.rule.iloc[0]} in {ours} of draws, and in {chance} with the checkpoints exchanged "
        "at random."
    )


def _told(row: pd.Series) -> str:
    """A measured difference in words, with its interval, its unit and its verdict."""
    if pd.isna(row.value):
        return claims.NOT_RUN
    mean, low, high = (format(float(number), "+.2g") for number in (row.value, row.low, row.high))
    return f"{mean} [{low}, {high}] {row.unit} ({row.verdict})"
