"""Readings of a claim: how a row of results names one, and what they do to the verdict."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from helpers.measures import multiverse
from helpers.report import theme, verdicts

_MEASURED = ("value", "low", "high", "n")
_SAME = 1e-6  # results are rounded to six decimals


def written(choices: dict[str, str]) -> str:
    """A reading as results hold it: ``choice=option; choice=option``.

    Raises
    ------
    ValueError
        If there is no choice, or a name holds ``;`` or ``=``.
    """
    names = [str(name) for pair in choices.items() for name in pair]
    if not names or any(sign in name for name in names for sign in ";="):
        raise ValueError(f"reading {choices!r} needs a choice, and names without ';' and '='")
    return "; ".join(f"{choice}={option}" for choice, option in choices.items())


def parsed(reading: str) -> dict[str, str]:
    """The choices and options of a reading."""
    pairs = (part.partition("=") for part in reading.split(";"))
    return {choice.strip(): option.strip() for choice, _, option in pairs}


def by_claim(readings: pd.DataFrame | None) -> dict[tuple[str, str], list[dict]]:
    """The readings that were run, by claim and arm, each with one column per choice."""
    found: dict[tuple[str, str], list[dict]] = {}
    if readings is None:
        return found
    for row in readings.itertuples():
        if row.n > 0 and not math.isnan(row.value):
            measured = {name: getattr(row, name) for name in _MEASURED}
            entry = {**parsed(row.reading), **measured}
            found.setdefault((row.key, row.arm), []).append(entry)
    return found


def judged(row, deviation: str, others: list[dict]) -> dict:
    """The verdict on a row in one arm, with what led to it.

    Parameters
    ----------
    row
        Of the claims joined to measurements.
    deviation
        Why it is not comparable, or nothing.
    others
        Its further readings, from :func:`by_claim`. The main reading may stand among them, with
        its options, and counts once.

    Returns
    -------
    dict
        verdict, main_verdict, why, readings_run, readings_hold, turned_by.
    """
    found = {"verdict": verdicts.NOT_RUN, "main_verdict": verdicts.NOT_RUN, "why": ""}
    found |= {"readings_run": 0, "readings_hold": 0, "turned_by": ""}
    if math.isnan(row.value):
        return found | {"why": row.why_not_run}
    if deviation:
        outcome = verdicts.NOT_COMPARABLE
        return found | {"verdict": outcome, "main_verdict": outcome, "why": deviation}
    main = {name: getattr(row, name) for name in _MEASURED}
    listed = any(_equal(main, other) for other in others)
    table = pd.DataFrame(others if listed else [main, *others])
    outcomes = [_of_reading(row, reading) for reading in table.itertuples()]
    first = _of_reading(row, row)
    hold = outcomes.count(verdicts.REPRODUCED)
    verdict = verdicts.of_readings(first, outcomes)
    turned = multiverse.turning_choice(
        table, lambda interval: _of_reading(row, interval) == verdicts.REPRODUCED
    )
    found |= {"verdict": verdict, "main_verdict": first, "readings_run": len(outcomes)}
    found |= {"readings_hold": hold, "turned_by": turned}
    return found | {"why": _told(row, table, hold, turned) if len(outcomes) > 1 else ""}


def table_of(readings: pd.DataFrame, key: str, fixed: Mapping[str, str]) -> pd.DataFrame:
    """The readings of a claim with some choices fixed: a column each other choice, then numbers.

    `readings` is the frame of `claims.Measurements.readings`.
    """
    found = [
        {**parsed(row.reading), **{name: getattr(row, name) for name in _MEASURED}}
        for row in readings[readings.key == key].itertuples()
    ]
    table = pd.DataFrame([entry for entry in found if fixed.items() <= entry.items()])
    return table.drop(columns=list(fixed), errors="ignore")


def verdict_of(claim: pd.Series) -> Callable[[multiverse.Interval], str]:
    """The verdict on an interval by the rule of a claim, of our own material."""

    def judged(found: multiverse.Interval) -> str:
        return verdicts.verdict(
            claim.reported, claim.tolerance_b, found.low, found.high, claim.bound, value=found.value
        )

    return judged


def shares(judged: pd.DataFrame, *starts: str) -> pd.DataFrame:
    """Claims whose keys start so: the main number, and in what share of readings each holds.

    Conclusions, and claims that repeat another one, are left out.
    """
    counted = (judged.rests_on == "") & (judged.same_as == "")
    table = [
        {
            "claim": row.says,
            "ours, main reading": number(row),
            "main verdict": row.main_verdict,
            "holds in": f"{row.readings_hold} of {row.readings_run} readings",
            "turned most by": row.turned_by,
            "verdict": f"{theme.MARKS[row.verdict]} {row.verdict}",
        }
        for row in judged[judged.key.str.startswith(starts) & counted].itertuples()
    ]
    return pd.DataFrame(table).set_index("claim")


def number(row) -> str:
    """A measured number with its interval, if it has a width, and unit; empty if not measured."""
    if pd.isna(row.value):
        return ""
    ends = f" [{theme.number(row.low)}, {theme.number(row.high)}]" if row.low < row.high else ""
    return f"{theme.number(row.value)}{ends} {row.unit}"


def _told(row, table: pd.DataFrame, hold: int, turned: str) -> str:
    text = f"holds in {hold} of {len(table)} readings"
    if not turned:
        return text
    by_option = multiverse.shares_by_option(
        table, lambda found: _of_reading(row, found) == verdicts.REPRODUCED
    )
    options = by_option[by_option.choice == turned]
    listed = ", ".join(f"{o.option} {o.share:.0%}" for o in options.itertuples())
    return f"{text}; most by {turned} ({listed})"


def _of_reading(row, found) -> str:
    return verdicts.verdict(
        row.reported,
        row.tolerance,
        found.low,
        found.high,
        row.bound,
        value=found.value,
        rounds=row.rounds,
        unit=row.unit,
    )


def _equal(one: dict, other: dict) -> bool:
    return all(abs(one[name] - other[name]) <= _SAME for name in _MEASURED)
