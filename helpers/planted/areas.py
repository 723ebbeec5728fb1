"""How well each test tells the oracle's maps from others."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.planted import discrimination, references
from helpers.trials.battery import MethodScores
from helpers.trials.methods import Method
from helpers.trials.scores import Trial


def areas(
    scored: Mapping[str, MethodScores],
    trial: Trial,
    maps: Mapping[str, list[Method]],
    *,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """How often the oracle scores above each other map, by measure of a test.

    Parameters
    ----------
    scored
        By method, from :func:`helpers.trials.battery.score_all`.
    maps
        From :func:`helpers.planted.references.references`.
    draws, seed
        Of the bootstrap over images.

    Returns
    -------
    pandas.DataFrame
        One row per measure of which more or less is better, and map that the oracle stands against:
        test, measure, decides, against, kind, area, low, high, n.
    """  # fmt: skip
    rows = []
    for measure, better in _judging(scored[references.ORACLE]).items():
        right = _values(scored[references.ORACLE], measure)
        for kind, methods in maps.items():
            for method in methods if kind != references.ORACLE else []:
                wrong = _values(scored[method.name], measure)
                if right is None or wrong is None:
                    continue
                area, low, high, n = discrimination.area_interval(
                    better * right, better * wrong, draws=draws, seed=seed
                )
                decides = measure == trial.decides
                rows.append((trial.name, measure, decides, method.name, kind, area, low, high, n))
    columns = ["test", "measure", "decides", "against", "kind", "area", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def _judging(scores: MethodScores) -> dict[str, int]:
    """The measures of which more (1) or less (-1) is better."""
    return {score.measure: score.better for score in scores.scores if score.better}


def _values(scores: MethodScores, measure: str) -> np.ndarray | None:
    return next((score.values for score in scores.scores if score.measure == measure), None)


def passes(table: pd.DataFrame) -> pd.Series:
    """Whether a test tells the oracle from every map that knows nothing of the network, by test.

    Of the deciding measure, the interval of each such area must lie above one half.
    """
    rows = table[table.decides & (table.kind == references.WRONG)]
    return (rows.low > 0.5).groupby(rows.test, sort=False).all()
