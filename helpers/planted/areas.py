"""How well each test tells the oracle's maps from others."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

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
    """
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


def order_agreement(truth: pd.DataFrame, ranks: pd.DataFrame, *, seed: int) -> np.ndarray:
    """Rank correlation of two orders of the methods that both have, (draws + 1,).

    The first is that of all methods and images. Each other row of the two is a draw of images; for
    it methods are drawn with replacement as well, since others could have been taken, and ranked
    anew among themselves.

    Parameters
    ----------
    truth, ranks
        Ranks (draws + 1, methods), of the same draws of images, with methods as columns.
    seed
        Of the draws of methods.
    """
    both = [name for name in truth if name in ranks]
    one, other = truth[both].to_numpy(), ranks[both].to_numpy()
    drawn = np.random.default_rng(seed).integers(len(both), size=one.shape)
    drawn[0] = np.arange(len(both))
    taken = (rankdata(np.take_along_axis(side, drawn, 1), axis=1) for side in (one, other))
    first, second = (side - side.mean(1, keepdims=True) for side in taken)
    spread = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    return (first * second).sum(1) / np.where(spread > 0, spread, np.nan)
