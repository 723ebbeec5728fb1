"""What runs cost: measured, or counted: ``notebooks/costs.yaml``, the one table of it.

It has what each notebook computes most, as products of its parameters, and how long one of them
takes; and what runs of whole profiles took. A count is an estimate to decide by, right within a
factor of two or three. Imports little, as the command line asks it before each run.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from helpers.store import paths, reading, yaml_files

TABLE = paths.NOTEBOOKS / "costs.yaml"
MEASURED = (
    "notebook", "profile", "seconds", "memory_mb", "disk_mb", "device", "commit", "date",
)  # fmt: skip
WITHOUT_UNITS, WITH_UNITS = 8.0, 0.5  # times as long in bfloat16 as in float32, on a processor


def hours(name: str, values: dict[str, Any], *, slow: bool = False) -> float:
    """Hours of one thread of a processor that a run takes; 0 where nothing is known of it.

    Each entry of the table is a product: seconds of one computation, times its parameters. A list
    among these is a sum; a text counts as many as it has parts.

    Parameters
    ----------
    name
        The notebook.
    values
        Its parameters.
    slow
        Whether the processor has no units for bfloat16, if that is asked for.

    Raises
    ------
    reading.Damaged
        If the table counts by what is no parameter of the notebook, or an entry is no product.
    """
    try:
        return sum(_seconds(term, values, slow) for term in table()["work"].get(name, [])) / 3600
    except (KeyError, TypeError, AttributeError) as error:
        raise reading.Damaged(
            f"{reading.shown(TABLE)}: the work of {name} cannot be counted ({error} is missing or "
            f"no parameter); {reading.mend(TABLE)}"
        ) from error


def measured() -> list[dict[str, Any]]:
    """Runs of whole profiles: notebook, profile, seconds of one thread, memory and disk in MB.

    Raises
    ------
    reading.Damaged
        If one lacks an entry.
    """
    rows = list(table().get("measured", []))
    for row in rows:
        if missing := [key for key in MEASURED if key not in row]:
            raise reading.Damaged(
                f"{reading.shown(TABLE)}: a measured run lacks {missing[0]!r}; "
                f"{reading.mend(TABLE)}"
            )
    return rows


def memory_mb(name: str, profile: str) -> tuple[int, int]:
    """The estimated MB at most of a notebook's process and of its GPU; 0 where none is known."""
    process, gpu = table().get("memory", {}).get(name, {}).get(profile, (0, 0))
    return process, gpu


def gpu_hours(name: str) -> float:
    """Hours of the profile paper on a GPU, estimated; 0 where nothing is known."""
    return float(table().get("gpu_hours", {}).get(name, 0))


def duration(seconds: float) -> str:
    """Seconds in the unit that fits: "45 s", "12 min", "3.4 h", "12 days"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 100 else f"{hours / 24:.0f} days"


def _seconds(term: dict[str, Any], values: dict[str, Any], slow: bool) -> float:
    if any(values[key] == value for key, value in term.get("unless", {}).items()):
        return 0.0
    total = math.prod(_number(factor, values) for factor in term["times"])
    if term.get("in_precision") and values.get("precision") == "bfloat16":
        total *= WITHOUT_UNITS if slow else WITH_UNITS
    if "seconds" in term:
        return total * term["seconds"]
    names = str(values[term["passes"]]).split()
    if term.get("first"):
        names = names[:1]
    known = table()["pass"]
    return total * sum(known.get(name.split(":")[-1], known["other"]) for name in names)


def _number(factor: Any, values: dict[str, Any]) -> float:
    """A number; a parameter's value, of a text the count of its parts; a list is a sum of these."""
    if isinstance(factor, list):
        return sum(_number(part, values) for part in factor)
    if isinstance(factor, int | float):
        return factor
    value = values[factor]
    if isinstance(value, str):
        return len(value.split(";") if ";" in value else value.split())
    return float(value)


@lru_cache(maxsize=1)
def table() -> Mapping[str, Any]:
    """All that ``notebooks/costs.yaml`` has; an empty table where there is none.

    Raises
    ------
    reading.Damaged
        If the file is damaged, or lacks one of its two tables of work.
    """
    needed = ("work", "pass")
    if not TABLE.is_file():
        return {name: {} for name in needed}
    held = yaml_files.held_by(TABLE)
    if missing := [name for name in needed if not isinstance(held.get(name), dict)]:
        raise reading.Damaged(
            f"{reading.shown(TABLE)} lacks the table {missing[0]!r}; {reading.mend(TABLE)}"
        )
    return held
