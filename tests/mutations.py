"""Put faults into the code, one at a time, and see whether the tests notice: ``make mutations``.

``tests/mutations.yaml`` lists them. Each is put into a copy of the project, in which its tests run
until one fails; the mutation is then killed. What was seen is kept under data/cache by the digest
of the mutated file and of the tests, so that a run that breaks off goes on where it was, and the
next one runs only what has changed. Exit status 1 if fewer than 95 % are killed.
"""

import argparse
import contextlib
import hashlib
import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutations.yaml"
SEEN = ROOT / "data" / "cache" / "mutations.jsonl"
ENOUGH = 0.95
SECONDS = 300  # for one mutation's tests: one that makes them hang is killed as well
# Two runs beside one another would wait for one another's threads; a fork needs one thread only.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
LIBRARIES = (
    "torch", "torchvision", "timm", "captum.attr", "foolbox", "zennit", "pandas", "scipy.stats",
    "skimage.segmentation", "sklearn.linear_model", "lime.lime_image", "altair", "nbformat",
    "jupytext", "papermill", "pytest", "jinja2", "jsonschema", "pytorch_grad_cam",
)  # fmt: skip


class Mutation(NamedTuple):
    """In `file` the text `new` in the place of `old`; one of `tests` must fail."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]  # files, or tests in them as pytest names them
    equivalent: str = ""  # why it changes nothing that could be seen

    def told(self) -> str:
        """The file and both texts, on one line."""
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}: {old}  ->  {new or '(nothing)'}"

    def test_files(self) -> list[str]:
        """The files that its tests stand in."""
        return [test.partition("::")[0] for test in self.tests]

    def key(self, folder: Path) -> str:
        """A digest of the mutation and of the content of its file, its tests and their fixtures."""
        content = [self.file, self.old, self.new, *self.tests]
        files = [self.file, *self.test_files(), "tests/conftest.py"]
        content += [(folder / file).read_text() for file in files]
        return hashlib.sha256("\0".join(content).encode()).hexdigest()[:16]


def listed() -> list[Mutation]:
    """All mutations of the list."""
    by_file = yaml.safe_load(LIST.read_text())
    return [
        Mutation(file, **{**one, "tests": tuple(one["tests"].split())})
        for file, mutations in by_file.items()
        for one in mutations
    ]


def copied(folder: Path) -> None:
    """The tracked and the new files of the project in a folder; data and pages as links."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (ROOT / name).exists():
            continue
        if name.startswith(("helpers/", "tests/", "notebooks/")) or name.endswith(".toml"):
            shutil.copyfile(ROOT / name, target)
        else:
            target.symlink_to(ROOT / name)


def run_tests(folder: Path, mutation: Mutation) -> tuple[str, str]:
    """Run a mutation's tests in a child that has the libraries loaded: what became of it, by what.

    "killed", "survived", or "broken" where pytest itself failed.
    """
    report = folder / "report.txt"
    child = os.fork()
    if child == 0:
        _in_child(folder, mutation, report)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.killpg(child, 9)
        os.waitpid(child, 0)
        return "killed", f"no end after {SECONDS} s"
    lines = report.read_text().splitlines() if report.exists() else []
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    code = os.waitstatus_to_exitcode(status)
    state = {0: "survived", 1: "killed"}.get(code, "killed" if failed else "broken")
    return state, failed[0].split(" ")[1] if failed else " ".join(lines[-1:])


def _in_child(folder: Path, mutation: Mutation, report: Path) -> None:
    """Pytest in the copy, after a fork: never returns."""
    code = 3
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        sys.path[:0] = [str(folder), str(folder / "tests")]
        os.environ["PYTHONPATH"] = str(folder)
        with report.open("w") as out, contextlib.redirect_stdout(out):
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--tb=no", "-rfE"]
            code = int(importlib.import_module("pytest").main([*options, *mutation.tests]))
    finally:
        os._exit(code)


def tried(folder: Path, mutation: Mutation) -> tuple[str, str]:
    """Put a mutation into the copy, run its tests, and take it out again."""
    target = folder / mutation.file
    text = target.read_text()
    if text.count(mutation.old) != 1:
        return "broken", f"its old text stands {text.count(mutation.old)} times in the file"
    try:
        _put(target, text.replace(mutation.old, mutation.new))
        return run_tests(folder, mutation)
    finally:
        _put(target, text)


def _put(file: Path, text: str) -> None:
    """Write a source, and drop its bytecode, which else passes for the new one's.

    Python compares size and second only. All other bytecode stays, which saves half of the time.
    """
    file.write_text(text)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def seen() -> dict[str, dict]:
    """What was kept of mutations that were tried, by their keys."""
    lines = SEEN.read_text().splitlines() if SEEN.exists() else []
    return {row["key"]: row for row in map(json.loads, lines)}


def main(arguments: list[str] | None = None) -> int:
    """Run the mutations, and print each and the share that was killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only mutations whose line holds one of these")
    parser.add_argument("--part", default="1/1", help="such as 2/3: the second of three parts")
    parser.add_argument("--until", type=float, default=math.inf, help="when none is begun any more")
    wanted = parser.parse_args(arguments)
    part, parts = map(int, wanted.part.split("/"))
    chosen = [m for m in listed() if not wanted.words or any(w in m.told() for w in wanted.words)]
    chosen = [m for m in chosen if not m.equivalent][part - 1 :: parts]
    known = seen()
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(ONE_THREAD)
    for library in LIBRARIES:  # once, before the forks: most of a test's time is this
        importlib.import_module(library)
    states = []
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name))
        for mutation in chosen:
            key, started = mutation.key(Path(name)), time.monotonic()
            row = known.get(key)
            if row is None and time.time() > wanted.until:
                continue
            if row is None:
                state, by = tried(Path(name), mutation)
                row = {"key": key, "state": state, "by": by}
                row["seconds"] = round(time.monotonic() - started, 1)
                with SEEN.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            states.append(row["state"])
            print(
                f"{row['state']:9}{row['seconds']:6} s  {mutation.told()}  [{row['by']}]",
                flush=True,
            )
    for mutation in listed():
        if mutation.equivalent and not wanted.words:
            print(f"equivalent          {mutation.told()}  [{mutation.equivalent}]")
    share = states.count("killed") / max(len(states), 1)
    print(f"{states.count('killed')} of {len(states)} killed, {share:.0%}")
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
