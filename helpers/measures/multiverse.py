"""A claim in all admissible readings of what its paper leaves open: the multiverse of a claim.

Steegen et al. 2016 ran an analysis in every defensible way; Simonsohn et al. 2020 draw the outcomes
as a specification curve. A *choice* is what the paper leaves open, an *option* one way to settle
it, a *reading* one option for each choice.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

_MEASURED = ["value", "low", "high", "n"]


class Interval(NamedTuple):
    """What a claim gives in one reading: a value, its 95 % interval, how many observations."""

    value: float
    low: float
    high: float
    n: int


Holds = Callable[[Interval], bool]


def run(claim: Callable[..., Interval], choices: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Measure a claim in the product of all choices.

    Parameters
    ----------
    claim
        Takes one keyword argument a choice and gives an interval.
    choices
        From the choice's name to its options: from the option's name to the argument.

    Returns
    -------
    pandas.DataFrame
        One row a reading: a column a choice with the option's name, then value, low, high, n.

    Raises
    ------
    ValueError
        If a choice has no option or is named as a measured column.
    """
    for name, options in choices.items():
        if not options or name in _MEASURED:
            raise ValueError(
                f"choice {name!r} has {len(options)} options; expected one or more, and another "
                f"name than {_MEASURED}"
            )
    rows = []
    for names in itertools.product(*choices.values()):
        reading = dict(zip(choices, names, strict=True))
        arguments = {choice: choices[choice][option] for choice, option in reading.items()}
        rows.append({**reading, **Interval(*claim(**arguments))._asdict()})
    return pd.DataFrame(rows, columns=[*choices, *_MEASURED])


def share_that_holds(table: pd.DataFrame, holds: Holds) -> float:
    """The share of readings in which a claim holds; NaN without any.

    Parameters
    ----------
    table
        As :func:`run` gives it; readings without a value do not count.
    holds
        Whether a claim with this interval holds.
    """
    return _holding(table, holds).mean()


def shares_by_option(table: pd.DataFrame, holds: Holds) -> pd.DataFrame:
    """How the share changes with each choice: columns choice, option, share, n (of readings)."""
    holding = _holding(table, holds)
    rows = [
        (choice, option, found.mean(), len(found))
        for choice in _choices(table)
        for option, found in holding.groupby(table[choice].loc[holding.index], sort=False)
    ]
    return pd.DataFrame(rows, columns=["choice", "option", "share", "n"])


def turning_choice(table: pd.DataFrame, holds: Holds) -> str:
    """The choice that turns a claim: whose options differ most in share; the first of equals.

    An empty text where no choice makes a difference.
    """
    shares = shares_by_option(table, holds).groupby("choice", sort=False).share
    spread = shares.max() - shares.min()
    return str(spread.idxmax()) if len(spread) and spread.max() > 0 else ""


def _choices(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if name not in _MEASURED]


def _holding(table: pd.DataFrame, holds: Holds) -> pd.Series:
    run_ = table[table.value.notna()]
    found = [holds(Interval(*row)) for row in run_[_MEASURED].itertuples(index=False)]
    return pd.Series(found, index=run_.index, dtype=float)
