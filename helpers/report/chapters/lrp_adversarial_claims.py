"""From counts to the claims of Dieter & Zisgen (2023): rows of results, one a claim.

An `estimate` is a function of counts (G, ...), one row per group of images, and of a statistic of
their sum; it gives the statistic's value and the low and high ends of its interval.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from helpers.measures import intervals
from helpers.report import claims

KINDS = ("originals", "adversarials")
LEVELS = (0.001, 0.005, 0.01, 0.1, 0.5, 0.9, 0.99, 0.995, 0.999)  # quantiles of Tables 3 and 4
COMPONENTS = 3072  # of an image
LEAST = -1.0  # relevance is divided by its largest magnitude

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


def quantiles(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    grid_quantiles: Callable,
    estimate: Estimate,
    known: Collection[str],
    *,
    whole: bool = False,
) -> list[dict]:
    """Tables 3 and 4: nine quantiles of the relevance of originals and adversarials by each rule.

    By LRP-αβ 1 relevance has the sign of the logit. Where no image of a sample has a negative one,
    the lower quantiles may still lie among the images that have, as long as the exact interval of
    their share reaches up to the quantile's level; the interval then goes down to -1.

    Parameters
    ----------
    counts
        By rule: ``grid`` (G, 2, 20001) and ``negative`` (G, 2, 2: images, those with a negative
        logit).
    grid_quantiles
        Reads quantiles (..., Q) at levels (Q,) off counts (..., 20001).
    known
        Keys that the paper reports and that are counted; others are left out.
    whole
        Whether the images are the paper's whole population.
    """
    rows = []
    for rule, of_rule in counts.items():
        keys = [[f"quantile/{kind}/{rule}/{level:.3f}" for level in LEVELS] for kind in KINDS]
        value, low, high = estimate(of_rule["grid"], lambda total: grid_quantiles(total, LEVELS))
        if rule == "LRP-αβ 1" and not whole:
            unseen = unseen_share(of_rule["negative"].sum(0))
            low = np.where(np.array(LEVELS) < unseen[:, None], LEAST, low)
        n = of_rule["grid"].sum((0, 2))[:, None]
        rows += measurements(keys, arm, (value, low, high), n, known)
    return rows


def unseen_share(images: np.ndarray) -> np.ndarray:
    """The largest share that the exact interval allows for what was not seen: (K,), 0 if it was.

    `images` (K, 2) are numbers of images, and how many of them have what is looked for.
    """
    return np.array(
        [0.0 if found else intervals.share_interval(0, int(number))[2] for number, found in images]
    )


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
    *,
    whole: bool = False,
) -> list[dict]:
    """Section 4.2.2: zeros, means, deviations and negative relevance.

    Parameters
    ----------
    arm
        The arm, "A" or "B".
    counts
        By rule: ``grid`` (G, 2, 20001), ``signs`` (G, 2, 2, 3) and ``negative`` (G, 2, 2),
        originals first.
    grid_moments
        Mean and deviation (...) of counts (..., 20001).
    known
        Keys that the paper reports; other means and deviations are left out.
    whole
        Whether the images are the paper's whole population.
    """
    signs = np.stack([of_rule["signs"] for of_rule in counts.values()], axis=1)  # (G, 7, 2, 2, 3)
    n = signs[:, 0].sum((0, 2, 3))
    zeros = estimate(signs, lambda total: sign_share(total, 1).mean(0))
    rows = measurements([f"zero_share/{kind}" for kind in KINDS], arm, zeros, n)
    by_rule = estimate(signs, lambda total: sign_share(total, 1))  # (7, 2)
    for i, rule in enumerate(counts):
        for k, kind in enumerate(KINDS):
            ends = (part[i, k] for part in by_rule)
            rows.append(claims.reading(f"zero_share/{kind}", arm, {"rule": rule}, *ends, n[k]))
    of_rule = counts["LRP-αβ 1"]
    estimated = estimate(of_rule["grid"], lambda total: np.stack(grid_moments(total)))
    keys = [[f"{word}/{kind}/LRP-αβ 1" for kind in KINDS] for word in ("mean", "deviation")]
    rows += measurements(keys, arm, estimated, n, known)
    grids = np.stack(
        [rule["grid"] for name, rule in counts.items() if name.startswith("LRP-ε")], axis=1
    )
    widest = estimate(grids, lambda total: grid_moments(total)[1].max())
    rows += measurements(["largest_deviation/LRP-ε"], arm, widest, n.sum())
    by_kind = estimate(grids, lambda total: grid_moments(total)[1].max(0))  # (2,)
    for k, kind in enumerate(KINDS):
        ends = (part[k] for part in by_kind)
        rows.append(claims.reading("largest_deviation/LRP-ε", arm, {"images": kind}, *ends, n[k]))
    value, low, high = estimate(of_rule["signs"], lambda total: sign_share(total, 0))
    if not whole:  # without a negative image a bootstrap knows no other
        high = np.maximum(high, 100 * unseen_share(of_rule["negative"].sum(0)))
    return rows + measurements(
        [f"negative_share/{kind}/LRP-αβ 1" for kind in KINDS], arm, (value, low, high), n
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
    top: int,
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
    top
        How many components the third of the K overlaps follows: the top 1 %.
    """
    counts, pairs = of_rule["shifts"], of_rule["overlaps"][:, 1, 0]
    middle = counts.shape[2] // 2
    positions = np.arange(-middle, middle + 1)
    key = "identical_top/LRP-αβ 1"
    unmoved = np.stack([counts[:, 0, middle], pairs], axis=1)  # (G, 2)
    rows = measurements([key], arm, estimate(unmoved, percent), pairs.sum())
    of_top = np.stack([counts[:, 2, middle], pairs * top], axis=1)
    choices = {"what is counted": "components of the top 1 % that keep their place"}
    rows.append(claims.reading(key, arm, choices, *estimate(of_top, percent), pairs.sum()))
    for k, name in enumerate(names):
        level, n = 50 if name == "10% in 10%" else 70, counts[:, k].sum()
        if n == 0:  # no followed component is still within the cut
            continue
        for key, statistic in (
            (f"shift/LRP-αβ 1/{name}/{level}", _distance_within(level)),
            (f"mean_shift/LRP-αβ 1/{name}", lambda total: total @ positions / total.sum()),
            (_relative_key(name), lambda total: 100 * distance_within(total, 70) / COMPONENTS),
        ):
            rows += measurements([key], arm, estimate(counts[:, k], statistic), n, known)
    return rows


def _relative_key(name: str) -> str:
    """The paper gives two shifts once more, as shares of all components (p. 15)."""
    followed = {"1 in 1%": "1% in 1%", "1% in 10%": "1% in 10%"}.get(name, "")
    return f"relative_shift/{followed}"


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
