"""Sentences of the chapter on LRP and adversarial images (Dieter & Zisgen 2023)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.report import claims
from helpers.report.chapters.lrp_adversarial_tables import (
    NEGATIVE_SHARE,
    UNDER_SHARE,
    Counts,
)


def share_by_cut(counts: np.ndarray, pairs: int) -> np.ndarray:
    """In how many % of the pairs the top component stays within the first 1, 2, ..., m + 1.

    `counts` (2 m + 1,) holds the top component's shifts from -m to m. Its old position is 0, so
    that its shift is its new position.
    """
    return 100 * counts[len(counts) // 2 :].cumsum() / pairs


def first_cut(shares: np.ndarray, wanted: float) -> int | None:
    """The first cut at which shares (m + 1,) come up to `wanted`, or None if none does."""
    cut = int(np.searchsorted(shares, wanted)) + 1
    return cut if cut <= len(shares) else None


def parameter_sentence(images: int, trainable: int, biases: int, reported: float) -> str:
    """Whether the paper's number of parameters is that of its own table without the biases."""
    without = trainable - biases
    text = f"{images:,} test images. Table 2's own rows add up to **{trainable:,}** trainable "
    text += f"parameters; the paper's {reported:,.0f} "
    if without == reported:
        return text + (
            f"leave out the {biases} biases of the convolutions and of the dense layer "
            f"({trainable:,} - {biases} = {without:,})."
        )
    return text + f"differ, with or without the {biases} biases ({without:,})."


def sanity_sentence(
    correct: Mapping[str, list[int]], images: int, reported: pd.Series, running: float
) -> str:
    """Accuracy of each arm's networks, and what the paper's two training accuracies mean.

    Parameters
    ----------
    correct
        By arm: images classified correctly, of `images`, by each network.
    reported
        The paper's numbers by key.
    running
        Training accuracy of arm B's first network with dropout and augmentation on, in %.
    """
    counts = "; ".join(
        f"arm {arm} **{', '.join(f'{count:,}' for count in of_arm)}**"
        for arm, of_arm in sorted(correct.items())
    )
    return (
        f"Of {images:,} test images are classified correctly: {counts}. The paper's training "
        f"accuracy of {reported['train_accuracy']:.2f} % and its {reported['train_correct']:,.0f} "
        f"of 50,000 training images, {reported['train_correct'] / 500:.1f} %, seem inconsistent; "
        "the first is probably Keras's running mean with dropout and augmentation on, the second "
        f"the trained network's accuracy. Ours ends at {running:.1f} % in the first sense."
    )


def networks_sentence(records: Sequence[Mapping], after: Sequence[int], images: int) -> str:
    """Which networks arm B has, and what the recollection of BatchNorm's statistics changes.

    Parameters
    ----------
    records
        Of each network: its ``seed`` and, if it was recorded, ``before_recollection``, how many of
        the 10,000 test images it classified correctly before.
    after
        How many of `images` test images each classifies correctly now.
    """
    lines = []
    for record, count in zip(records, after, strict=True):
        before = record.get("before_recollection")
        was = "not recorded" if before is None else f"{before / 100:.2f} %"
        lines.append(
            f"seed {record['seed']}: test accuracy {was} before the statistics of BatchNorm were "
            f"collected again, {100 * count / images:.2f} % after (on {images:,} images)"
        )
    several = (
        f"Arm B has {len(records)} networks, so that its intervals include another network."
        if len(records) > 1
        else "Arm B has one network, so that its intervals say nothing of another one."
    )
    return several + "\n\n" + "\n".join(f"- {line}" for line in lines)


def run_sentences(sizes: pd.DataFrame) -> str:
    """What was measured: columns arm, originals, adversarials, groups, minutes, whole."""
    return "\n".join(
        f"- arm {row.arm}: {row.originals:,} originals and {row.adversarials:,} adversarials, in "
        f"{row.groups} group{'s' * (row.groups != 1)}; seven rules took {row.minutes:.1f} minutes "
        "of processor time."
        + " This is the paper's whole population, so its numbers carry no interval."
        * row.whole
        for row in sizes.itertuples()
    )


def quantile_sentences(frame: pd.DataFrame) -> str:
    """How many quantiles are close to the paper's, an arm a line; frame from :func:`quantiles`."""
    lines = []
    for arm, rows in frame.groupby("arm"):
        symmetric = rows[~rows.rule.str.contains("αβ")]
        worst = rows.loc[rows.off.idxmax()]
        lines.append(
            f"- arm {arm}: of the {len(symmetric)} quantiles by LRP-0 and LRP-ε, "
            f"**{(symmetric.off <= 0.005).sum()}** are within 0.005 of the paper; of all "
            f"{len(rows)}, **{(rows.off <= 0.01).sum()}** are within 0.01. The farthest is "
            f"{worst.says}: {worst.value:.4f}, the paper {worst.reported:.4f}."
        )
    return "\n".join(lines)


def negative_sentence(table: pd.DataFrame) -> str:
    """What alpha = 1's negative components say; the table is from :func:`negative_table`."""
    shares = table.loc[table[NEGATIVE_SHARE] > 0, UNDER_SHARE]
    if shares.empty:
        return "In this run alpha = 1 has no negative component."
    if shares.min() < 99.95:
        return (
            f"Of alpha = 1's negative components between {shares.min():.1f} and "
            f"{shares.max():.1f} % lie in images whose logit is negative, so that the sign of the "
            "logit accounts for a part of the difference only."
        )
    return (
        f"Of alpha = 1's negative components {shares.min():.1f} % lie in images whose logit is "
        "negative. With the fitted rule this holds by construction: under it, the difference that "
        "the paper finds interesting counts how often the explained logit is below zero."
    )


def finite_sentence(counts: pd.DataFrame) -> str:
    """Images left out for relevance that is not finite: columns arm, rule, images, finite."""
    missing = counts[counts.images > counts.finite]
    if missing.empty:
        return "All relevance is finite."
    lines = [
        f"arm {row.arm}, {row.rule}: {row.images - row.finite:,} of {row.images:,} images"
        for row in missing.itertuples()
    ]
    return (
        "Left out, because BatchNorm's unsigned epsilon makes their relevance infinite: "
        + "; ".join(lines)
        + "."
    )


def odd_numbers(counts: Counts, reported: pd.Series, cut: int) -> str:
    """Two numbers of Section 4.2.3 that look odd: one line per rule and arm.

    `cut` is the top 1 %; the first two overlaps in `counts` follow the top component, the third the
    top 1 %.
    """
    lines = []
    for arm, by_rule in counts.items():
        for rule in ("LRP-αβ 1", "LRP-αβ 2", "LRP-ε 1"):
            shifts, pairs = _shifts_and_pairs(by_rule[rule])
            shares = share_by_cut(shifts[1], pairs)
            lines.append(cut_sentence(rule, arm, shares, cut, reported[f"overlap/{rule}/1 in 1%"]))
        shifts, pairs = _shifts_and_pairs(by_rule["LRP-αβ 1"])
        unmoved = 100 * shifts[:, shifts.shape[1] // 2] / pairs
        lines.append(
            unmoved_sentence(arm, unmoved[0], unmoved[2] / cut, reported["identical_top/LRP-αβ 1"])
        )
    return "\n".join(lines)


def _shifts_and_pairs(of_rule: Mapping[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """Counts of shifts (K, 2 m + 1) over all groups, and the number of pairs."""
    return of_rule["shifts"].sum(0), of_rule["overlaps"][:, 1, 0].sum()


def cut_sentence(rule: str, arm: str, shares: np.ndarray, cut: int, reported: float) -> str:
    """The top component's share at a cut, and the cut that would give the paper's number."""
    needed = first_cut(shares, reported)
    return (
        f"- {rule}, arm {arm}: {shares[cut - 1]:.2f} % at the cut of {cut}; the paper's "
        f"{reported:.2f} % would be "
        + (f"a cut of {needed}" if needed else f"a cut of more than {len(shares)}")
    )


def unmoved_sentence(arm: str, top: float, top_share: float, reported: float) -> str:
    """Whether the paper's share of identical top components is that of one or of the top 1 %.

    `top` and `top_share` are the percentages of components that keep their position: of the top
    component, and of the top 1 %.
    """
    first = abs(top - reported) < abs(top_share - reported)
    guess = (
        "is nearer to the first, as it says."
        if first
        else "is probably the second, reported as the share of identical top components."
    )
    return (
        f"- arm {arm}, LRP-αβ 1: the top component keeps its position in **{top:.2f} %** of the "
        f"pairs; of the top 1 %, **{top_share:.2f} %** of the components do. The paper's "
        f"{reported:.2f} % {guess}"
    )


def nearest_target(table: pd.DataFrame, columns: list[str], arm: str) -> str:
    """Which row of `table` comes nearest to its last one, the paper's, in mean distance."""
    distance = (table[columns].iloc[:-1] - table[columns].iloc[-1]).abs().mean(axis=1)
    return (
        f"In arm {arm} the target nearest to the paper's numbers for alpha = 1 is "
        f"{distance.idxmin()}, {distance.min():.1f} points away on average; the farthest is "
        f"{distance.idxmax()}, {distance.max():.1f} points."
    )


def verdict(judged: pd.DataFrame) -> list[str]:
    """How many rows of each arm have which verdict; from :func:`helpers.report.claims.judge`."""
    sentences = []
    counted = judged[judged.arm.notna() & (judged.kind != "conclusion") & (judged.same_as == "")]
    for arm, verdicts in counted.groupby("arm").verdict:
        count = verdicts.value_counts()
        told = ", ".join(f"{count[name]} {name}" for name in claims.VERDICTS if name in count)
        sentences.append(f"Of {len(verdicts)} rows in arm {arm}: {told}.")
    return sentences
