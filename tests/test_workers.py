"""Runs side by side: with commands of the shell in place of notebooks, which take too long here."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.run import devices, workers
from helpers.store import locks, paths


def job(folder, name, command="true", needs=(), makes=True):
    """A job that runs a command of the shell, notes that it ran, and then puts its result down.

    It notes, too, that it began, and whether its result was there by then.
    """
    result = folder / "results" / name
    noted = f"if [ -e results/{name} ]; then echo {name} >> twice; fi; echo {name} >> began"
    text = f"{noted}; {command} && echo {name} >> ran"
    if makes:
        text += f" && echo of {name} > {name}.tmp && mv {name}.tmp results/{name}"
    result.parent.mkdir(exist_ok=True)
    place = folder / "state" / name
    return workers.Job(name, ["sh", "-ec", text], place, tuple(needs), result.exists)


def ran(folder, note="ran"):
    file = folder / note
    return file.read_text().split() if file.exists() else []


def test_what_is_done_is_not_run_again(tmp_path):
    jobs = [job(tmp_path, name) for name in "abc"]
    (tmp_path / "results/b").write_text("before")

    ended = workers.fill(jobs, at_once=2, folder=tmp_path)

    assert ended == {"a": "done", "b": "fresh", "c": "done"}
    assert sorted(ran(tmp_path)) == ["a", "c"]
    assert workers.fill(jobs, folder=tmp_path) == dict.fromkeys("abc", "fresh")
    assert sorted(ran(tmp_path)) == ["a", "c"]
    assert not list((tmp_path / "state").glob("*.lock"))


def test_a_job_waits_for_what_it_needs(tmp_path):
    parts = [job(tmp_path, f"part{number}", "sleep 0.3") for number in (1, 2)]
    whole = job(tmp_path, "whole", needs=["part1", "part2", "of another call"])

    assert set(workers.fill([whole, *parts], at_once=3, folder=tmp_path).values()) == {"done"}

    assert ran(tmp_path)[-1] == "whole"


def test_what_needs_a_failed_job_is_blocked_and_the_rest_goes_on(tmp_path):
    jobs = [
        job(tmp_path, "bad", "echo 'out of luck' >&2; exit 3"),
        job(tmp_path, "after", needs=["bad"]),
        job(tmp_path, "last", needs=["after"]),
        job(tmp_path, "good"),
    ]

    ended = workers.fill(jobs, folder=tmp_path)

    assert ended == {"bad": "failed", "after": "blocked", "last": "blocked", "good": "done"}
    assert ran(tmp_path) == ["good"]
    assert (tmp_path / "state/bad.log").read_text() == "out of luck\n"
    assert json.loads((tmp_path / "state/bad.failed").read_text())["code"] == 3


def test_a_failed_job_runs_again_next_time_and_its_failure_is_forgotten(tmp_path):
    bad = job(tmp_path, "a", "test -e luck")
    assert workers.fill([bad], folder=tmp_path) == {"a": "failed"}
    (tmp_path / "luck").touch()

    assert workers.fill([bad], folder=tmp_path) == {"a": "done"}

    assert not (tmp_path / "state/a.failed").exists()


def test_a_job_that_ends_well_without_its_result_has_failed(tmp_path):
    assert workers.fill([job(tmp_path, "a", makes=False)], folder=tmp_path) == {"a": "failed"}

    assert "not there" in json.loads((tmp_path / "state/a.failed").read_text())["why"]


def test_the_cost_holds_the_memory_of_a_process_that_the_job_began(tmp_path):
    (tmp_path / "large.py").write_text("import time; b = b'x' * 150_000_000; time.sleep(1)")

    workers.fill(
        [job(tmp_path, "a", f"{shlex.quote(sys.executable)} -S large.py")], folder=tmp_path
    )

    cost = json.loads((tmp_path / "state/a.cost").read_text())
    assert 150 <= cost["peak_mb"] < 300
    assert cost["seconds"] > 0


def test_jobs_side_by_side_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.delenv(workers.THREADS, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 9)

    workers.fill(
        [job(tmp_path, "a", "echo $OMP_NUM_THREADS > threads")], at_once=4, folder=tmp_path
    )

    assert (tmp_path / "threads").read_text() == "2\n"


# --- devices ---


def test_each_job_has_a_gpu_of_its_own(tmp_path):
    command = (
        "d=$CUDA_VISIBLE_DEVICES; mkdir on-$d && echo $d >> devices && sleep 0.3 && rmdir on-$d"
    )
    jobs = [job(tmp_path, f"job{number}", command) for number in range(6)]
    gpus = [f"{os.getpid()}-0", f"{os.getpid()}-1"]

    ended = workers.fill(jobs, at_once=4, gpus=gpus, folder=tmp_path)

    assert set(ended.values()) == {"done"}, "two jobs were on one device, whose folder was there"
    assert set((tmp_path / "devices").read_text().split()) == {*gpus}


def test_a_gpu_is_shared_only_by_as_many_as_are_asked_for(tmp_path):
    shared = [f"{os.getpid()}"], 2
    with devices.leased(*shared) as (first, _), devices.leased(*shared) as (second, _):
        held = sorted(devices._lock(f"{os.getpid()}", place).exists() for place in (0, 1, 2))

    assert first == second == {devices.VISIBLE: f"{os.getpid()}"}
    assert held == [False, True, True]


def test_devices_are_those_that_are_visible(monkeypatch):
    monkeypatch.delenv("XAI_DEVICE", raising=False)
    monkeypatch.setenv(devices.VISIBLE, "2, GPU-8f ,-1")
    assert devices.visible() == ["2", "GPU-8f"]
    monkeypatch.setenv(devices.VISIBLE, "")
    assert devices.visible() == []
    monkeypatch.setenv(devices.VISIBLE, "0,1")
    monkeypatch.setenv("XAI_DEVICE", "cpu")
    assert devices.visible() == []
    monkeypatch.setenv("XAI_DEVICE", "cuda")
    assert devices.visible() == ["0", "1"]


def test_the_first_devices_of_two_slurm_jobs_are_two_devices(monkeypatch):
    locks_of_jobs = set()
    for job_number in ("17", "18"):
        monkeypatch.setenv("SLURM_JOB_ID", job_number)
        locks_of_jobs.add(devices._lock("0", 0))

    assert len(locks_of_jobs) == 2


def test_devices_are_counted_by_nvidia_smi(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: H200 (UUID: GPU-1)'\necho 'GPU 1: H200'\n")
    program.chmod(0o755)
    for name in (devices.VISIBLE, "XAI_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert devices.visible() == ["0", "1"]


# --- several processes, and kills ---

FILLS = """
import sys, pathlib
sys.path[:0] = [sys.argv[1]]
import test_workers
from helpers.run import workers
folder = pathlib.Path(sys.argv[2])
ended = workers.fill(test_workers.many(folder), at_once=2, folder=folder)
sys.exit(not {*ended.values()} <= {"done", "fresh"})
"""
COUNT = 20


def many(folder: Path):
    """A matrix of tiny runs, the last of which merges the others."""
    names = [f"run{number}" for number in range(COUNT)]
    runs = [job(folder, name, "sleep 0.5") for name in names]
    merge = "cat results/run* > merged"
    return [*runs, job(folder, "whole", merge, names)]


def filling(folder):
    return subprocess.Popen(
        [sys.executable, "-c", FILLS, str(Path(__file__).parent), str(folder)],
        cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def results(folder):
    return {file.name: file.read_text() for file in (folder / "results").iterdir()}


def test_two_processes_fill_one_matrix_and_nothing_is_lost_or_made_twice(tmp_path):
    both = [filling(tmp_path) for _ in range(2)]

    outputs = [process.communicate(timeout=120)[0].decode() for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(ran(tmp_path)) == sorted([f"run{number}" for number in range(COUNT)] + ["whole"])
    started = [output.count(": started") for output in outputs]
    assert sum(started) == COUNT + 1
    assert min(started) > 0


def children_of(pid):
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if int(line.split()[1]) == pid]


def kill(process, everything):
    """Kill a process at once, and its runs with it if `everything`, as when a machine goes down."""
    children = children_of(process.pid)
    process.kill()
    for child in children if everything else []:
        for victim in [*children_of(child), child]:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait()


@pytest.mark.slow
def test_thirty_kills_end_in_the_results_of_an_unbroken_run_and_nothing_finished_runs_twice(
    tmp_path,
):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for folder in (unbroken, broken):
        folder.mkdir()
    workers.fill(many(unbroken), at_once=4, folder=unbroken)
    chance = random.Random(0)

    for number in range(30):
        process = filling(broken)
        while process.poll() is None and not children_of(process.pid):
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.8))
        kill(process, everything=number % 2 == 0)
    process = filling(broken)

    assert process.wait(timeout=120) == 0
    assert results(broken) == results(unbroken)
    assert ran(broken, "twice") == []
    assert len(ran(broken, "began")) > len(ran(unbroken, "began"))  # the kills did cut runs short
    assert not list((broken / "state").glob("*.failed"))


def test_a_run_goes_on_when_the_one_who_began_it_is_killed_and_is_waited_for(tmp_path):
    process = filling(tmp_path)
    while not (tmp_path / "state/run0.lock").exists() or not children_of(process.pid):
        time.sleep(0.02)
    kill(process, everything=False)

    assert locks.holder(tmp_path / "state/run0.lock")
    assert filling(tmp_path).wait(timeout=120) == 0
    assert ran(tmp_path).count("run0") == 1


def test_ctrl_c_ends_all_runs_and_counts_none_as_failed(tmp_path):
    stopped = "trap 'exit 143' TERM; sleep 60 & wait; touch slept"
    jobs = [job(tmp_path, name, stopped) for name in "ab"]
    told = []
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1)
    with pytest.raises(KeyboardInterrupt):
        workers.fill(jobs, at_once=2, folder=tmp_path, report=told.append)

    assert not (tmp_path / "slept").exists()
    assert sum("stopped" in line for line in told) == 2
    assert not list((tmp_path / "state").glob("*.failed"))
