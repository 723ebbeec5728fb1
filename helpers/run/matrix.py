"""The matrix of runs: ``python -m helpers.run --matrix`` and ``--status``.

Without a further program it runs in processes side by side. Snakemake, where it is installed, asks
the same questions (``--plan``) and calls the same runs (``--cell``), here or on a cluster.
"""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.run import devices, grid, parameters, seeds_of_runs, status_of_runs, workers
from helpers.run.status_of_runs import FRESH, Known
from helpers.store import files, paths, reading


def main(arguments: list[str]) -> int:
    """Entry point; 0: done, 1: a run failed, 2: what was asked for is wrong, 130: stopped."""
    wanted = _parser().parse_args(arguments)
    try:
        cells = grid.cells(wanted.grid, wanted.profile, wanted.name)
        if wanted.cell and wanted.cell not in cells:
            raise parameters.WrongParameter(
                f"the grid has no run {wanted.cell!r}; it has: {', '.join(cells)}"
            )
        states = status_of_runs.known(cells)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
        return _do(wanted, states)
    except (parameters.WrongParameter, reading.Damaged) as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nhelpers.run: stopped; run it again to go on from what was kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.run",
        description="Run a grid of notebooks, parameters and seeds: what is missing or stale.",
    )
    parser.add_argument("name", nargs="?", help="a notebook, of which alone runs are wanted")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--matrix", action="store_true", help="run all that is not fresh")
    what.add_argument(
        "--status", action="store_true", help="say what is fresh and what mends the rest; run none"
    )
    what.add_argument("--cell", metavar="RUN", help="run this one of the grid, unless it is fresh")
    what.add_argument("--plan", type=Path, metavar="FILE", help="write the runs as JSON; run none")
    what.add_argument("--seeds", action="store_true", help="pool the seeds of what is fresh")
    parser.add_argument(
        "--grid", type=Path, default=grid.GRID, help="default: notebooks/matrix.yaml"
    )
    parser.add_argument(
        "--profile",
        choices=parameters.PROFILES,
        help="in place of the profiles that the grid names",
    )
    parser.add_argument(
        "--jobs", type=_count, help="runs at the same time; default: one a GPU, or four cores"
    )
    parser.add_argument("--per-gpu", type=_count, default=1, help="runs that share a GPU")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1000")
    return int(text)


def _do(wanted: argparse.Namespace, states: Mapping[str, Known]) -> int:
    if wanted.status:
        print(status_of_runs.table(states, _mend(wanted)))
        if told := seeds_of_runs.told(states.values()):
            print(f"\n{told}")
        return 0
    if wanted.plan:
        files.write_atomically(wanted.plan, json.dumps(plan(states), indent=1).encode())
        return 0
    if wanted.seeds:
        for file in seeds_of_runs.write(states.values()):
            print(f"seeds pooled: {_shown(file)}")
        return 0
    return _run(wanted, states)


def _run(wanted: argparse.Namespace, states: Mapping[str, Known]) -> int:
    gpus = devices.visible()
    by_itself = max(1, len(gpus) * wanted.per_gpu or (os.cpu_count() or 1) // 4)
    at_once = 1 if wanted.cell else wanted.jobs or by_itself
    jobs = [job(state) for name, state in states.items() if wanted.cell in (None, name)]
    how: dict[str, Any] = {"gpus": gpus, "each": wanted.per_gpu, "folder": paths.ROOT}
    ended = workers.fill(jobs, at_once=at_once, report=_tell, **how)
    bad = {name: state for name, state in ended.items() if state not in (workers.DONE, FRESH)}
    if not wanted.cell:
        _pool_seeds(wanted)
    done = sum(state == workers.DONE for state in ended.values())
    print(f"{done} run, {len(ended) - done - len(bad)} were fresh, {len(bad)} not done")
    for name, state in bad.items():
        what = "failed" if state == workers.FAILED else "waits for what failed"
        print(f"{name}: {what}; {states[name].cell.command()}", file=sys.stderr)
    return 1 if bad else 0


def _pool_seeds(wanted: argparse.Namespace) -> None:
    now = status_of_runs.known(grid.cells(wanted.grid, wanted.profile, wanted.name))
    for file in seeds_of_runs.write(now.values()):
        print(f"seeds pooled: {_shown(file)}")


def job(state: Known) -> workers.Job:
    """A run of the grid for :mod:`helpers.run.workers`; done if a run with its digest is there."""
    cell = state.cell

    def is_done() -> bool:
        return status_of_runs.found(cell, state.digest)[1] is not None

    place = cell.state_file("")
    return workers.Job(cell.name, cell.process(), place, cell.needs, is_done)


def plan(states: Mapping[str, Known]) -> list[dict[str, Any]]:
    """The runs for another engine, each with a stamp: a file that is there if the run is fresh.

    The stamp's name holds the digest of code, inputs and parameters, so that a run that has become
    stale has another stamp, which is missing. Stamps are brought in step with the runs here.
    """
    rows = []
    for name, state in states.items():
        stamp = state.cell.state_file(f".{state.digest}.fresh")
        if state.state == FRESH:
            files.write_atomically(stamp, b"")
        else:
            stamp.unlink(missing_ok=True)
        rows.append(
            {
                "name": name, "notebook": state.cell.notebook, "profile": state.cell.profile,
                "stamp": str(stamp.relative_to(paths.ROOT)), "needs": _needed(state, states),
                "state": state.state, "command": state.cell.command(),
            }
        )  # fmt: skip
    return rows


def _needed(state: Known, states: Mapping[str, Known]) -> list[str]:
    return [name for name in state.cell.needs if name in states]


def _mend(wanted: argparse.Namespace) -> str:
    words = ["python", "-m", "helpers.run", *([wanted.name] if wanted.name else []), "--matrix"]
    words += ["--profile", wanted.profile] if wanted.profile else []
    words += ["--grid", str(wanted.grid)] if wanted.grid != grid.GRID else []
    return shlex.join(words)


def _shown(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file


def _tell(line: str) -> None:
    print(line, flush=True)
