"""The papers' claims, our measurements of them, and the verdict on each.

What a paper says stands in ``data/reported/<chapter>.csv``, one claim a row; what a run measured
stands in ``data/results/<chapter>.csv``. Nothing else holds either number.
"""

import json
import math
from pathlib import Path

import pandas as pd

from helpers.store import paths

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
NOT_RUN = "not run"
NO_OBSERVATION = "no observation"  # why a claim that a run reports is "not run" nevertheless
AUTHORS, INDEPENDENT = "A", "B"  # the two arms: the authors' own material, and ours
_REPORTED = [
    "key", "group", "says", "where", "unit", "reported", "tolerance", "tolerance_b", "reason",
]  # fmt: skip
_RESULTS = ["key", "arm", "value", "low", "high", "n"]


def verdict(reported: float, tolerance: float, low: float, high: float, bound: str = "") -> str:
    """Compare our interval [low, high] with the paper's number and its tolerance.

    Reproduced: the whole interval lies within reported ± tolerance. Not reproduced: it lies wholly
    outside. Inconclusive: it straddles an edge, so more data would be needed to say. Where the
    paper only says "more" or "less", its number is a bound, and the side is ``above`` or ``below``;
    then all that lies on this side of reported, from the tolerance on, counts as within.

    Raises
    ------
    ValueError
        If a number is NaN, the tolerance is negative, the interval is upside down, or the side is
        neither.
    """
    numbers = {"reported": reported, "tolerance": tolerance, "low": low, "high": high}
    undefined = [name for name, value in numbers.items() if math.isnan(value)]
    if undefined:
        raise ValueError(f"{undefined[0]} is NaN; a verdict needs a number, else it is {NOT_RUN!r}")
    if tolerance < 0:
        raise ValueError(f"tolerance is {tolerance}; expected 0 or more")
    if low > high:
        raise ValueError(f"interval [{low}, {high}] is upside down; give (low, high)")
    if bound not in ("", "above", "below"):
        raise ValueError(f"bound is {bound!r}; expected 'above', 'below' or nothing")
    floor, ceiling = reported - tolerance, reported + tolerance
    if bound:  # at the bound itself nothing is more, or less
        floor, ceiling = (math.nextafter(reported + tolerance, math.inf), math.inf)
    if bound == "below":
        floor, ceiling = (-math.inf, math.nextafter(reported - tolerance, -math.inf))
    if floor <= low and high <= ceiling:
        return REPRODUCED
    if high < floor or ceiling < low:
        return NOT_REPRODUCED
    return INCONCLUSIVE


def reported(chapter: str, folder: Path = paths.REPORTED) -> pd.DataFrame:
    """What the chapter's paper says, one claim a row, indexed by the claim's key.

    A chapter for whose paper there is no authors' material leaves ``tolerance``, arm A's, empty.
    The column ``bound`` may be left out; see :func:`verdict`.

    Raises
    ------
    ValueError
        If a column is missing or a key stands twice.
    """
    file = folder / f"{chapter}.csv"
    table = pd.read_csv(file)
    _expect_columns(table, _REPORTED, file)
    table["bound"] = table["bound"].fillna("") if "bound" in table else ""
    repeated = table.key[table.key.duplicated()]
    if len(repeated):
        raise ValueError(f"{file.name} holds the key {repeated.iloc[0]!r} twice; keys are unique")
    return table.set_index("key")


def results(chapter: str, folder: Path = paths.RESULTS) -> pd.DataFrame:
    """What our run measured: one row a claim and arm. Empty where nothing was run yet."""
    file = folder / f"{chapter}.csv"
    if not file.exists():
        return pd.DataFrame(columns=_RESULTS)
    table = pd.read_csv(file)
    _expect_columns(table, _RESULTS, file)
    return table


def run_card(chapter: str, folder: Path = paths.RESULTS) -> dict:
    """How the results of a chapter were made: profile, command, commit, versions, seconds."""
    file = folder / f"{chapter}.json"
    return json.loads(file.read_text()) if file.exists() else {}


def judge(measured: pd.DataFrame, chapter: str) -> pd.DataFrame:
    """Join measurements (columns key, arm, value, low, high, n) to the paper's claims, and judge.

    Arm A, the authors' own material, is held against ``tolerance``; arm B, our own network and
    images, against the wider ``tolerance_b``. A claim without a measurement stays in the table,
    with the verdict "not run"; so does one that was measured on nothing (its value is NaN or its n
    is 0), for which the column ``why_not_run`` says "no observation".

    Raises
    ------
    ValueError
        If a measurement's key is no claim of the chapter, a claim is measured twice for one arm, or
        a measured value has no interval.
    """
    claims = reported(chapter)
    unknown = sorted(set(measured.key) - set(claims.index))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no claim of {chapter}; add it to {chapter}.csv first")
    _refuse_repeated(measured)
    table = claims.reset_index().merge(measured, on="key", how="left")
    wide = (table.arm == INDEPENDENT) | table.tolerance.isna()
    table["tolerance"] = table.tolerance.where(~wide, table.tolerance_b)
    table = table.drop(columns="tolerance_b")
    observed = table.value.notna() & (table.n > 0)
    table["verdict"] = [
        verdict(row.reported, row.tolerance, row.low, row.high, row.bound) if has_value else NOT_RUN
        for row, has_value in zip(table.itertuples(), observed, strict=True)
    ]
    empty = (table.n == 0) | (table.n.notna() & table.value.isna())
    table["why_not_run"] = empty.map({True: NO_OBSERVATION, False: ""})
    table.loc[empty, ["value", "low", "high"]] = math.nan
    return table


def scorecard(chapter: str) -> pd.DataFrame:
    """Every claim of the chapter in every arm, with the committed measurements and verdicts.

    An arm that a claim allows has a row whether it was measured or not; arm A is allowed where the
    claim has a tolerance for it.
    """
    claims = reported(chapter)
    arms = {AUTHORS: claims.index[claims.tolerance.notna()], INDEPENDENT: claims.index}
    allowed = [(key, arm) for arm, keys in arms.items() for key in keys]
    measured = pd.DataFrame(allowed, columns=["key", "arm"]).merge(results(chapter), how="outer")
    return judge(measured, chapter).assign(chapter=chapter)


def standardized(judged: pd.DataFrame, limit: float) -> pd.DataFrame:
    r"""Bring claims of all units to one scale, on which each verdict can be seen.

    .. math:: x = (\text{ours} - \text{reported}) / u

    The unit u is the tolerance; for a bound without one it is half the width of our interval. A
    number without either must be met exactly, so that any difference from it is infinite.

    Parameters
    ----------
    judged
        Claims as `judge` or `scorecard` gives them.
    limit
        Where the scale ends; what lies beyond -limit or limit is put there.

    Returns
    -------
    pandas.DataFrame
        The claims with the columns ``x``, ``x_low``, ``x_high`` (ours and its interval) and
        ``floor``, ``ceiling`` (between which the whole interval lies if a claim is reproduced).
    """
    above, below = judged.bound == "above", judged.bound == "below"
    half = ((judged.high - judged.low) / 2).where(above | below, 0)
    unit = judged.tolerance.where(judged.tolerance > 0, half).astype(float)

    def scaled(difference: pd.Series) -> pd.Series:
        return (difference.astype(float) / unit).where(difference != 0, 0).clip(-limit, limit)

    edge = scaled(judged.tolerance)
    return judged.assign(
        x=scaled(judged.value - judged.reported),
        x_low=scaled(judged.low - judged.reported),
        x_high=scaled(judged.high - judged.reported),
        floor=edge.where(above, -edge).where(~below, -limit),
        ceiling=edge.where(~below, -edge).where(~above, limit),
    )


def measurement(key: str, arm: str, value: float, low: float, high: float, n: int) -> dict:
    """One row of results: the claim's key, the arm, our value, its interval, and how many.

    Without an observation (n = 0) the value is NaN; `judge` calls such a claim "not run".

    Raises
    ------
    ValueError
        If there is a value without an observation.
    """
    value, low, high, n = float(value), float(low), float(high), int(n)
    if n < 0 or (n == 0 and not math.isnan(value)):
        raise ValueError(
            f"claim {key!r} has the value {value:g} from n = {n} observations; expected 1 or more, "
            "or NaN as the value where there is none"
        )
    return dict(zip(_RESULTS, (key, arm, value, low, high, n), strict=True))


class Measurements(dict[str, list[dict]]):
    """A chapter's measurements by section, so that a cell that runs twice measures once.

    ``measured["accuracy"] = [claims.measurement(...), ...]`` replaces what the section held.
    """

    def table(self) -> pd.DataFrame:
        """All rows, columns key, arm, value, low, high, n.

        Raises
        ------
        ValueError
            If two rows measure the same claim with the same material.
        """
        rows = [row for section in self.values() for row in section]
        table = pd.DataFrame(rows, columns=_RESULTS)
        _refuse_repeated(table)
        return table


def _refuse_repeated(measured: pd.DataFrame) -> None:
    repeated = measured[measured.duplicated(["key", "arm"])]
    if len(repeated):
        raise ValueError(
            f"claim {repeated.key.iloc[0]!r} is measured twice for arm {repeated.arm.iloc[0]}; "
            "measure it in one section"
        )


def _expect_columns(table: pd.DataFrame, columns: list[str], file: Path) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"{file.name} lacks the column {missing[0]!r}; it needs {columns}")
