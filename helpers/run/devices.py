"""Which GPU a run gets: one of its own, however many runs start at the same time.

A scheduler's count of GPUs (``gpu=1`` of Snakemake on one machine) names none, so that all runs
would take the first. Here a run claims one by a lock file, and sees no other. Within a job of Slurm
or a pod these are the devices that it was given.
"""

import getpass
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.store import locks

VISIBLE = "CUDA_VISIBLE_DEVICES"
_POLL = 0.5  # seconds between looks for a free device


def visible() -> list[str]:
    """The GPUs that runs may use here, by number or UUID; none where ``XAI_DEVICE`` names another.

    ``CUDA_VISIBLE_DEVICES`` counts where it is set, as by Slurm, else what ``nvidia-smi`` lists.
    """
    if os.environ.get("XAI_DEVICE", "").strip() not in ("", "cuda"):
        return []
    if VISIBLE in os.environ:
        named = [word.strip() for word in os.environ[VISIBLE].split(",")]
        return [word for word in named if word and word != "-1"]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))] if listed.returncode == 0 else []


@contextmanager
def leased(devices: list[str], each: int = 1) -> Iterator[tuple[dict[str, str], list[int]]]:
    """Claim one of the devices, waiting until one is free.

    Parameters
    ----------
    devices
        From :func:`visible`; with none of them nothing is claimed.
    each
        How many runs may share a device.

    Yields
    ------
    environment
        What a run is started with, so that it sees this device alone.
    handles
        Of the claim, for the run to keep until it ends.
    """
    if not devices:
        yield {}, []
        return
    places = [(device, place) for place in range(each) for device in devices]
    while True:
        for device, place in places:
            with locks.claimed(_lock(device, place)) as handle:
                if handle is not None:
                    yield {VISIBLE: device}, [handle]
                    return
        time.sleep(_POLL)


def _lock(device: str, place: int) -> Path:
    job = os.environ.get("SLURM_JOB_ID", "")  # in two jobs, "0" may mean two devices
    whose = f"{getpass.getuser()}-{socket.gethostname()}-{job}"
    folder = Path(tempfile.gettempdir()) / f"xai-devices-{whose}"
    return folder / f"{device.replace('/', '-')}-{place}.lock"
