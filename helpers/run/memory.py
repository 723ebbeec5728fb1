"""How much memory a process and those that it began have taken at most, as Linux tells it.

Not by ``getrusage``: what it says of a child begins with the size of the parent.
"""

import subprocess
import time
from pathlib import Path

_PROC = Path("/proc")
_LONGEST = 1.0  # seconds between two looks


def wait(process: subprocess.Popen) -> tuple[int, int]:
    """Wait for a process, and give its exit status and the most MB of any one process within it.

    Looks up to once a second, so that growth in the last second is not seen; 0 MB where there is no
    ``/proc``.
    """
    peak, pause = 0, 0.01
    while (code := process.poll()) is None:
        peak = max(peak, peak_mb(process.pid))
        time.sleep(pause)
        pause = min(_LONGEST, 1.3 * pause)
    return code, peak


def peak_mb(root: int) -> int:
    """The largest memory, in MB, that the process `root` or one that it began has had so far."""
    return max(map(_high_water_mb, [root, *descendants(root)]), default=0)


def descendants(root: int) -> list[int]:
    """The processes that a process began, and those that these began."""
    parents = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(after_name[1])
    found, waiting = [], [root]
    while waiting:
        children = [child for child, parent in parents.items() if parent == waiting[-1]]
        waiting = [*waiting[:-1], *children]
        found += children
    return found


def _high_water_mb(process: int) -> int:
    try:
        lines = (_PROC / str(process) / "status").read_text().splitlines()
    except OSError:
        return 0
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return round(sizes[0] * 1024 / 1e6) if sizes else 0
