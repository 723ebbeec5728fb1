"""All methods in all tests as a table: means, intervals, ranks; and the draws behind them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.measures import intervals
from helpers.trials.battery import MethodScores
from helpers.trials.methods import Method
from helpers.trials.scores import Trial

COLUMNS = [
    "network", "test", "paper", "measure", "method", "kind", "value", "low", "high", "n", "seeds",
    "better", "decides", "gap", "rank_low", "rank_high",
]  # fmt: skip
NO_IMAGE = "no image is left"


class Matrix(NamedTuple):
    """Scores summed up over images, and the bootstrap draws from which intervals are read."""

    table: pd.DataFrame  # a row a test, measure and method; see COLUMNS
    draws: dict[tuple[str, str], pd.DataFrame]  # by test and measure: (draws + 1, methods); means,
    # of the methods that have an interval
    ranks: dict[str, pd.DataFrame]  # by test: ranks by the deciding measure, 1 the best, as `draws`


def summarize(
    scored: Mapping[str, Mapping[str, MethodScores]],
    trials: Mapping[str, Trial],
    methods: Iterable[Method],
    *,
    network: str,
    draws: int,
    seed: int,
) -> Matrix:
    """Means over images and seeds with 95 % intervals, and ranks with theirs.

    Images are drawn with replacement, and of each image its seeds, where a test has more than one;
    for the cost, runs. All methods and tests share the draws, so that in each of them all methods
    can be ranked. Where a single image is left, the value has no interval and no rank.

    Parameters
    ----------
    scored
        By test and method, from :func:`helpers.trials.battery.score_all`.
    trials
        The tests by name.
    methods
        In the order of the table.
    network
        What the table calls the network.
    draws, seed
        Of the bootstrap.
    """
    kinds = {method.name: method.kind for method in methods}
    rows, drawn = [], {}
    for name, trial in trials.items():
        for measure, values in _by_measure(scored[name], kinds).items():
            better, by_method = values
            table = np.stack(list(by_method.values()))  # (M, N, S)
            means = intervals.bootstrap_means(table, draws=draws, seed=seed)  # (draws + 1, M)
            drawn[name, measure] = _with_draws(pd.DataFrame(means, columns=list(by_method)))
            head: dict = {
                "network": network,
                "test": name,
                "paper": trial.paper,
                "measure": measure,
            }
            head |= {"better": better, "decides": measure == trial.decides}
            rows += [
                head | {"method": method, "kind": kinds[method]} | _summary(column, numbers)
                for method, column, numbers in zip(by_method, means.T, table, strict=True)
            ]
    rows += _gap_rows(scored, trials, kinds, network)
    return _ranked(pd.DataFrame(rows).reindex(columns=COLUMNS), drawn, trials)


def _with_draws(means: pd.DataFrame) -> pd.DataFrame:
    """The methods (columns) that have a mean in some draw: two images or more."""
    return means.loc[:, means.iloc[1:].notna().any()]


def _by_measure(
    scored: Mapping[str, MethodScores], methods: Iterable[str]
) -> dict[str, tuple[int, dict[str, np.ndarray]]]:
    """A test's numbers (N, S) by measure and method, and whether more is better."""
    found: dict[str, tuple[int, dict[str, np.ndarray]]] = {}
    for method in methods:
        for score in scored[method].scores:
            found.setdefault(score.measure, (score.better, {}))[1][method] = score.values
    return found


def _summary(column: np.ndarray, numbers: np.ndarray) -> dict:
    """Value, interval and counts of a method, from its means and its numbers (N, S)."""
    value, low, high = intervals.estimate_and_interval(column)
    count = int((~np.isnan(numbers)).any(1).sum())
    gap = "" if np.isfinite(value) else NO_IMAGE
    summary = {"value": value, "low": low, "high": high, "n": count}
    return summary | {"seeds": numbers.shape[1], "gap": gap}


def _gap_rows(
    scored: Mapping[str, Mapping[str, MethodScores]],
    trials: Mapping[str, Trial],
    kinds: Mapping[str, str],
    network: str,
) -> list[dict]:
    """A row without a value for every method that cannot go through a test."""
    return [
        {
            "network": network, "test": name, "paper": trial.paper, "measure": trial.decides,
            "method": method, "kind": kind, "n": 0, "seeds": 0, "better": trial.better,
            "decides": True, "gap": scored[name][method].gap,
        }
        for name, trial in trials.items()
        for method, kind in kinds.items()
        if scored[name][method].gap
    ]  # fmt: skip


def _ranked(table: pd.DataFrame, drawn: dict, trials: Mapping[str, Trial]) -> Matrix:
    """The table with intervals of ranks, and the ranks in every draw."""
    ranks = {}
    for name, trial in trials.items():
        means = drawn.get((name, trial.decides), pd.DataFrame())
        if means.empty:
            continue
        ranks[name] = (means * -trial.better).rank(axis=1)
        deciding = (table.test == name) & table.decides & (table.gap == "")
        for column, share in (("rank_low", 0.025), ("rank_high", 0.975)):
            quantiles = ranks[name].iloc[1:].quantile(share)
            table.loc[deciding, column] = table.method[deciding].map(quantiles)
    return Matrix(table, drawn, ranks)


def observations(scored: Mapping[str, MethodScores], method: str, measure: str) -> int:
    """How many images a method's measure rests on."""
    values = next(score.values for score in scored[method].scores if score.measure == measure)
    return int((~np.isnan(values)).any(1).sum())
