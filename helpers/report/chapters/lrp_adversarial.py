"""Sentences of the chapter on LRP and adversarial images (Dieter & Zisgen 2023)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.report import claims
from helpers.report.chapters.lrp_adversarial_tables import (
    NEGATIVE_SHARE,
    UNDER_SHARE,
    Counts,
)

DECIDING_RULE, DECIDING_OVERLAP = "LRP-ε 1", "1% in 1%"  # what the verdict speaks of


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
    correct: Mapping[str, int], images: int, reported: pd.Series, running: float
) -> str:
    """How often each arm's network is right, and what the paper's training accuracies mean.

    Parameters
    ----------
    correct
        Images classified correctly, by arm, of `images`.
    reported
        The paper's numbers by key.
    running
        Arm B's training accuracy with dropout and augmentation on, in %.
    """
    counts = "; ".join(f"arm {arm} **{count:,}**" for arm, count in sorted(correct.items()))
    return (
        f"Right on {images:,} test images: {counts}. The paper's training accuracy of "
        f"{reported['train_accuracy']:.2f} % sits oddly beside {reported['train_correct']:,.0f} of "
        f"50,000 training images right, which is {reported['train_correct'] / 500:.1f} %: the "
        "first is Keras's running mean with dropout and augmentation on, the second is the trained "
        f"network's. Ours ends at {running:.1f} % in the first sense."
    )


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
        "negative: the difference that the paper finds interesting says how often the logit is "
        "below zero, and nothing on LRP."
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
    """Two numbers of Section 4.2.3 that look odd: one line a rule and arm.

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
        else "looks like the second, under the first's name."
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


def edge_sentence(shares: pd.DataFrame) -> str:
    """LRP beside an edge detector: `shares` (rules, kinds of pairs) of the top 1 % that stays."""
    attacked = [f"{share:.0f} % ({rule})" for rule, share in shares["attacked"].items()]
    edges = [f"{share:.0f} %" for share in shares["LRP and edges"]]
    return (
        "The paper concludes that LRP works like an edge detector. An edge detector would keep "
        f"{shares['edges'].iloc[0]:.0f} % of its top 1 % under the attack; LRP keeps "
        f"{', '.join(attacked)}, and shares {', '.join(edges)} of its top 1 % with the edges. "
        "Noise is not a perfect control: it is as large as the attack's change, but points "
        "nowhere, so it also moves the network's inner activations less."
    )


def deciding(controls: pd.DataFrame, arm: str) -> pd.DataFrame:
    """The controls that the verdict speaks of: one arm, rule and overlap, by kind of pair."""
    chosen = (
        (controls.arm == arm)
        & (controls.rule == DECIDING_RULE)
        & (controls.overlap == DECIDING_OVERLAP)
    )
    return controls[chosen].set_index("pairs")


def verdict(judged: pd.DataFrame, controls: pd.DataFrame) -> list[str]:
    """The verdict: how many numbers are reproduced, arm by arm, and what the controls say.

    Parameters
    ----------
    judged
        From :func:`helpers.report.claims.judge`.
    controls
        Share, low and high (in %) by kind of pair, from :func:`deciding`.
    """
    sentences = []
    for arm, verdicts in judged[judged.arm.notna()].groupby("arm").verdict:
        count = verdicts.value_counts()
        sentences.append(
            f"In arm {arm}, **{count.get(claims.REPRODUCED, 0)} of {len(verdicts)}** numbers are "
            f"reproduced, {count.get(claims.NOT_REPRODUCED, 0)} are not and "
            f"{count.get(claims.INCONCLUSIVE, 0)} are open."
        )
    missing = int(judged.arm.isna().sum())
    if missing:
        sentences.append(f"Not run: {missing} of the {judged.key.nunique()} claims.")
    return [*sentences, *_control_sentences(controls)]


def finding(controls: pd.DataFrame) -> str:
    """What the chapter found, in two sentences; `controls` as for :func:`verdict`."""
    return " ".join(_control_sentences(controls))


def _control_sentences(controls: pd.DataFrame) -> list[str]:
    share = controls.share.map(lambda value: "–" if np.isnan(value) else f"{value:.0f}")
    attacked, noise = controls.loc["attacked"], controls.loc["noise"]
    numbers = (
        f"By {DECIDING_RULE}, {share['attacked']} % of an original's top 1 % stay there when the "
        f"decision is attacked, and {share['noise']} % under shuffled noise of the same size that "
        f"leaves the decision alone; two adversarials of one image share {share['other target']} "
        f"%, two images of one class {share['other image, same class']} %."
    )
    if noise.low > attacked.high:
        return [
            numbers,
            "So the map changes far more with the decision than with noise "
            f"({noise.share - attacked.share:.0f} points), and the paper's 'no significant "
            "difference' does not follow from its numbers; what stays comes from the image.",
        ]
    if noise.high < attacked.low:
        return [numbers, "So a changed decision moves the map even less than noise does."]
    return [
        numbers,
        "So this run cannot tell a changed decision from noise by the map: their intervals "
        "overlap.",
    ]
