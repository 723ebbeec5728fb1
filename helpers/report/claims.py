"""The papers' claims, our measurements of them, and the verdict on each.

What a paper says stands in ``data/reported/<chapter>.csv``, one claim a row; what a run measured
stands in ``data/results/<chapter>.csv``, and under other readings of what the paper leaves open in
``data/results/<chapter>-readings.csv``. Nothing else holds these numbers. The rules of the verdicts
are in :mod:`helpers.report.verdicts` and :mod:`helpers.report.conclusions`.
"""

import math
from pathlib import Path

import pandas as pd

from helpers.report import (
    checked_rows,
    comparability,
    conclusions,
    multiverse_rows,
    registration,
)
from helpers.report.measured import (
    READINGS,
    RESULTS,
    Measurements,
    measurement,
    reading,
    refuse_repeated,
)
from helpers.report.verdicts import (
    ABOVE,
    BELOW,
    BINOMIAL,
    BOUNDS,
    DEPENDS,
    EQUAL,
    INCONCLUSIVE,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    VERDICTS,
    at_level,
    region,
    verdict,
)
from helpers.store import paths
from helpers.store import reading as strict

__all__ = [
    "AUTHORS", "DEPENDS", "INCONCLUSIVE", "INDEPENDENT", "NOT_COMPARABLE", "NOT_REPRODUCED",
    "NOT_RUN", "REPRODUCED", "VERDICTS", "Measurements", "judge", "measurement", "reading",
    "readings", "reported", "results", "run_card", "scorecard", "standardized", "verdict",
]  # fmt: skip
NO_OBSERVATION = "no observation"  # why a claim that a run reports is "not run" nevertheless
AUTHORS, INDEPENDENT = "A", "B"  # the two arms: the authors' own material, and ours
CONCLUSION, ORDER, NUMBER = "conclusion", "order", "number"
KINDS = (CONCLUSION, ORDER, NUMBER)
PAPER = "paper"  # in `measured_by`: the paper defines the quantity itself
_REPORTED = [
    "key", "group", "says", "where", "unit", "reported", "tolerance", "tolerance_b", "reason",
]  # fmt: skip
_TEXTS = {  # further columns of text, and what an empty cell or an absent column means
    "kind": NUMBER, "bound": "", "measured_by": PAPER, "needs": "", "readings": "", "rests_on": "",
    "same_as": "", "registered": "", "seen": "", "amended": "",
}  # fmt: skip


def reported(chapter: str, folder: Path = paths.REPORTED) -> pd.DataFrame:
    """What the chapter's paper says, one claim a row, indexed by the claim's key.

    A chapter for whose paper there is no authors' material leaves ``tolerance``, arm A's, empty.
    All columns are told in CONTRIBUTING; those from ``kind`` on may be left out, but ``kind`` and
    ``bound``, which decide verdicts, only where all are.

    Raises
    ------
    ValueError
        If a column is missing or unknown, a key stands twice, a row lacks a number that judges it,
        or names a kind, bound, setting, row or amendment that is none.
    """
    file = folder / f"{chapter}.csv"
    table = strict.table(file, _REPORTED, key=["key"])
    further = set(table) - set(_REPORTED)
    if unknown := sorted(further - {*_TEXTS, "rounds"}):
        raise strict.Damaged(f"{strict.shown(file)} has the column {unknown[0]!r}, which is none")
    if further and (missing := sorted({"bound", "kind"} - further)):
        raise strict.Damaged(
            f"{strict.shown(file)} lacks the column {missing[0]!r}, which decides how its rows are "
            f"judged; {strict.mend(file)}"
        )
    for name, empty in _TEXTS.items():
        table[name] = table[name].fillna(empty).astype(str) if name in table else empty
    table["rounds"] = table.get("rounds", math.nan)
    table = table.set_index("key")
    for key, row in table.iterrows():
        try:
            _check(key, row, table)
        except ValueError as error:
            raise ValueError(f"{strict.shown(file)}: {error}") from error
    return checked_rows.claims(file, table)


def _check(key: str, row: pd.Series, table: pd.DataFrame) -> None:
    """Refuse a row whose cells name what there is not."""
    if row.kind not in KINDS:
        raise ValueError(f"claim {key!r} has the kind {row.kind!r}; expected one of {KINDS}")
    if row.bound not in BOUNDS:
        raise ValueError(f"claim {key!r} has the bound {row.bound!r}; expected one of {BOUNDS}")
    if row.seen not in ("", *registration.SEEN):
        raise ValueError(f"claim {key!r}: seen is {row.seen!r}; expected {registration.SEEN}")
    comparability.check(row.needs, key)
    registration.amendments(row.amended)
    carried_by = conclusions.rule(row.rests_on).keys if row.rests_on else ()
    for name in (*carried_by, *filter(None, [row.same_as])):
        if name not in table.index or name == key:
            raise ValueError(f"claim {key!r} points at {name!r}, which is no other row")
    if carried_by and (row.kind != CONCLUSION or any(table.rests_on[list(carried_by)] != "")):
        raise ValueError(f"claim {key!r}: a conclusion rests on rows that are measured, no other")
    if row.same_as and table.same_as[row.same_as]:
        raise ValueError(f"claim {key!r} is the same as {row.same_as!r}, itself counted elsewhere")


def results(chapter: str, folder: Path = paths.RESULTS) -> pd.DataFrame:
    """What our run measured: one row per claim and arm. Empty where nothing was run yet."""
    return _read(folder / f"{chapter}.csv", RESULTS)


def readings(chapter: str, folder: Path = paths.RESULTS) -> pd.DataFrame:
    """What our run measured under other readings: one row per claim, arm and reading."""
    return _read(folder / f"{chapter}-readings.csv", READINGS)


def _read(file: Path, columns: list[str]) -> pd.DataFrame:
    if not file.exists():
        return pd.DataFrame(columns=columns)
    table = strict.table(file, columns, key=columns[: columns.index("value")], numbers=["n"])
    return checked_rows.results(file, table)


def run_card(chapter: str, folder: Path = paths.RESULTS) -> dict:
    """How the results of a chapter were made: profile, command, commit, versions, seconds."""
    file = folder / f"{chapter}.json"
    return strict.json_of(file) if file.exists() else {}


def judge(
    measured: pd.DataFrame,
    chapter: str,
    readings: pd.DataFrame | None = None,
    finished: str = "",
) -> pd.DataFrame:
    """Join measurements (columns key, arm, value, low, high, n) to the paper's claims, and judge.

    Arm A, the authors' own material, is held against ``tolerance``; arm B, our own network and
    images, against the wider ``tolerance_b``. In this order: what was not measured, or on nothing
    (its value is NaN or its n is 0), is *not run*; what was measured in a setting that the row
    needs to be the paper's and is not, is *not comparable*; then the rule of the row's bound
    decides, over all readings that were run. Conclusions follow from the rows that carry them.

    Parameters
    ----------
    measured
        From :meth:`Measurements.table` or :func:`results`.
    chapter
        Whose claims they are.
    readings
        From :meth:`Measurements.readings` or :func:`readings`, if there are any.
    finished
        When the run was made, where it is not the one under way.

    Returns
    -------
    pandas.DataFrame
        All columns of `reported` (``tolerance`` is the arm's), ``arm``, ``value``, ``low``,
        ``high``, ``n``; ``verdict``; ``why`` (in words, where the verdict needs it);
        ``why_not_run``; ``main_verdict`` (by the main reading alone); ``readings_run``,
        ``readings_hold`` (their number, the main one too, and in how many the claim holds);
        ``turned_by`` (the choice that makes the largest difference).

    Raises
    ------
    ValueError
        If a measurement's key is no claim of the chapter or rests on others, a claim is measured
        twice for one arm, or a measured value has no interval.
    """
    claims = reported(chapter)
    measured = measured[~measured.key.isin(registration.withdrawn(chapter))]
    unknown = sorted(set(measured.key) - set(claims.index))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no claim of {chapter}; add it to {chapter}.csv first")
    resting = sorted(set(measured.key) & set(claims.index[claims.rests_on != ""]))
    if resting:
        raise ValueError(f"{resting[0]!r} rests on other rows; measure those")
    refuse_repeated(measured)
    table = claims.reset_index().merge(measured, on="key", how="left")
    wide = (table.arm == INDEPENDENT) | table.tolerance.isna()
    table["tolerance"] = table.tolerance.where(~wide, table.tolerance_b)
    table = table.drop(columns="tolerance_b")
    empty = (table.n == 0) | (table.n.notna() & table.value.isna())
    table["why_not_run"] = empty.map({True: NO_OBSERVATION, False: ""})
    table.loc[empty, ["value", "low", "high"]] = math.nan
    listed = comparability.deviations(chapter, finished)
    others = multiverse_rows.by_claim(readings)
    judged = [
        multiverse_rows.judged(
            row,
            comparability.reason(row.needs, row.arm, listed),
            others.get((row.key, row.arm), []),
        )
        for row in table.itertuples()
    ]
    return conclusions.add(table.join(pd.DataFrame(judged, index=table.index)))


def scorecard(chapter: str) -> pd.DataFrame:
    """Every claim of the chapter in every arm, with the committed measurements and verdicts.

    An arm that a claim allows has a row whether it was measured or not; arm A is allowed where the
    claim has a tolerance for it. Results of rows that were withdrawn since are left out, and so are
    those whose measure changed: they are "not run", and ``why_not_run`` says what is measured now.
    """
    claims = reported(chapter)
    own = claims[claims.rests_on == ""]
    arms = {AUTHORS: own.index[own.tolerance.notna()], INDEPENDENT: own.index}
    allowed = [(key, arm) for arm, keys in arms.items() for key in keys]
    found = results(chapter)
    finished = run_card(chapter).get("finished", "")
    anew = registration.redefined(chapter, finished)
    found = found[found.key.isin(own.index) & ~found.key.isin(anew)]
    measured = pd.DataFrame(allowed, columns=["key", "arm"]).merge(found, how="outer")
    others = readings(chapter)
    others = others[~others.key.isin(anew)]
    judged = judge(measured, chapter, others, finished).assign(chapter=chapter)
    told = judged.key.map(anew).map("the run that is shown measured something else; now: {}".format)
    return judged.assign(why_not_run=judged.why_not_run.where(~judged.key.isin(anew), told))


def standardized(judged: pd.DataFrame, limit: float) -> pd.DataFrame:
    r"""Bring claims of all units to one scale, on which each verdict can be seen.

    .. math:: x = (\text{ours} - \text{reported}) / u

    The unit u is the tolerance; for an order without one it is half the width of our interval, for
    the paper's k of n rounds half the width of the interval around k / n. A number without any must
    be met exactly, so that any difference from it is infinite.

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
    judged = _with_deciding_interval(judged)
    above, below = judged.bound == ABOVE, judged.bound == BELOW
    half = ((judged.high - judged.low) / 2).where(above | below, 0)
    ends = [_ends(row) for row in judged.itertuples()]
    floor, ceiling = (pd.Series(end, judged.index) for end in zip(*ends, strict=True))
    reach = judged.tolerance.where(judged.bound != BINOMIAL, (ceiling - floor) / 2)
    unit = reach.where(reach > 0, half).astype(float)

    def scaled(difference: pd.Series) -> pd.Series:
        return (difference.astype(float) / unit).where(difference != 0, 0).clip(-limit, limit)

    return judged.assign(
        x=scaled(judged.value - judged.reported),
        x_low=scaled(judged.low - judged.reported),
        x_high=scaled(judged.high - judged.reported),
        floor=scaled(floor).where(~below, -limit),
        ceiling=scaled(ceiling).where(~above, limit),
    )


def _with_deciding_interval(judged: pd.DataFrame) -> pd.DataFrame:
    """The rows with the 90 % interval where it lies within the margin of an equality."""
    narrowed = judged.copy()
    for row in judged[judged.bound.eq(EQUAL) & judged.value.notna()].itertuples():
        ends = at_level(row.value, row.low, row.high, 0.90)
        if max(abs(end - row.reported) for end in ends) <= row.tolerance:
            narrowed.loc[row.Index, ["low", "high"]] = ends
    return narrowed


def _ends(row) -> tuple[float, float]:
    """Ends of what counts as reproduced, from the paper's number on."""
    if row.bound == BINOMIAL:
        ends = region(row.reported, 0, BINOMIAL, rounds=row.rounds, unit=row.unit)
        return ends[0] - row.reported, ends[1] - row.reported
    edge = row.tolerance
    return (edge if row.bound == ABOVE else -edge), (-edge if row.bound == BELOW else edge)
