"""The page *Reliability*: faults put in on purpose, and what became of each, from the record.

``make test-slow`` writes ``data/reliability.json``: the commit, and one case a line. Each case is
a kind, what the fault was put into, the fault, the outcome, and what was said.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from helpers.report import counted, render
from helpers.store import paths, reading, rooms

RECORD = paths.DATA / "reliability.json"
DETECTED, SURVIVED, RAW, LOST = "detected", "survived", "raw error", "lost"
UNKNOWABLE = "cannot be known"  # a digit or a bit in a user's own file, which has no checksum
OUTCOMES = (DETECTED, SURVIVED, RAW, LOST, UNKNOWABLE)
KINDS = {
    "kills": "a run, a matrix of runs, a training or a write ended at a random moment",
    "damages": "a file that the project reads, cut short, altered or replaced",
    "bad inputs": "a public function or the runner asked for what there is not",
    "forgeries": "a digit changed in what is published",
    "mutations": "a fault put into the code",
}


def digest(*further: Path) -> str:
    """A digest of all code of helpers and the notebooks without its words, 16 digits.

    Parameters
    ----------
    further
        Folders whose Python files count as well.
    """
    total = hashlib.sha256()
    for room in sorted(folder.name for folder in paths.HELPERS.iterdir() if folder.is_dir()):
        total.update(rooms.code(room).encode())
    for folder in (paths.NOTEBOOKS, *further):
        for file in sorted(folder.glob("*.py")):
            total.update(f"{file.name}\n{rooms.without_words(file.read_text('utf-8'))}".encode())
    return total.hexdigest()[:16]


def as_text(told: dict[str, Any], cases: list[list[str]]) -> str:
    """The record as JSON, a case a line."""
    head = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in told.items()]
    rows = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in cases)
    return "\n".join(["{", *head, f' "cases": [\n  {rows}\n ]', "}"]) + "\n"


def read(file: Path = RECORD) -> dict[str, Any]:
    """The record; empty before the first run.

    Raises
    ------
    reading.Damaged
        If it was cut short, or a case has a kind or an outcome that is none.
    """
    if not file.exists():
        return {}
    told = reading.json_of(file)
    if not isinstance(told, dict) or {"commit", "digest", "finished", "cases"} - told.keys():
        raise reading.Damaged(f"{reading.shown(file)} is no record of faults; {reading.mend(file)}")
    for case in told["cases"]:
        if len(case) != 5 or case[0] not in KINDS or case[3] not in OUTCOMES:
            raise reading.Damaged(f"{reading.shown(file)} has {case}; {reading.mend(file)}")
    return told


def counts(cases: list[list[str]]) -> list[dict[str, Any]]:
    """For each kind that was tried how many were injected, and how many had each outcome."""
    rows = []
    for kind, what in KINDS.items():
        of_kind = Counter(outcome for name, _, _, outcome, _ in cases if name == kind)
        if of_kind:
            numbers = {outcome: of_kind[outcome] for outcome in OUTCOMES}
            rows.append({"kind": kind, "what": what, "injected": of_kind.total(), **numbers})
    return rows


def page(file: Path = RECORD) -> str:
    """Write the counts, each case that nobody told of, and which code was tried."""
    told = read(file)
    if not told:
        return render.markdown("reliability", told={}, rows=[], missed={}, stale=False, took="")
    missed = {
        outcome: [case for case in told["cases"] if case[3] == outcome]
        for outcome in (LOST, RAW, UNKNOWABLE)
    }
    return render.markdown(
        "reliability",
        told=told,
        rows=counts(told["cases"]),
        missed=missed,
        stale=told["digest"] != digest(),
        took=counted.duration(told["seconds"]) if told.get("seconds") else "",
    )
