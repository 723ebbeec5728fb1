"""Rows for what Dieter & Zisgen say in words: alike distributions, skewness, controls, contours.

Every number an original is in an array (S, N, ...) of S networks on the same N originals, NaN where
there is none; `mean` takes (S, N) to value, low, high and the number of originals.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.report import claims
from helpers.report.chapters.lrp_adversarial_claims import KINDS, Estimate, measurements

DISCUSSED = ("LRP-ε 1", "LRP-αβ 1", "LRP-αβ 2")  # the rules of Section 4.2.3
SYMMETRIC = ("LRP-0", "LRP-ε 0.0001", "LRP-ε 0.01", "LRP-ε 0.1")  # Section 4.2.2
MAIN_OVERLAP = "1% in 1%"
SETS = (MAIN_OVERLAP, "1% in 10%", "10% in 10%")  # overlaps of more than one component
EACH, ENDS = "each ε to the next", "the smallest ε to the largest"

Mean = Callable[[np.ndarray], tuple[float, float, float, int]]


def row(key: str, arm: str, estimated: Sequence, choices: Mapping[str, str] | None = None) -> dict:
    """A measurement of value, low, high and n; one of a reading where there are choices.

    An interval that cannot be had (one original) is the value itself.
    """
    value, low, high, n = estimated
    low, high = (value if np.isnan(end) else end for end in (low, high))
    n = 0 if np.isnan(value) else n
    if choices is None:
        return claims.measurement(key, arm, value, low, high, n)
    return claims.reading(key, arm, dict(choices), value, low, high, n)


def observed(found: list[dict]) -> list[dict]:
    """The rows that something was observed for."""
    return [row for row in found if row["n"] > 0]


def alike(
    arm: str,
    rule: str,
    names: Sequence[str],
    scaled: np.ndarray,
    mean: Mean,
    pooled: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    known: Any,
) -> list[dict]:
    """Whether adversarials' relevance is distributed as their originals', by one rule.

    Parameters
    ----------
    names
        Of the K summaries of a map.
    scaled
        Adversarials less original, in standard deviations between originals: (S, N, K).
    pooled
        The same of all components together, as Tables 3 and 4 do: value, low and high, (K,) each.
    known
        Keys that the paper's text covers; others are left out.
    """
    found = []
    for k, name in enumerate(names):
        key = f"alike/{rule}/{name}"
        if key not in known:
            continue
        estimated = mean(scaled[..., k])
        found.append(row(key, arm, estimated))
        if pooled is not None:
            ends = [part[k] for part in pooled]
            found.append(row(key, arm, (*ends, estimated[3]), {"statistic": "all maps together"}))
    return observed(found)


def with_epsilon(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    deviation: Callable[[np.ndarray], np.ndarray],
    irrelevant: Callable[[np.ndarray], np.ndarray],
    tail: Callable[[np.ndarray], np.ndarray],
    estimate: Estimate,
) -> list[dict]:
    """What grows or falls with ε (Section 4.2.2): deviation, irrelevant components, the tail.

    `deviation`, `irrelevant` (a share) and `tail` (the 0.999 quantile) read counts (..., 20001).
    """
    rules = [rule for rule in counts if rule.startswith("LRP-ε")]
    grids = np.stack([counts[rule]["grid"] for rule in rules], axis=1)  # (G, rules, 2, 20001)
    n = counts[rules[0]]["grid"].sum((0, 2))
    steps = {
        EACH: lambda values: np.diff(values, axis=0).min(0),
        ENDS: lambda values: values[-1] - values[0],
    }
    found = []
    for name, statistic in (
        ("deviation_declines", lambda total: -deviation(total)),
        ("irrelevant_grow", lambda total: 100 * irrelevant(total)),
    ):
        for option, rise in steps.items():
            ends = estimate(grids, lambda total, f=statistic, g=rise: g(f(total)))
            for k, kind in enumerate(KINDS):
                estimated = (*(part[k] for part in ends), n[k])
                choices = None if option == EACH else {"steps": option}
                found.append(row(f"{name}/{kind}", arm, estimated, choices))
    ends = estimate(grids, lambda total: tail(total[-1]) - tail(total[-2]))
    return found + measurements([f"tail_grows/{kind}" for kind in KINDS], arm, ends, n)


def shapes(
    arm: str,
    counts: Mapping[str, Mapping[str, np.ndarray]],
    skewness: Callable[[np.ndarray], np.ndarray],
    tail: Callable[[np.ndarray], np.ndarray],
    middle: Callable[[np.ndarray], np.ndarray],
    estimate: Estimate,
) -> list[dict]:
    """Symmetry, skewness, and how far the 0.99 quantile lies above a typical magnitude.

    `skewness`, `tail` (the 0.99 quantile) and `middle` (the median magnitude) read counts
    (..., 20001).
    """
    found = []
    for rule, of_rule in counts.items():
        grid, n = of_rule["grid"], of_rule["grid"].sum((0, 2))
        word = "symmetry" if rule in SYMMETRIC else "skewness"
        keys = [f"{word}/{kind}/{rule}" for kind in KINDS]
        found += measurements(keys, arm, estimate(grid, skewness), n)
    grids = np.stack([of_rule["grid"] for of_rule in counts.values()], axis=1)

    def smallest(total: np.ndarray) -> np.ndarray:
        return (tail(total) / np.maximum(middle(total), 5e-5)).min(0)

    n = grids[:, 0].sum((0, 2))
    keys = [f"order_of_magnitude/{kind}" for kind in KINDS]
    return found + measurements(keys, arm, estimate(grids, smallest), n)


def same_reach(
    arm: str, rule: str, overlaps: np.ndarray, pairs: list[str], names: list[str], mean: Mean
) -> list[dict]:
    """Attacked pairs less pairs whose decision stays under a change that reaches as far, in points.

    `overlaps` (S, N, pairs, 5) are shares; `pairs` and `names` those of the last two axes. The
    other overlaps of :data:`SETS` are further readings.
    """
    found = []
    for key, control in (
        (f"reach/{rule}/noise", "noise, same reach"),
        (f"reach/{rule}/strengthened", "decision strengthened, same reach"),
    ):
        gap = 100 * (overlaps[:, :, 0] - overlaps[:, :, pairs.index(control)])  # (S, N, 5)
        for name in SETS:
            choices = None if name == MAIN_OVERLAP else {"components followed": name}
            found.append(row(key, arm, mean(gap[..., names.index(name)]), choices))
    return observed(found)


def turns(
    arm: str,
    rule: str,
    jumps: Mapping[tuple[str, str], tuple[float, float, float, int]],
    main: tuple[str, str],
) -> list[dict]:
    """How much less alike maps are across a turn, in points, by what is explained and followed."""
    found = []
    for (explained, followed), estimated in jumps.items():
        choices = {"explained": explained, "components followed": followed}
        value, low, high, n = estimated
        scaled = (100 * value, 100 * low, 100 * high, n)
        of_main = (explained, followed) == main
        found.append(row(f"turn/{rule}", arm, scaled, None if of_main else choices))
    return observed(found)


def reversal(
    arm: str,
    rule: str,
    back: np.ndarray,
    random: np.ndarray,
    orders: list[str],
    numbers: Sequence[int],
    mean: Mean,
) -> list[dict]:
    """Decisions taken back in a map's order less those at random, in points.

    `back` (S, N, orders, counts) and `random` (S, N, counts) hold 0 and 1. The first order at 307
    components is the main reading.
    """
    found = []
    for k, order in enumerate(orders):
        for j, number in enumerate(numbers):
            gap = 100 * (back[:, :, k, j] - random[:, :, j])
            main = k == 0 and number == 307
            choices = {"order": order, "components": str(number)}
            found.append(row(f"reversal/{rule}", arm, mean(gap), None if main else choices))
    return observed(found)


def contours(arm: str, rule: str, agreement: np.ndarray, mean: Mean) -> list[dict]:
    """How much closer pixels' relevance is to the image's own edges than to another image's.

    `agreement` (S, N, 2, 2): own and other edges; Spearman correlation and share of the top tenth.
    """
    gap = agreement[:, :, 0] - agreement[:, :, 1]  # (S, N, 2)
    return observed(
        [
            row(f"contours/{rule}", arm, mean(gap[..., 0])),
            row(f"contours/{rule}", arm, mean(gap[..., 1]), {"measure": "top tenth of the pixels"}),
        ]
    )


def bird_as_truck(
    arm: str, chosen: np.ndarray, overlaps: np.ndarray, source: np.ndarray, estimate: Callable
) -> list[dict]:
    """Overlap 10 % in 10 % by LRP-αβ 1 of birds taken for trucks less that of all pairs, in points.

    `chosen` says which of M pairs are such, `overlaps` (M,) are shares, `source` (M,) originals;
    `estimate` goes from values, sources and a statistic to its value, low and high.
    """
    usable = np.isfinite(overlaps)
    chosen, overlaps, source = chosen[usable], overlaps[usable], source[usable]
    if not chosen.any():
        return []
    values = np.stack([overlaps, chosen], axis=1)

    def gap(pairs: np.ndarray) -> float:
        birds = pairs[pairs[:, 1] > 0, 0]
        return 100 * (birds.mean() - pairs[:, 0].mean()) if len(birds) else np.nan

    ends = estimate(values, source, gap)
    if np.isnan(ends).any():  # so few that a draw of originals may have none
        return []
    return measurements(["bird_as_truck"], arm, ends, int(chosen.sum()))
