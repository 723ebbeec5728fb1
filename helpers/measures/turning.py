"""Does a map jump where a decision turns? Steps at which it turns beside the same steps elsewhere.

A path leads in T equal steps from one image to another. Each step has a number that says how alike
the maps at its two ends are, and a flag that says whether the decision turned in it.
"""

import numpy as np


def jump(alike: np.ndarray, turns: np.ndarray) -> float:
    r"""How much less alike maps are across a turn than across the same step without one.

    .. math:: \sum_t w_t \Bigl(\overline{alike}_{t, stays} - \overline{alike}_{t, turns}\Bigr),
              \quad w_t \propto \text{number of turns at step } t

    A step of the path is thus compared with itself: steps that are larger for the map whatever the
    decision does add nothing. Steps without both kinds are left out; NaN if none is left.

    Parameters
    ----------
    alike
        (N, T) for N paths; NaN is left out.
    turns
        Whether the decision turns, bool (N, T).
    """
    differences, weights = [], []
    for column, turned in zip(alike.T, turns.T, strict=True):
        usable = np.isfinite(column)
        with_turn, without = column[usable & turned], column[usable & ~turned]
        if len(with_turn) and len(without):
            differences.append(without.mean() - with_turn.mean())
            weights.append(len(with_turn))
    return float(np.average(differences, weights=weights)) if weights else np.nan


def jump_and_interval(
    alike: np.ndarray, turns: np.ndarray, *, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """:func:`jump` with a bootstrap interval that draws whole paths, widened to hold it."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        paths = generator.integers(len(alike), size=len(alike))
        drawn.append(jump(alike[paths], turns[paths]))
    tail = (1 - level) / 2
    usable = np.array(drawn)[np.isfinite(drawn)]
    value = jump(alike, turns)
    low, high = np.quantile(usable, [tail, 1 - tail]) if len(usable) else (np.nan, np.nan)
    return value, float(min(low, value)), float(max(high, value))


def around_turn(alike: np.ndarray, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of `alike` (N, T) by distance from a path's first turn: distances, means, numbers.

    The three arrays have a place for each distance from -(T - 1) to T - 1 steps; the mean of a
    distance that no path has is NaN. Paths without a turn are left out.
    """
    steps = alike.shape[1]
    offsets = np.arange(-(steps - 1), steps)
    values: list[list[float]] = [[] for _ in offsets]
    for row, turned in zip(alike, turns, strict=True):
        if turned.any():
            first = int(turned.argmax())
            for step, value in enumerate(row):
                if np.isfinite(value):
                    values[step - first + steps - 1].append(value)
    means = np.array([np.mean(found) if found else np.nan for found in values])
    return offsets, means, np.array([len(found) for found in values])
