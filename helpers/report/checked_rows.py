"""What a row of results, or of the papers' claims, must be before anything is judged by it.

A file that was edited by hand may hold an arm that is none, a value outside its interval, or a
tolerance that anything fits. Each is refused with the file's name, the row and how to mend it.
"""

import math
from pathlib import Path

import pandas as pd

from helpers.report.verdicts import BINOMIAL
from helpers.store import reading

ARMS = ("A", "B")  # the authors' own material, and ours
MEASURED = ("value", "low", "high", "n")


def results(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A table of measurements with the columns key, arm, value, low, high, n, if its rows are such.

    Raises
    ------
    reading.Damaged
        If an arm is none, a cell is no number, n no count, or a value is not within its interval.
    """
    numbers = {name: _numbers(file, table, name) for name in MEASURED}
    for place, key in enumerate(table.key):
        value, low, high, n = (numbers[name][place] for name in MEASURED)
        if table.arm[place] not in ARMS:
            _refuse(file, key, f"the arm is {str(table.arm[place])!r}; expected A or B")
        if not n >= 0 or n % 1:
            _refuse(file, key, f"n is {n:g}; expected a whole number of observations, 0 or more")
        if not math.isnan(value) and not n:
            _refuse(file, key, f"there is a value, {value:g}, without an observation")
        if not math.isnan(value) and not -math.inf < low <= value <= high < math.inf:
            _refuse(file, key, f"{value:g} does not lie in its interval, {low:g} to {high:g}")
    return table


def claims(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A table of the papers' claims by key, if each row has the numbers that judge it.

    Raises
    ------
    reading.Damaged
        If a row that is measured has no number of the paper's or no tolerance, a tolerance is
        negative or holds anything, or rounds are no count.
    """
    names = ("reported", "tolerance", "tolerance_b", "rounds")
    numbers = {name: _numbers(file, table, name) for name in names}
    for place, (key, row) in enumerate(table.iterrows()):
        given = {name: numbers[name][place] for name in names}
        if wrong := [name for name, number in given.items() if math.isinf(number)]:
            _refuse(file, str(key), f"{wrong[0]} is infinite; anything would fit")
        if wrong := [name for name in names[1:] if given[name] < 0]:
            _refuse(file, str(key), f"{wrong[0]} is {given[wrong[0]]:g}; expected 0 or more")
        if row.rests_on:
            continue  # judged by other rows
        needed = ["reported", "rounds" if row.bound == BINOMIAL else "tolerance_b"]
        if missing := [name for name in needed if math.isnan(given[name])]:
            _refuse(file, str(key), f"{missing[0]} is empty; without it there is no verdict")
        if not math.isnan(given["rounds"]) and (given["rounds"] % 1 or given["rounds"] < 1):
            _refuse(file, str(key), f"rounds is {given['rounds']:g}; expected a count")
    return table


def _numbers(file: Path, table: pd.DataFrame, name: str) -> list[float]:
    """A column's numbers, NaN where a cell is empty."""
    found = pd.to_numeric(table[name], errors="coerce")
    wrong = found.isna() & table[name].notna()
    if wrong.any():
        row = table[wrong].iloc[0]
        key = row.key if "key" in table else row.name
        _refuse(file, key, f"{name} is {row[name]!r}; expected a number")
    return found.astype(float).tolist()


def _refuse(file: Path, key: str, why: str) -> None:
    raise reading.Damaged(f"{reading.shown(file)}, {key}: {why}; {reading.mend(file)}")
