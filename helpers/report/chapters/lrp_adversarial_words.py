"""Sentences on the controls of the chapter on LRP and adversarial images: frames in, words out."""

import numpy as np
import pandas as pd

MAIN_OVERLAP = "1% in 1%"


def agreement_sentence(table: pd.DataFrame) -> str:
    """How far pixels' relevance follows contours: columns rule, edges, measure, share."""
    shares = table.set_index(["rule", "edges", "measure"]).share
    lines = [
        f"{rule} {shares[rule, 'own image', 'Spearman'] / 100:.2f} and "
        f"{shares[rule, 'another image', 'Spearman'] / 100:.2f}"
        for rule in dict.fromkeys(table.rule)
    ]
    return (
        "Rank correlation of pixels' relevance with the edges of the same image and of another "
        f"image: {'; '.join(lines)}."
    )


def factors_sentence(controls: pd.DataFrame, rule: str) -> str:
    """What the image and the explained class change by themselves; one arm's control table."""
    chosen = controls[(controls.rule == rule) & (controls.overlap == MAIN_OVERLAP)]
    share = chosen.set_index("pairs").share.map(lambda value: f"{value:.0f}")
    return (
        f"By {rule}, an original and its adversarial share {share['attacked: image and class']} % "
        "of the top 1 %. If the class alone changes, and the image stays, maps share "
        f"{share['class alone, original']} % (original) or {share['class alone, adversarial']} % "
        f"(adversarial); if the image alone changes, {share['image alone, first class']} % for "
        f"the first class and {share['image alone, target']} % for the target. Without a turn of "
        f"the decision, noise that reaches as far leaves {share['noise, same reach']} % in place, "
        "a change that strengthens the decision "
        f"{share['decision strengthened, same reach']} %, and noise of the attack's size "
        f"{share['noise, same size']} %."
    )


def reach_sentence(reach: np.ndarray, scales: np.ndarray, stays: np.ndarray) -> str:
    """How far the controls reach, and how many are left out.

    Parameters
    ----------
    reach
        Distances at the last layer's input, (5, P): of the attack, then of noise and of the change
        that strengthens the decision, each of the attack's size and scaled.
    scales
        (4, P) for the last four, NaN where no scale reaches as far.
    stays
        Whether the decision stays, (4, P).
    """
    middle = [f"{value:.1f}" for value in np.median(reach, axis=1)]
    usable = 100 * (stays & np.isfinite(scales)).mean(1)
    factors = [f"{value:.1f}" for value in np.nanmedian(scales, axis=1)]
    return (
        f"The median distance at the input of the last layer is {middle[0]} under the attack, "
        f"{middle[1]} under noise of the same size and {middle[3]} under a change of the same size "
        f"that strengthens the decision; scaled by {factors[1]} and {factors[3]} (medians) they "
        f"reach as far. The decision then stays in {usable[1]:.0f} and {usable[3]:.0f} % of the "
        "pairs; only these count."
    )


def size_sentence(bins: pd.DataFrame, what: str) -> str:
    """How the overlap changes from the lowest to the highest tenth; columns rule, share."""
    parts = []
    for rule, of_rule in bins.groupby("rule", sort=False):
        first, last = of_rule.share.iloc[0], of_rule.share.iloc[-1]
        parts.append(f"{rule} from {first:.0f} to {last:.0f} %")
    return (
        f"From the lowest to the highest tenth of {what} the overlap goes, by {'; '.join(parts)}."
    )


def solver_sentence(ours: pd.DataFrame, library: pd.DataFrame) -> str:
    """Our solver beside SciPy's on the same pairs: columns success, distance, probability."""
    if not len(library):
        return (
            "The paper's solver was not run here (`scipy_pairs` is 0), so that the rows that need "
            "it are not run in arm B."
        )
    rows = []
    for name, table in (("SciPy's L-BFGS-B", library), ("ours", ours)):
        told = f"{name} succeeds in {100 * table.success.mean():.1f} % of {len(table):,} pairs"
        if table.success.any():
            told += (
                f", with a median distance of {table.distance.median():.5f} and a median "
                f"probability of the target of {table.probability.median():.4f}"
            )
        rows.append(told)
    text = f"On the same pairs {'; '.join(rows)}."
    if not (ours.success & library.success).any():
        return text
    ratio = ours.distance.median() / library.distance.median()
    return f"{text} The median of our changes is {ratio:.2f} times as large."


def levels_sentence(levels: np.ndarray, arm: str) -> str:
    """Shares of components that are one level darker, unchanged and one level brighter: (3,)."""
    darker, same, brighter = (f"{100 * share:.1f}" for share in levels)
    return (
        f"In arm {arm}'s saved adversarials {darker} % of the components are one level of 255 "
        f"darker than in the original, {same} % are unchanged and {brighter} % are one level "
        "brighter."
    )


def shift_sentence(found: dict[str, int], chance: dict[str, int]) -> str:
    """Distances that 70 % of the shifts stay under, beside those of random places, by overlap."""
    rows = [f"{name}: {found[name]} places, {chance[name]} if they were random" for name in chance]
    return f"By LRP-αβ 1, 70 % of the shifts are smaller than this. {'; '.join(rows)}."


def large_changes_sentence(sizes: np.ndarray, limit: float) -> str:
    """How many adversarials change by more than a share of the full range, on average: (M,)."""
    count = int((sizes > limit).sum())
    return (
        f"{count:,} of {len(sizes):,} adversarials change by more than {100 * limit:.0f} % of the "
        f"full range on average, the median one by {100 * np.median(sizes):.2f} %."
    )
