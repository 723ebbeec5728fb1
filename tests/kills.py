"""Kill a matrix of real notebooks thirty times, and see what is left: ``make kills``.

The grid of ``tests/kills.yaml`` is run once in one piece, and once more in another copy of the
project with a kill at a seeded random moment, again and again, by the engines of ``--engines``, in
turn where there are several: Snakemake where it is at hand, else the plain runner. Then the results
are compared, and all that was finished and begun once more is counted. ``data/kills.json`` keeps
what was seen; the page *The full reproduction* reads it. A call that breaks off goes on where it
was.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from helpers.run import carry, origin
from helpers.store import digests, files, locks, paths

GRID = paths.ROOT / "tests/kills.yaml"
RECORD = paths.DATA / "kills.json"
SNAKEMAKE = os.environ.get("SNAKEMAKE") or shutil.which("snakemake") or ""
KILLS, SEED, AT_ONCE = 30, 0, 2
SHORTEST, LONGEST = 2.0, 1.5  # from a start to the kill: seconds, and mean durations of a run
POLL, PATIENCE = 0.2, 900  # seconds between two looks; for an engine that was asked to end
AFTERWARDS = 15.0  # seconds that an engine goes on after one of its kernels was killed
MARK = "XAI_KILLS"  # in the environment of all that this script begins
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
EVERYTHING, ENGINE, ASKED, KERNEL = "everything", "the engine alone", "asked to end", "one kernel"
WAYS = (EVERYTHING, ENGINE, ASKED, KERNEL)


# --- what is watched ---


class Watch:
    """When runs of a project were begun and finished, as its files and the engine's words tell."""

    def __init__(self, root: Path, seen: dict[str, Any]) -> None:
        self.root, self.seen = root, seen
        self._read = 0
        self._note_finished()
        self._before = set(self.seen["finished"])  # finished at the look before

    def look(self, log: Path) -> None:
        """Note what is finished by now, then what the engine has told of since the last look.

        In this order: what is finished before the engine says that it begins it is run twice.
        """
        self._note_finished()
        *whole, _ = log.read_text(errors="replace").split("\n")
        new, self._read = whole[self._read :], len(whole)
        for name in (line.removesuffix(": started") for line in new if line.endswith(": started")):
            self.seen["begun"].append(name)
            if name in self._before:
                self.seen["begun though finished"].append(name)
        self._before = set(self.seen["finished"])

    def _note_finished(self) -> None:
        for file in results_of(self.root, ".ipynb"):
            name = file.relative_to(self.root / "book/_made").with_suffix("").as_posix()
            written, before = file.stat().st_mtime_ns, self.seen["finished"].get(name)
            if before is not None and before != written:
                self.seen["written twice"].append(name)
            self.seen["finished"][name] = written


def results_of(root: Path, ending: str) -> list[Path]:
    """What runs of a project put in place, by the end of the files' names."""
    return sorted((root / "book/_made").rglob(f"*{ending}"))


def torn(root: Path) -> list[str]:
    """Files in place that are not whole, by name."""
    found = []
    for file in [*results_of(root, ".ipynb"), *results_of(root, ".json")]:
        try:
            json.loads(file.read_text())
        except ValueError:
            found.append(file.name)
    return found + [file.name for file in results_of(root, ".csv") if not len(pd.read_csv(file))]


def left_behind(root: Path) -> list[str]:
    """Half-written files, scratch folders and claims that are still there after the end."""
    unfinished = [file for file in root.rglob("*.tmp") if files.UNFINISHED.search(file.name)]
    scratch = list((root / "tmp").glob("xai-run-*"))
    held = [file for file in root.rglob("*.lock") if locks.holder(file)]
    return [file.name for file in [*unfinished, *scratch, *held]]


def compared(unbroken: Path, broken: Path) -> tuple[int, int, list[str]]:
    """How many tables and numbers two projects have, and the keys that differ: to the last digit.

    Claims on seconds do not count; no two runs share them.
    """
    one, two = (
        {file.relative_to(root): pd.read_csv(file) for file in results_of(root, ".csv")}
        for root in (unbroken, broken)
    )
    different = [str(name) for name in set(one) ^ set(two)]
    numbers = 0
    for name in set(one) & set(two):
        tables = [t[~t.key.str.startswith(carry.TIMED)].reset_index(drop=True)
                  for t in (one[name], two[name])]  # fmt: skip
        numbers += len(tables[0])
        if not tables[0].equals(tables[1]):
            different.append(str(name))
    return len(one), numbers, different


# --- processes ---


def started_by(mark: str) -> list[int]:
    """The processes whose environment holds a mark: what this script began, whoever has it now."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [number for number in found if number != os.getpid()]


def send(numbers: list[int], what: int) -> None:
    """Send a signal to processes, some of which may have ended by now."""
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, what)


def kernels(numbers: list[int]) -> list[int]:
    """Those of the processes that execute a notebook's cells."""
    found = []
    for number in numbers:
        with contextlib.suppress(OSError):
            if b"ipykernel_launcher" in Path(f"/proc/{number}/cmdline").read_bytes():
                found.append(number)
    return found


def engine(name: str) -> list[str]:
    """The words that run the grid, by the plain runner or by Snakemake."""
    if name == "plain":
        words = [sys.executable, "-m", "helpers.run", "--matrix", "--grid", "tests/kills.yaml"]
        return [*words, "--jobs", str(AT_ONCE)]
    config = [f"python={sys.executable}", "grid=tests/kills.yaml", "threads=1"]
    return [
        SNAKEMAKE, "--snakefile", "helpers/run/workflow/Snakefile", "--cores", str(AT_ONCE),
        "--profile", "helpers/run/workflow/profiles/default", "--config", *config,
    ]  # fmt: skip


def at_hand() -> list[str]:
    """The engine that is killed unless others are named."""
    return ["snakemake"] if SNAKEMAKE else ["plain"]


def begin(root: Path, name: str, log: Path) -> subprocess.Popen:
    """Start an engine in a project; its words go to a log, which outlives it."""
    (root / "tmp").mkdir(exist_ok=True)
    own = {"PYTHONPATH": str(root), "TMPDIR": str(root / "tmp"), MARK: str(root)}
    with log.open("wb") as out:
        return subprocess.Popen(
            engine(name), cwd=root, env={**os.environ, **ONE_THREAD, **own},
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def kill(process: subprocess.Popen, way: str, mark: str, chance: random.Random) -> None:
    """Kill in one of the :data:`WAYS`, and wait until the engine has ended where it must."""
    if way == EVERYTHING:  # as when the machine goes down: runs of earlier engines, too
        while alive := started_by(mark):
            send(alive, signal.SIGKILL)
            time.sleep(POLL)
            process.poll()
    elif way == ENGINE:
        process.kill()
        process.wait()
    elif way == ASKED:
        process.terminate()
        process.wait(PATIENCE)
    else:
        while not (victims := kernels(started_by(mark))) and process.poll() is None:
            time.sleep(POLL)
        send([chance.choice(victims)] if victims else [], signal.SIGKILL)


# --- the whole ---


class Round(NamedTuple):
    """The folder of the work, what was seen so far, and the engines that are killed in turn."""

    folder: Path
    seen: dict[str, Any]
    engines: list[str]

    def save(self) -> None:
        """Write down what was seen, so that a next call goes on."""
        files.write_atomically(self.folder / "seen.json", json.dumps(self.seen).encode())


def key(engines: list[str]) -> str:
    """Of all that runs stand on: other code, or other engines, begin anew."""
    sources = [
        file
        for folder in (paths.HELPERS, paths.NOTEBOOKS)
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".py", ".yaml", "") and file.is_file()
    ]
    return digests.digest([(str(s), s.read_text()) for s in [*sources, GRID]], KILLS, SEED, engines)


def copied(root: Path) -> Path:
    """A copy of the project's tracked and new files, with nothing kept and no run but committed."""
    if not (root / "copied").exists():
        shutil.rmtree(root, ignore_errors=True)
        words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(words, cwd=paths.ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (source := paths.ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, root / name)
        (root / "copied").touch()
    return root


def unbroken(folder: Path, seen: dict[str, Any]) -> Path:
    """The project in which the grid was run in one piece."""
    root = copied(folder / "unbroken")
    if "seconds of one piece" not in seen:
        for made in (root / "book/_made", root / "data/cache"):  # of a call that broke off
            shutil.rmtree(made, ignore_errors=True)
        started = time.monotonic()
        process = begin(root, "plain", folder / "unbroken.log")
        if process.wait():
            raise SystemExit(f"the grid fails without any kill: see {folder / 'unbroken.log'}")
        seen["seconds of one piece"] = round(time.monotonic() - started)
    return root


def broken(work: Round, root: Path) -> None:
    """Kill, again and again, at moments that spread over a run of the grid; then let it end."""
    runs = len(results_of(work.folder / "unbroken", ".ipynb"))
    longest = LONGEST * work.seen["seconds of one piece"] * AT_ONCE / runs
    for attempt in range(3 * KILLS):
        number = len(work.seen["kills"])
        if number == KILLS:
            break
        chance = random.Random(1000 * SEED + number)
        turn, place = divmod(number, len(work.engines))
        way, name = WAYS[turn % len(WAYS)], work.engines[place]
        log = work.folder / f"{attempt}.log"
        watch, process = Watch(root, work.seen), begin(root, name, log)
        watch_for(chance.uniform(SHORTEST, longest), watch, process, log)
        if process.poll() is not None:  # it ended before the kill
            if all_finished(root):
                next_round(work, root)
            continue
        under_way = len(kernels(started_by(str(root))))
        kill(process, way, str(root), chance)
        if way == KERNEL:  # the engine is to see it, and goes on with the others
            watch_for(AFTERWARDS, watch, process, log)
            kill(process, EVERYTHING, str(root), chance)
        watch.look(log)
        finished = len(work.seen["finished"])
        seen = {"way": way, "engine": name, "runs under way": under_way, "finished": finished}
        work.seen["kills"].append(seen)
        work.seen["torn"] += torn(root)
        work.save()
        print(
            f"kill {number + 1}: {way}, {name}, {under_way} under way, {finished} finished",
            flush=True,
        )
    ended(work, root, work.folder / "end.log")


def watch_for(seconds: float, watch: Watch, process: subprocess.Popen, log: Path) -> None:
    """Look on for some seconds, or until the engine has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        time.sleep(POLL)
        watch.look(log)


def all_finished(root: Path) -> bool:
    """Whether nothing of the grid is left to run."""
    words = [sys.executable, "-m", "helpers.run", "--status", "--grid", "tests/kills.yaml"]
    own = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(root)}
    told = subprocess.run(words, cwd=root, env=own, capture_output=True, text=True).stdout
    return "What is not fresh" not in told


def next_round(work: Round, root: Path) -> None:
    """All is finished before the last kill: compare, and begin once more with nothing kept."""
    let_end(work, root, work.folder / f"round-{work.seen['rounds']}.log")
    work.seen["rounds"] += 1
    work.seen["finished"] = {}
    for made in (root / "book/_made", root / "data/cache", root / ".snakemake"):
        shutil.rmtree(made, ignore_errors=True)
    work.save()


def ended(work: Round, root: Path, log: Path) -> None:
    """Let the grid end, whatever was killed before; then run it once more: nothing is left."""
    let_end(work, root, log)
    for number, name in enumerate(work.engines):
        again = work.folder / f"again-{number}.log"
        watch, process = Watch(root, work.seen), begin(root, name, again)
        process.wait()
        watch.look(again)
    work.seen["left behind"] += left_behind(root)


def let_end(work: Round, root: Path, log: Path) -> None:
    """Let the last engine do what is left, and compare with the run in one piece."""
    watch, process = Watch(root, work.seen), begin(root, work.engines[-1], log)
    watch_for(float("inf"), watch, process, log)
    watch.look(log)
    if process.returncode:
        work.seen["different"].append("the grid did not end after the kills")
    tables, numbers, different = compared(work.folder / "unbroken", root)
    work.seen["tables"], work.seen["numbers"] = tables, numbers
    work.seen["different"] += different
    work.seen["torn"] += torn(root)


def record(seen: dict[str, Any]) -> dict[str, Any]:
    """What the page tells."""
    kills = pd.DataFrame(seen["kills"])
    finished = kills.finished.max()
    twice = [*seen["begun though finished"], *seen["written twice"]]
    return {
        "commit": seen["commit"],
        "date": time.strftime("%Y-%m-%d"),
        "runs": len(seen["finished"]),
        "kills": len(kills),
        "ways": {way: int((kills.way == way).sum()) for way in WAYS},
        "engines": kills.engine.value_counts().to_dict(),
        "runs_under_way": int(kills["runs under way"].sum()),
        "finished_between_kills": int(finished),
        "begun": len(seen["begun"]),
        "rounds": seen["rounds"],
        "finished_run_twice": len(twice),
        "torn": len(seen["torn"]),
        "left_behind": len(seen["left behind"]),
        "tables": seen["tables"],
        "numbers": seen["numbers"],
        "different": sorted(set(seen["different"])),
        "seconds_of_one_piece": seen["seconds of one piece"],
    }


def nothing_seen() -> dict[str, Any]:
    """What was seen before the first kill."""
    lists = ("kills", "begun", "begun though finished", "written twice", "torn", "different",
             "left behind")  # fmt: skip
    return {name: [] for name in lists} | {"finished": {}, "rounds": 1, "commit": origin.commit()}


def main(arguments: list[str] | None = None) -> int:
    """Run the grid, kill it, compare, and write the record; 1 if anything was lost or run twice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=paths.CACHE / "kills", help="of the work")
    parser.add_argument("--engines", nargs="+", default=at_hand(), choices=["plain", "snakemake"])
    asked = parser.parse_args(arguments)
    if "snakemake" in asked.engines and not SNAKEMAKE:
        parser.error("Snakemake is not here; put its program's path into SNAKEMAKE")
    folder = asked.folder.resolve() / key(asked.engines)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "seen.json"
    work = Round(
        folder, json.loads(file.read_text()) if file.exists() else nothing_seen(), asked.engines
    )
    unbroken(folder, work.seen)
    work.save()
    root = copied(folder / "broken")
    if "record" not in work.seen:
        send(started_by(str(root)), signal.SIGKILL)  # of a call that broke off
        broken(work, root)
        work.seen["record"] = record(work.seen)
        work.save()
    made = work.seen["record"]
    files.write_atomically(RECORD, (json.dumps(made, indent=1) + "\n").encode())
    print(json.dumps(made, indent=1))
    lost = made["finished_run_twice"], made["torn"], made["left_behind"], made["different"]
    return 1 if any(lost) else 0


if __name__ == "__main__":
    sys.exit(main())
