"""Rows for the network and the attack (Dieter & Zisgen 2023, Sections 3.1 and 4.1)."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from helpers.measures import intervals, over_networks
from helpers.report import claims
from helpers.report.chapters.lrp_adversarial_claims import exact, measurements

LEVELS = (0.01, 0.005, 0.001)  # quantiles of the target's probability
LOW = 0.005  # share of the adversarials that count as of low probability
FEWEST = 10  # adversarials of low probability; fewer say nothing
NEARLY_ALL = (0.9, 0.8, 0.95)  # of what the target leaves; the first is the main reading


def parameters(weights: int, biases: int) -> list[dict]:
    """Trainable parameters of Table 2, with biases and, as another reading, without."""
    without = claims.reading("parameters", "B", {"biases": "left out"}, *[weights - biases] * 3, 1)
    return [exact("parameters", "B", weights, 1), without]


def accuracies(correct: Mapping[str, list[int]], images: int) -> list[dict]:
    """Images classified correctly, by arm and network, of a test set of `images`; also in %.

    With several networks the interval is Student's over them; with one it is the number itself.
    """
    rows = []
    for arm, counts in correct.items():
        values = np.array(counts, dtype=float)
        estimated = np.array(over_networks.widened(values, values.mean(), values.mean()))
        rows += measurements(["test_correct"], arm, tuple(estimated), images)
        rows += measurements(["test_accuracy"], arm, tuple(100 * estimated / images), images)
    return rows


def success(arm: str, succeeded: np.ndarray, sources: np.ndarray, estimate: Callable) -> list[dict]:
    """The success rate of attacks, in %: 1.0 or 0.0 by attack (N,), and its original (N,).

    `estimate` goes from values, sources and a statistic to its value, low and high. Where all
    attacks end alike, the interval is the exact one of as many originals.
    """
    rate = float(np.mean(succeeded))
    _, low, high = estimate(succeeded, sources, np.mean)
    if rate in (0.0, 1.0):
        originals = len(np.unique(sources))
        _, low, high = intervals.share_interval(int(rate) * originals, originals)
    return measurements(["success_rate"], arm, (100 * rate, 100 * low, 100 * high), len(succeeded))


def authors_success(adversarials: int, attempts: int) -> list[dict]:
    """The authors' success rate, in %, and how many adversarial images they have."""
    return [
        exact("success_rate", claims.AUTHORS, 100 * adversarials / attempts, attempts),
        exact("adversarials", claims.AUTHORS, adversarials, attempts),
    ]


def attack(arm: str, pairs: pd.DataFrame, estimate: Callable) -> list[dict]:
    """Section 4.1: how sure the network is of the targets, and what the weak adversarials are.

    Parameters
    ----------
    arm
        The arm, "A" or "B".
    pairs
        One row per adversarial: ``source`` (its original), ``true``, ``target`` and ``second``
        (class names, the last of the second highest probability), ``probability`` (of the target),
        ``second_probability`` and ``third_probability``.
    estimate
        From values (M,), sources (M,) and a statistic to its value, low and high.
    """
    probability, source = pairs.probability.to_numpy(float), pairs.source.to_numpy()
    rows = []
    for level in LEVELS:
        if level * len(pairs) >= 1:  # else it is the smallest value, whatever the level
            estimated = estimate(probability, source, _quantile(level))
            rows += measurements([f"confidence/{level}"], arm, estimated, len(pairs))
    weak = pairs[probability <= np.quantile(probability, LOW)] if len(pairs) else pairs
    cats, dogs = weak[weak.target == "cat"], weak[weak.target == "dog"]
    for key, members, condition in (
        ("second_class_is_true", weak, weak.second == weak.true),
        ("weak_from_cat_dog", weak, weak.true.isin(["cat", "dog"])),
        ("low_confidence_dog_share", cats, cats.true == "dog"),
    ):
        if len(members) >= FEWEST:
            values = condition.to_numpy(float)
            ends = 100 * np.array(estimate(values, members.source.to_numpy(), np.mean))
            rows += measurements([key], arm, ends, len(members))
    if len(dogs) >= FEWEST:
        origins = dogs.true.to_numpy(str)
        ends = estimate(origins, dogs.source.to_numpy(), lead_of_cats)
        rows += measurements(["dog_from_cat"], arm, ends, len(dogs))
    return rows + _remainders(arm, pairs, weak, estimate) + _figure_3(arm, pairs)


def lead_of_cats(origins: np.ndarray) -> float:
    """The share of cats among class names (N,) less the largest other share, in points."""
    shares = pd.Series(origins).value_counts(normalize=True)
    others = shares.drop("cat", errors="ignore")
    return 100 * float(shares.get("cat", 0.0) - (others.max() if len(others) else 0.0))


def remainder(pairs: pd.DataFrame, threshold: float) -> np.ndarray:
    """Whether two classes hold at least this share of what the target leaves, by adversarial (M,).

    `pairs` has the columns ``probability``, ``second_probability`` and ``third_probability``.
    """
    two = (pairs.second_probability + pairs.third_probability).to_numpy(float)
    return two >= threshold * (1 - pairs.probability.to_numpy(float))


def _remainders(
    arm: str, pairs: pd.DataFrame, weak: pd.DataFrame, estimate: Callable
) -> list[dict]:
    """Adversarials of which two classes hold nearly all that the target leaves, in its readings."""
    rows = []
    for images, members in (("all", pairs), ("low probability", weak)):
        for threshold in NEARLY_ALL:
            if len(members) < FEWEST:
                continue
            values = remainder(members, threshold).astype(float)
            ends = 100 * np.array(estimate(values, members.source.to_numpy(), np.mean))
            if images == "all" and threshold == NEARLY_ALL[0]:
                rows += measurements(["rest_on_two"], arm, ends, len(members))
            else:
                choices = {"threshold": f"{threshold:.0%}", "images": images}
                rows.append(claims.reading("rest_on_two", arm, choices, *ends, len(members)))
    return rows


def _figure_3(arm: str, pairs: pd.DataFrame) -> list[dict]:
    """Horses all of whose nine adversarials have a target probability above 99 %, in %."""
    horses = pairs[pairs.true == "horse"].groupby("source").probability.agg(["size", "min"])
    whole = horses[horses["size"] == 9]
    if not len(whole):
        return []
    share = intervals.share_interval(int((whole["min"] > 0.99).sum()), len(whole))
    return measurements(["figure_3"], arm, 100 * np.array(share), len(whole))


def _quantile(level: float) -> Callable[[np.ndarray], float]:
    return lambda values: np.quantile(values, level)
