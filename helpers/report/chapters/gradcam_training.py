"""The verdict of the chapter on training stages (Arya 2024), true of whatever the rows say.

``judged`` holds the claims beside ours, as :func:`helpers.report.claims.judge` gives them. An
estimate is (mean, low, high), a 95 % interval.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from helpers.report import claims

PAPERS_NETWORK = "efficientnet_b0"
CORRUPTIONS = ("noise", "rotation", "occlusion")  # as the claims' keys have them
OUTCOMES = {
    claims.REPRODUCED: "holds",
    claims.NOT_REPRODUCED: "does not hold",
    claims.INCONCLUSIVE: "stays open",
    claims.NOT_RUN: "was not measured",
}


def listed(words: Iterable[object]) -> str:
    """Words as an English list: "a, b and c"."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def origin(images: int, committed: bool) -> str:
    """Where the trained networks come from, as the end of a sentence."""
    source = "taken from the committed checkpoints, " if committed else ""
    return f"{source}trained on {images:,} images an epoch"


def layers_sentence(moves: Mapping[str, tuple[Iterable[float], Iterable[float]]], last: int) -> str:
    """How the share on the object moves at each layer: in the first epoch, and then to `last`."""
    parts = []
    for layer, (first, later) in moves.items():
        parts.append(
            f"at `{layer}` by {_signed(first, 1)} points in the first epoch and by "
            f"{_signed(later, 1)} from then to epoch {last}"
        )
    return (
        "*The maps of several layers at three stages, mean with 95 % interval.* The share on the "
        f"object moves {'; '.join(parts)}. {_signs({k: first for k, (first, _) in moves.items()})}"
    )


def verdict(
    judged: pd.DataFrame,
    model: str,
    training: str,
    moves: Mapping[str, tuple[Iterable[float], Iterable[float]]],
    agreement: pd.DataFrame,
    epochs: int,
) -> list[str]:
    """The chapter's verdict, sentence by sentence.

    Parameters
    ----------
    training
        From :func:`origin`.
    moves
        As :func:`layers_sentence` takes them; the first layer is the one of the claims.
    agreement
        A row a network (``epoch 20``); the column ``another image`` is the agreement of the maps of
        two different images, each other one that of an image's and its corrupted copy's.
    """
    count = judged.verdict.value_counts()
    network = "the paper's" if model == PAPERS_NETWORK else f"a stand-in, `{model}`"
    tally = (
        f"Of {len(judged)} claims **{count.get(claims.REPRODUCED, 0)}** are reproduced, "
        f"{count.get(claims.NOT_REPRODUCED, 0)} are not, {count.get(claims.INCONCLUSIVE, 0)} are "
        f"open and {count.get(claims.NOT_RUN, 0)} were not run; the network is "
        f"{network}, {training}."
    )
    rows = judged.set_index("key")
    return [
        tally,
        _object_sentence(rows.loc["object_0_1"], {k: first for k, (first, _) in moves.items()}),
        consistency_sentence(rows, agreement.loc[f"epoch {epochs}"], epochs),
        robustness_sentence(rows, epochs),
    ]


def finding(judged: pd.DataFrame, agreement: pd.DataFrame, epochs: int) -> str:
    """The two sentences of the verdict that stand on the book's front page."""
    rows = judged.set_index("key")
    row = agreement.loc[f"epoch {epochs}"]
    return f"{consistency_sentence(rows, row, epochs)} {robustness_sentence(rows, epochs)}"


def consistency_sentence(rows: pd.DataFrame, agreement: pd.Series, epochs: int) -> str:
    """Whether maps grow more consistent with accuracy (claims ``stable_...``)."""
    changes = [f"{c} {_change(rows.loc[f'stable_{c}'])}" for c in CORRUPTIONS]
    copies = agreement.drop("another image")
    return (
        f"That maps grow more consistent with accuracy {_outcome(rows, 'stable')} "
        f"({', '.join(changes)}); after {epochs} epochs the maps of two different images agree by "
        f"{agreement['another image']:.2f}, those of an image and its corrupted copy by "
        f"{copies.min():.2f} to {copies.max():.2f}."
    )


def robustness_sentence(rows: pd.DataFrame, epochs: int) -> str:
    """Whether the last model is less robust than the 3-epoch one (claims ``overfit_...``)."""
    changes = [f"{_change(rows.loc[f'overfit_{c}'])} under {c}" for c in CORRUPTIONS]
    return (
        f"That the {epochs}-epoch model is less robust than the 3-epoch one "
        f"{_outcome(rows, 'overfit')}; its accuracy is higher (+) or lower (-) by "
        f"{', '.join(changes)}."
    )


def _outcome(rows: pd.DataFrame, name: str) -> str:
    """What the verdicts on one claim under each corruption amount to, corruption by corruption."""
    verdicts = {c: rows.verdict[f"{name}_{c}"] for c in CORRUPTIONS}
    return listed(
        f"{words} under {listed(c for c in CORRUPTIONS if verdicts[c] == outcome)}"
        for outcome, words in OUTCOMES.items()
        if outcome in verdicts.values()
    )


def _object_sentence(row: pd.Series, layers: Mapping[str, Iterable[float]]) -> str:
    moves = {
        claims.REPRODUCED: "moves Grad-CAM onto the object",
        claims.NOT_REPRODUCED: "does not move Grad-CAM onto the object",
        claims.INCONCLUSIVE: "does not clearly move Grad-CAM",
        claims.NOT_RUN: "was not measured",
    }[row.verdict]
    if row.verdict == claims.NOT_REPRODUCED and row.high < 0:
        moves = "moves Grad-CAM *off* the object"
    first, *others = layers
    text = f"At `{first}`, the last convolution, the first epoch {moves}"
    text += "" if row.verdict == claims.NOT_RUN else f" ({_change(row)} of its mass)"
    told = [f"at `{other}` it moves by {_signed(layers[other])} points" for other in others]
    return f"{'; '.join([text, *told])}. {_signs(layers)}"


def _signs(moves: Mapping[str, Iterable[float]]) -> str:
    """Whether the layers agree on the sign of a move, as far as the intervals tell."""
    signs = {layer: _sign(*map(float, move)) for layer, move in moves.items()}
    unclear = [f"`{layer}`" for layer, sign in signs.items() if not sign]
    if {1, -1} <= set(signs.values()):
        return "The sign depends on the layer, which the paper does not name."
    if unclear:
        return f"The sign of the first epoch's move is open at {listed(unclear)}."
    return "The layers agree on the sign of the first epoch's move."


def _sign(mean: float, low: float, high: float) -> int:
    """1 or -1 where the whole interval lies on that side of zero, else 0; also 0 without one."""
    return int(low > 0) - int(high < 0)


def _change(row: pd.Series) -> str:
    """A measured difference in words, with its interval and unit."""
    if row.verdict == claims.NOT_RUN:
        return "not measured"
    return f"{_signed((row.value, row.low, row.high))} {row.unit}"


def _signed(estimate: Iterable[float], digits: int | None = None) -> str:
    style = "+.2g" if digits is None else f"+.{digits}f"
    mean, low, high = (format(float(number), style) for number in estimate)
    return f"{mean} [{low}, {high}]"
