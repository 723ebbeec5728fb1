"""What a run will cost, told before it starts, in sentences; counted in `helpers.report`."""

import math
from typing import TYPE_CHECKING, Any

from helpers.report import counted
from helpers.store import shards

if TYPE_CHECKING:
    import torch

WORTH_TELLING = 0.5  # hours
BFLOAT16 = (
    "In bfloat16, which this device has no units for, networks take about "
    f"{counted.WITHOUT_UNITS:.0f} times as long as in float32: give -p precision float32."
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
        needed = counted.hours(name, values, slow=slow) / threads / parts
        if needed >= WORTH_TELLING:
            said.append(
                f"It may take {in_words(needed)} on this processor, {threads} threads "
                "(estimated; parts that are kept from earlier runs are not made again)."
            )
    elif values["profile"] == "paper" and (known := counted.gpu_hours(name)):
        said.append(f"It may take {in_words(known)} on a GPU such as an H100 (estimated by count).")
    return said


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
