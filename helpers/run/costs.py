"""What a run will cost, told before it starts: hours from counted work and measured seconds.

``notebooks/costs.yaml`` has what each notebook computes most, as products of its parameters, and
how long one of them takes. It is an estimate to decide by, right within a factor of two or three.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from helpers.store import paths, shards

if TYPE_CHECKING:
    import torch

TABLE = paths.NOTEBOOKS / "costs.yaml"
WORTH_TELLING = 0.5  # hours
WITHOUT_UNITS, WITH_UNITS = 8.0, 0.5  # times as long in bfloat16 as in float32, on a processor
BFLOAT16 = (
    "In bfloat16, which this device has no units for, networks take about "
    f"{WITHOUT_UNITS:.0f} times as long as in float32: give -p precision float32."
)


def notes(name: str, values: dict[str, Any], device: "torch.device") -> list[str]:
    """What is to be said before a run with these parameters starts on a device, as sentences."""
    from helpers.inputs import devices

    slow = values.get("precision") == "bfloat16" and devices.is_slow_in_bfloat16(device)
    said = [BFLOAT16] if slow else []
    if device.type == "cpu":
        import torch

        threads = torch.get_num_threads()
        _, parts = shards.numbers(values.get(shards.PARAMETER, shards.WHOLE))
        needed = hours(name, values, slow=slow) / threads / parts
        if needed >= WORTH_TELLING:
            said.append(
                f"It may take {in_words(needed)} on this processor, {threads} threads "
                "(estimated; parts that are kept from earlier runs are not made again)."
            )
    elif values["profile"] == "paper" and (known := _table().get("gpu_hours", {}).get(name)):
        said.append(f"It may take {in_words(known)} on a GPU such as an H100 (estimated by count).")
    return said


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
    """
    return sum(_seconds(term, values, slow) for term in _table()["work"].get(name, [])) / 3600


def in_words(needed: float) -> str:
    """Hours as one says them: minutes, hours or days, to one digit or two."""
    if needed < 1:
        return f"{max(round(60 * needed, -1), 10):.0f} minutes"
    if needed < 1.5:
        return "an hour"
    return f"{_rounded(needed)} hours" if needed < 48 else f"{_rounded(needed / 24)} days"


def _rounded(number: float) -> str:
    """A number of 1.5 or more, to two digits at most."""
    return f"{round(number, min(1 - math.floor(math.log10(number)), 0)):.0f}"


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
    known = _table()["pass"]
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
def _table() -> dict[str, Any]:
    if not TABLE.is_file():
        return {"work": {}, "pass": {}}
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))
