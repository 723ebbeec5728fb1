"""Where methods stand over all tests, and whether the tests agree: in every bootstrap draw.

A draw is a row; the first row is the data as they are, so that value and interval are those of
:func:`helpers.measures.intervals.estimate_and_interval`.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.measures import intervals


class Estimate(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


def estimate(draws: np.ndarray | pd.Series) -> Estimate:
    """The first of some draws, with the interval of the others."""
    return Estimate(*intervals.estimate_and_interval(np.asarray(draws)))


def standing(ranks: pd.DataFrame) -> pd.DataFrame:
    """1 for the first, 0 for the last, 0.5 in the middle; (draws + 1, methods) as the ranks are."""
    return 1 - (ranks - 1) / max(ranks.shape[1] - 1, 1)


def mean_standing(ranks: Mapping[str, pd.DataFrame], methods: Sequence[str]) -> pd.DataFrame:
    """Standing over the tests, each counting alike, (draws + 1, methods).

    A method counts in the tests that it has been through; one with gaps in all is left out, and
    all are where no test ranks any.
    """
    stands = [standing(table) for table in ranks.values()]
    if not stands:
        return pd.DataFrame(index=[0])
    together = pd.concat(stands).groupby(level=0).mean()
    return together[[name for name in methods if name in together]]


def elsewhere(ranks: Mapping[str, pd.DataFrame], method: str, own: str) -> np.ndarray:
    """A method's mean standing in all tests but its own, (draws + 1,); NaN without another."""
    others = [
        standing(table)[method] for test, table in ranks.items() if test != own and method in table
    ]
    return _mean(np.stack(others), axis=0) if others else np.full(2, np.nan)


def agreement(ranks: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], np.ndarray]:
    """Rank correlation of every two tests over the methods that both have, (draws + 1,) each."""
    tests = list(ranks)
    return {
        (test, other): _correlations(ranks[test], ranks[other])
        for k, test in enumerate(tests)
        for other in tests[k + 1 :]
    }


def _correlations(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    both = [name for name in one if name in other]
    pairs = zip(one[both].to_numpy(), other[both].to_numpy(), strict=True)
    return np.array([_correlation(first, second) for first, second in pairs])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.ptp(first) and np.ptp(second):
        return float(np.corrcoef(first, second)[0, 1])
    return float("nan")


def mean_agreement(pairs: Mapping[tuple[str, str], np.ndarray]) -> np.ndarray:
    """The mean rank correlation of two tests, (draws + 1,); NaN where there are not two."""
    return _mean(np.stack(list(pairs.values())), axis=0) if pairs else np.full(2, np.nan)


class BestControl(NamedTuple):
    """The control that stands best in a test, and the best control's standing in every draw."""

    name: str
    standing: float
    draws: np.ndarray  # (draws + 1,): each draw has a best control of its own


def best_control(ranks: pd.DataFrame, controls: Sequence[str]) -> BestControl:
    """How high a map that does not depend on the network stands in a test.

    Without a control there, the name is empty and the standing NaN.
    """
    stands = standing(ranks)
    stands = stands[[name for name in controls if name in stands]]
    if stands.empty:
        return BestControl("", float("nan"), np.full(2, np.nan))
    first = stands.iloc[0]
    return BestControl(str(first.idxmax()), float(first.max()), stands.max(axis=1).to_numpy())


class Lead(NamedTuple):
    """How far a method is ahead of the best control, in the unit of the test."""

    control: str
    draws: np.ndarray  # (draws + 1,), paired


def lead(means: pd.DataFrame, better: int, method: str, controls: Sequence[str]) -> Lead:
    """A method's advantage over the control that is best in the data as they are; else NaN."""
    signed = better * means
    if not any(name in signed for name in controls):
        return Lead("", np.full(2, np.nan))
    best = str(signed.loc[0, [name for name in controls if name in signed]].idxmax())
    return Lead(best, (signed[method] - signed[best]).to_numpy())


def cost_correlation(
    overall: pd.DataFrame, cost_ranks: pd.DataFrame, methods: Sequence[str]
) -> Estimate:
    """Correlation of mean standing with how cheap methods are, over those methods."""
    cheap = standing(cost_ranks).loc[0].reindex(overall.columns)
    names = [name for name in overall.columns if name in methods]
    return estimate(
        np.array([row[names].corr(cheap[names]) for _, row in overall[names].iterrows()])
    )


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean without NaN; NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        return np.nanmean(values, axis=axis)
