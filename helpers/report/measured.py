"""What a chapter measured, row by row: measurements of claims, and the same in other readings."""

import math

import pandas as pd

from helpers.report import multiverse_rows

RESULTS = ["key", "arm", "value", "low", "high", "n"]
READINGS = ["key", "arm", "reading", "value", "low", "high", "n"]


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
    return dict(zip(RESULTS, (key, arm, value, low, high, n), strict=True))


def reading(
    key: str, arm: str, choices: dict[str, str], value: float, low: float, high: float, n: int
) -> dict:
    """One row of readings: as `measurement`, under other options of what the paper leaves open.

    Parameters
    ----------
    choices
        From the choice's name to the option's, such as ``{"layer": "blocks.4"}``.

    Raises
    ------
    ValueError
        If there is no choice, or a name holds ``;`` or ``=``.
    """
    row = measurement(key, arm, value, low, high, n)
    return {**row, "reading": multiverse_rows.written(choices)}


class Measurements(dict[str, list[dict]]):
    """A chapter's measurements by section, so that a cell that runs twice measures once.

    ``measured["accuracy"] = [claims.measurement(...), ...]`` replaces what the section held.
    """

    def table(self) -> pd.DataFrame:
        """All measurements, columns key, arm, value, low, high, n.

        Raises
        ------
        ValueError
            If two rows measure the same claim with the same material.
        """
        rows = [row for section in self.values() for row in section if "reading" not in row]
        table = pd.DataFrame(rows, columns=RESULTS)
        refuse_repeated(table)
        return table

    def readings(self) -> pd.DataFrame:
        """All rows that `reading` made, columns key, arm, reading, value, low, high, n.

        Raises
        ------
        ValueError
            If a claim stands twice under one reading and arm.
        """
        rows = [row for section in self.values() for row in section if "reading" in row]
        table = pd.DataFrame(rows, columns=READINGS)
        repeated = table[table.duplicated(["key", "arm", "reading"])]
        if len(repeated):
            key, _, reading_, *_ = repeated.iloc[0].tolist()
            raise ValueError(f"claim {key!r} is measured twice under {reading_!r}")
        return table


def refuse_repeated(measured: pd.DataFrame) -> None:
    """Refuse measurements (columns key, arm) that measure a claim twice for one arm.

    Raises
    ------
    ValueError
        With the claim and the arm.
    """
    repeated = measured[measured.duplicated(["key", "arm"])]
    if len(repeated):
        raise ValueError(
            f"claim {repeated.key.iloc[0]!r} is measured twice for arm {repeated.arm.iloc[0]}; "
            "measure it in one section"
        )
