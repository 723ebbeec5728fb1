"""Try all faults and write the record: ``make test-slow``.

``python -m reliability [KIND...]``. Two processes work side by side. What was tried with this code
before is not tried again, so that a run that was stopped goes on where it was. Mutations that do
not fit into the time are told as not tried.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutations

from helpers.report import reliability
from helpers.run import origin
from helpers.store import files, paths
from reliability import project, record

CACHE = paths.CACHE / "reliability"
MINUTES = 25
IN_A_COPY = ("damages", "forgeries")
ALONE = ("kills", "bad_inputs")
PARTS = 4  # into which mutations are cut, for two processes
QUIET = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "XAI_DEVICE": "cpu"}


def child(module: str, root: Path, code: str, log: Path) -> None:
    """One kind of fault, in a process of its own, in a copy of the project or in the project."""
    words = [sys.executable, "-m", f"reliability.{module}", str(CACHE / f"{module}.jsonl"), code]
    _run(words, root, log)


def _run(words: list[str], root: Path, log: Path) -> None:
    surroundings = {**os.environ, **QUIET, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    surroundings.pop("XAI_DATA", None)
    with log.open("ab") as file:
        done = subprocess.run(words, cwd=root, env=surroundings, stdout=file, stderr=file)
    if done.returncode and "mutations.py" not in words[1]:
        raise RuntimeError(f"{' '.join(words[1:3])} broke off; its last words stand in {log}")


def mutated(part: int, until: float, log: Path) -> None:
    """A part of the mutations, as long as there is time."""
    words = [sys.executable, "tests/mutations.py", "--part", f"{part}/{PARTS}"]
    _run([*words, "--until", str(until)], paths.ROOT, log)


def of_mutations() -> tuple[list[record.Case], int]:
    """What became of each mutation, from their own record; how many were not tried."""
    seen = mutations.seen()
    cases, missing = [], 0
    for mutation in mutations.listed():
        row = seen.get(mutation.key(paths.ROOT))
        if mutation.equivalent:
            continue
        if row is None:
            missing += 1
            continue
        outcome = record.DETECTED if row["state"] == "killed" else record.LOST
        what = mutation.told().partition(": ")
        cases.append(record.Case("mutations", what[0], what[2][:160], outcome, row["by"][:160]))
    return cases, missing


def tried(modules: list[str], code: str, log: Path) -> dict[str, float]:
    """Run the modules, two at a time; the seconds that each took."""
    until = time.time() + 60 * MINUTES - 90
    seconds: dict[str, float] = {}

    def timed(name: str, call, *given) -> None:
        started = time.monotonic()
        call(*given)
        seconds[name] = seconds.get(name, 0) + time.monotonic() - started

    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        copy = project.copied(Path(name)) if set(IN_A_COPY) & set(modules) else paths.ROOT
        tasks = [
            pool.submit(timed, module, child, module, copy if module in IN_A_COPY else paths.ROOT,
                        code, log)
            for module in (*ALONE, *IN_A_COPY) if module in modules
        ]  # fmt: skip
        if "mutations" in modules:
            tasks += [
                pool.submit(timed, "mutations", mutated, part, until, log)
                for part in range(1, PARTS + 1)
            ]
        for task in tasks:
            task.result()
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Try the faults, write the record, and print the table of counts; 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    every = [*ALONE, *IN_A_COPY, "mutations"]
    parser.add_argument("kinds", nargs="*", help=f"only these of {', '.join(every)}")
    parser.add_argument("--output", type=Path, default=reliability.RECORD)
    wanted = parser.parse_args(arguments)
    modules = wanted.kinds or every
    CACHE.mkdir(parents=True, exist_ok=True)
    log = CACHE / "log.txt"
    log.unlink(missing_ok=True)
    code = reliability.digest(paths.ROOT / "tests" / "reliability")
    started = time.monotonic()
    commit, of_code = origin.commit(), reliability.digest()
    seconds = tried(modules, code, log)
    cases: list[record.Case] = []
    for module in modules:
        if module != "mutations":
            kept = record.Tried(CACHE / f"{module}.jsonl", module, code)
            cases += kept.of_this_code()
    mutated_cases, missing = of_mutations() if "mutations" in modules else ([], 0)
    told = {
        "commit": commit,
        "digest": of_code,
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(time.monotonic() - started),
        "seconds by kind": {name: round(took) for name, took in seconds.items()},
        "cores": os.cpu_count(),
        "mutations not tried": missing,
    }
    text = reliability.as_text(told, [list(case) for case in [*cases, *mutated_cases]])
    files.write_atomically(wanted.output, text.encode())
    page = reliability.page(wanted.output)
    print(page[: page.index("\n## ")] if "\n## " in page else page)
    lost = [case for case in json.loads(text)["cases"] if case[3] == record.LOST]
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
