"""From counts to the claims of Dieter & Zisgen (2023): rows of results, one a claim.

An `estimate` is a function of counts (G, ...), a row a group of images, and of a statistic of their
sum; it gives the statistic's value and the low and high ends of its interval.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.report import claims

KINDS = ("originals", "adversarials")
LEVELS = (0.001, 0.005, 0.01, 0.1, 0.5, 0.9, 0.99, 0.995, 0.999)  # quantiles of Tables 3 and 4
FEWEST = 10  # adversarials of low probability; fewer say nothing

Estimate = Callable[[np.ndarray, Callable[[np.ndarray], Any]], tuple]


def measurements(
    keys: Any, arm: str, estimate: tuple, n: Any, known: Collection[str] | None = None
) -> list[dict]:
    """Rows of results for many claims at once, see :func:`helpers.report.claims.measurement`.

    Parameters
    ----------
    keys
        Keys of claims, nested lists of any shape.
    arm
        The arm, "A" or "B".
    estimate
        Value, low and high, each of the shape of `keys` or to be repeated to it.
    n
        The number of observations, likewise.
    known
        Keys that the paper reports; others are left out.
    """
    names = np.asarray(keys, dtype=object)
    columns = (np.broadcast_to(column, names.shape).flat for column in (*estimate, n))
    return [
        claims.measurement(key, arm, *numbers)
        for key, *numbers in zip(names.flat, *columns, strict=True)
        if known is None or key in known
    ]


def exact(key: str, arm: str, value: float, n: int) -> dict:
    """A row of results for a number that is counted, so that its interval is the number itself."""
    return claims.measurement(key, arm, value, value, value, n)


def percent(sums: np.ndarray) -> np.ndarray:
    """Percentages (...) of sums and counts (2, ...); NaN where nothing was observed."""
    nothing = np.full(np.shape(sums[0]), np.nan)
    return 100 * np.divide(sums[0], sums[1], out=nothing, where=np.asarray(sums[1]) > 0)


def accuracies(correct: Mapping[str, int], images: int) -> list[dict]:
    """Images classified correctly, by arm, of a test set of `images`; also in %."""
    return [
        row
        for arm, count in correct.items()
        for row in (
            exact("test_correct", arm, count, images),
            exact("test_accuracy", arm, 100 * count / images, images),
        )
    ]


def success(arm: str, succeeded: np.ndarray, sources: np.ndarray, estimate: Callable) -> list[dict]:
    """The success rate of attacks, in %: 1.0 or 0.0 by attack (N,), and its original (N,).

    `estimate` goes from values, sources and a statistic to its value, low and high.
    """
    _, low, high = estimate(succeeded, sources, np.mean)
    rate = 100 * int(succeeded.sum()) / len(succeeded)
    return measurements(["success_rate"], arm, (rate, 100 * low, 100 * high), len(succeeded))


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
        One row an adversarial: ``source`` (its original), ``true`` and ``target`` (class names),
        ``second`` (the class of second highest probability), ``probability`` (of the target).
    estimate
        From values (M,), sources (M,) and a statistic to its value, low and high.
    """
    rows, probability = [], pairs.probability.to_numpy()
    for level in (0.01, 0.005, 0.001):
        estimated = estimate(probability, pairs.source.to_numpy(), _quantile(level))
        rows += measurements([f"confidence/{level}"], arm, estimated, len(pairs))
    weak = pairs[probability <= np.quantile(probability, 0.005)]  # "low-probability" in the paper
    cats = weak[weak.target == "cat"]
    for key, members, values in (
        ("second_class_is_true", weak, (weak.second == weak.true).to_numpy(np.float32)),
        ("low_confidence_dog_share", cats, (cats.true == "dog").to_numpy(float)),
    ):
        if len(members) >= FEWEST:
            estimated = estimate(values, members.source.to_numpy(), np.mean)
            rows += measurements([key], arm, 100 * np.array(estimated), len(members))
    return rows


def _quantile(level: float) -> Callable[[np.ndarray], float]:
    return lambda values: np.quantile(values, level)


def quantiles(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    grid_quantiles: Callable,
    estimate: Estimate,
) -> list[dict]:
    """Tables 3 and 4: nine quantiles of the relevance of originals and adversarials by each rule.

    `counts` holds by rule a ``grid`` (G, 2, 20001); `grid_quantiles` reads quantiles (..., Q) at
    levels (Q,) off counts (..., 20001).
    """
    rows = []
    for rule, of_rule in counts.items():
        keys = [[f"quantile/{kind}/{rule}/{level:.3f}" for level in LEVELS] for kind in KINDS]
        estimated = estimate(of_rule["grid"], lambda total: grid_quantiles(total, LEVELS))
        rows += measurements(keys, arm, estimated, of_rule["grid"].sum((0, 2))[:, None])
    return rows


def sign_share(signs: np.ndarray, column: int) -> np.ndarray:
    """Components that are negative (0), zero (1) or positive (2), in %.

    `signs` holds counts (..., 2, 3): rows for a negative logit and another one.
    """
    return 100 * signs[..., column].sum(-1) / signs.sum((-1, -2))


def distribution(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    grid_moments: Callable,
    estimate: Estimate,
    known: Collection[str],
) -> list[dict]:
    """Section 4.2.2: zeros, means, deviations and negative relevance.

    Parameters
    ----------
    arm
        The arm, "A" or "B".
    counts
        By rule: ``grid`` (G, 2, 20001) and ``signs`` (G, 2, 2, 3), originals first.
    grid_moments
        Mean and deviation (...) of counts (..., 20001).
    known
        Keys that the paper reports; other means and deviations are left out.
    """
    signs = np.stack([of_rule["signs"] for of_rule in counts.values()], axis=1)  # (G, 7, 2, 2, 3)
    n = signs[:, 0].sum((0, 2, 3))
    zeros = estimate(signs, lambda total: sign_share(total, 1).mean(0))
    rows = measurements([f"zero_share/{kind}" for kind in KINDS], arm, zeros, n)
    for rule in ("LRP-0", "LRP-αβ 1"):
        estimated = estimate(counts[rule]["grid"], lambda total: np.stack(grid_moments(total)))
        keys = [[f"{word}/{kind}/{rule}" for kind in KINDS] for word in ("mean", "deviation")]
        rows += measurements(keys, arm, estimated, n, known)
    grids = [of_rule["grid"] for rule, of_rule in counts.items() if rule.startswith("LRP-ε")]
    widest = estimate(np.stack(grids, axis=1), lambda total: grid_moments(total)[1].max())
    rows += measurements(["largest_deviation/LRP-ε"], arm, widest, n.sum())
    negative = estimate(counts["LRP-αβ 1"]["signs"], lambda total: sign_share(total, 0))
    return rows + measurements(
        [f"negative_share/{kind}/LRP-αβ 1" for kind in KINDS], arm, negative, n
    )


def overlaps(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    names: list[str],
    estimate: Estimate,
) -> list[dict]:
    """Table 5: overlaps by three rules; `counts` holds by rule ``overlaps``, (G, 2, K).

    These are sums of shares and numbers of pairs; `names` are those of the K overlaps.
    """
    rows = []
    for rule in ("LRP-ε 1", "LRP-αβ 1", "LRP-αβ 2"):
        keys = [f"overlap/{rule}/{name}" for name in names]
        sums = counts[rule]["overlaps"]
        rows += measurements(keys, arm, estimate(sums, percent), sums[:, 1].sum(0))
    return rows


def shifts(
    arm: str,
    of_rule: Mapping[str, np.ndarray],
    names: list[str],
    estimate: Estimate,
    known: Collection[str],
) -> list[dict]:
    """Positional changes by LRP-αβ 1 (Section 4.2.3).

    Parameters
    ----------
    arm
        The arm, "A" or "B".
    of_rule
        The rule's ``shifts`` (G, K, 2 m + 1), how many followed components shift by -m, ..., m
        positions, and ``overlaps`` (G, 2, K); the first of the K follows the top component alone.
    names
        Of the K overlaps.
    known
        Keys that the paper reports; other mean shifts are left out.
    """
    counts, pairs = of_rule["shifts"], of_rule["overlaps"][:, 1, 0]
    middle = counts.shape[2] // 2
    positions = np.arange(-middle, middle + 1)
    unmoved = np.stack([counts[:, 0, middle], pairs], axis=1)  # (G, 2)
    rows = measurements(["identical_top/LRP-αβ 1"], arm, estimate(unmoved, percent), pairs.sum())
    for k, name in enumerate(names):
        level, n = 50 if name == "10% in 10%" else 70, counts[:, k].sum()
        for key, statistic in (
            (f"shift/LRP-αβ 1/{name}/{level}", _distance_within(level)),
            (f"mean_shift/LRP-αβ 1/{name}", lambda total: total @ positions / total.sum()),
        ):
            rows += measurements([key], arm, estimate(counts[:, k], statistic), n, known)
    return rows


def _distance_within(level: float) -> Callable[[np.ndarray], int]:
    return lambda counts: distance_within(counts, level)


def distance_within(counts: np.ndarray, level: float) -> int:
    """The smallest distance that at least `level` % of the shifts stay under.

    `counts` (2 m + 1,) holds how many components shift by -m, ..., m positions. A shift of d stays
    under the distance d + 1.
    """
    middle = len(counts) // 2
    distances = np.bincount(np.abs(np.arange(len(counts)) - middle), weights=counts)
    return int(np.searchsorted(distances.cumsum(), level / 100 * distances.sum())) + 1
