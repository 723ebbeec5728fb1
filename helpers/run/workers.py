"""Runs side by side, each in a process of its own; nothing that is done or under way runs twice.

A run is claimed before it starts, and its process holds the claim: if this one is killed, the run
goes on, and the next call waits for it. Knows no notebook: what a job does is its command.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

from helpers.run import devices, memory
from helpers.store import files, locks

DONE, FRESH, FAILED, ELSEWHERE, BLOCKED = "done", "fresh", "failed", "elsewhere", "blocked"
STOPPED = (130, 143, -signal.SIGINT, -signal.SIGTERM)  # exit statuses of what was asked to end
THREADS = "OMP_NUM_THREADS"


class Job(NamedTuple):
    """What runs.

    Attributes
    ----------
    name
        In reports.
    command
        The words of its process.
    place
        Its lock, its log, its record of a failure and of what it cost: this with an ending.
    needs
        Names of the jobs that come first.
    is_done
        Whether its result is there and fits; asked again once it is claimed.
    """

    name: str
    command: Sequence[str]
    place: Path
    needs: tuple[str, ...]
    is_done: Callable[[], bool]

    def file(self, ending: str) -> Path:
        """Its file with an ending, such as ``.log``."""
        return self.place.with_name(self.place.name + ending)


def fill(
    jobs: Iterable[Job],
    *,
    at_once: int = 1,
    gpus: Sequence[str] = (),
    each: int = 1,
    folder: Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, str]:
    """Run all jobs that are not done, those that they need first.

    Parameters
    ----------
    jobs
        All of them.
    at_once
        How many run at the same time.
    gpus, each
        Devices, of which every job gets one, and how many jobs may share one.
    folder
        Where jobs run.
    report
        Is told a line for each job that starts or ends.

    Returns
    -------
    dict
        By name: done (by this call), fresh (before it, or by another process), failed, or blocked
        (something that it needs failed).
    """
    waiting = {job.name: job for job in jobs}
    known = frozenset(waiting)
    ended: dict[str, str] = {}
    running: dict[Future[str], Job] = {}
    elsewhere: set[str] = set()
    children = Children()
    threads = _threads(at_once)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while waiting or running:
                for job in _ready(waiting, known, ended):
                    del waiting[job.name]
                    how = job.name in elsewhere, threads, gpus, each, folder, report, children
                    running[pool.submit(run_one, job, *how)] = job
                if not running:
                    ended |= dict.fromkeys(waiting, BLOCKED)
                    break
                for task in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(task)
                    if task.result() == ELSEWHERE:  # the others first, then wait for it
                        elsewhere.add(job.name)
                        waiting[job.name] = job
                    else:
                        ended[job.name] = task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    return ended


class Children:
    """The processes under way, to be stopped together; after that none starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen] = set()
        self._stopped = False

    def start(self, command: list[str], **how: Any) -> subprocess.Popen:
        """Start a process in a session of its own: a terminal's Ctrl-C reaches it by `stop` only.

        Raises
        ------
        KeyboardInterrupt
            After `stop`.
        """
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(command, start_new_session=True, **how)
            self._live.add(process)
        return process

    def ended(self, process: subprocess.Popen) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._live.discard(process)

    def stop(self) -> None:
        """Ask all to end. Not by Ctrl-C's signal: what a shell starts aside may ignore that one."""
        with self._lock:
            self._stopped = True
            for process in self._live:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)


def _ready(waiting: dict[str, Job], known: frozenset[str], ended: dict[str, str]) -> list[Job]:
    """Jobs whose needs are met; a need that is no job of this call counts as met."""
    met = {name for name, state in ended.items() if state in (DONE, FRESH)}
    return [job for job in waiting.values() if met.issuperset(known.intersection(job.needs))]


def run_one(
    job: Job,
    patient: bool = True,
    threads: int = 0,
    gpus: Sequence[str] = (),
    each: int = 1,
    folder: Path | None = None,
    report: Callable[[str], None] = print,
    children: "Children | None" = None,
) -> str:
    """Run one job unless it is done, and write down what it cost or how it failed.

    Parameters
    ----------
    job
        What to run.
    patient
        Whether to wait for a process that runs it already, or to come back with "elsewhere".
    threads
        How many its process may use; 0 leaves that to it.
    gpus, each, folder, report
        As in :func:`fill`.
    children
        The processes under way.
    """
    if job.is_done():
        return FRESH
    if patient and (holder := locks.holder(job.file(".lock"))):
        report(f"{job.name}: waits for {holder}, which runs it")
    with locks.claimed(job.file(".lock"), wait=patient) as claim:
        if claim is None:
            return ELSEWHERE
        if job.is_done():
            return FRESH
        with devices.leased(list(gpus), each) as (environment, handles):
            if threads:
                environment = {THREADS: str(threads)} | environment
            report(f"{job.name}: started")
            how = [claim, *handles], folder, report, children or Children()
            return _ran(job, environment, *how)


def _ran(
    job: Job,
    environment: dict[str, str],
    handles: list[int],
    folder: Path | None,
    report: Callable[[str], None],
    children: Children,
) -> str:
    started = time.monotonic()
    with job.file(".log").open("wb") as log:
        process = children.start(
            list(job.command), cwd=folder, env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=handles,
        )  # fmt: skip
        code, peak = memory.wait(process)
        children.ended(process)
    record: dict[str, Any] = {
        "seconds": round(time.monotonic() - started, 1),
        "peak_mb": peak,
        "code": code,
    }
    record |= {"device": environment.get(devices.VISIBLE, ""), "finished": round(time.time())}
    if code in STOPPED:
        report(f"{job.name}: stopped; what it kept is there for the next time")
        return FAILED
    if code == 0 and not job.is_done():
        code, record["why"] = 1, "what it made is not there, or does not fit the present code"
    told = json.dumps(record).encode()
    if code:
        files.write_atomically(job.file(".failed"), told)
        report(f"{job.name}: failed; its last words stand in {job.file('.log')}")
        return FAILED
    files.write_atomically(job.file(".cost"), told)
    job.file(".failed").unlink(missing_ok=True)
    report(f"{job.name}: done in {record['seconds']:.0f} s")
    return DONE


def _threads(at_once: int) -> int:
    """How many threads a job may use beside others; 0 leaves that to it."""
    if at_once == 1 or THREADS in os.environ:
        return 0
    return max(1, (os.cpu_count() or 1) // at_once)
