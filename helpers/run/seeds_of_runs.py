"""Runs of the grid that differ in their seed alone, pooled into one table a chapter."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from helpers.measures import seeds
from helpers.run import parameters, targets
from helpers.run.status_of_runs import FRESH, Known
from helpers.store import files, paths


class Group(NamedTuple):
    """Fresh runs of a notebook that differ in their seed alone."""

    runs: list[Known]
    changed: dict  # their parameters that are neither the profile's nor the seed

    @property
    def seeds(self) -> list[int]:
        """Their seeds."""
        return [run.cell.values["seed"] for run in self.runs]


def groups(states: Iterable[Known]) -> list[Group]:
    """Fresh runs by all but their seed, where there are two seeds or more."""
    found: dict[str, list[Known]] = {}
    for state in states:
        if state.state == FRESH and not state.cell.part_of and "seed" in state.cell.values:
            rest = {key: value for key, value in state.cell.values.items() if key != "seed"}
            found.setdefault(json.dumps([state.cell.notebook, rest]), []).append(state)
    return [
        Group(runs, {k: v for k, v in runs[0].cell.changed().items() if k != "seed"})
        for runs in found.values()
        if len(runs) > 1
    ]


def pooled(group: Group) -> pd.DataFrame:
    """The results of a group's seeds as one table; see :func:`helpers.measures.seeds.pooled`."""
    return seeds.pooled([pd.read_csv(run.results) for run in group.runs if run.results])


def target(group: Group) -> Path:
    """Where a group's table goes.

    Among the committed results where its parameters are those of the committed run (but for the
    seed), so that the book shows it; else beside the runs.
    """
    cell = group.runs[0].cell
    card = paths.RESULTS / f"{cell.notebook}.json"
    committed = json.loads(card.read_text(encoding="utf-8")) if card.exists() else {}
    if not group.changed and committed.get("profile") == cell.profile:
        return paths.RESULTS / f"{cell.notebook}-seeds.csv"
    seed = parameters.settings(cell.notebook)["profiles"][cell.profile]["seed"]
    stem = targets.target(cell.notebook, cell.values | {"seed": seed}).stem  # whichever seeds ran
    return cell.file.with_name(f"{stem}-seeds.csv")


def write(states: Iterable[Known]) -> list[Path]:
    """Write the pooled table of each group, and give those that are new or changed.

    Beside each stands a JSON file with its checksum and the runs that are pooled in it.
    """
    written = []
    for group in groups(states):
        file = target(group)
        text = pooled(group).round(6).to_csv(index=False).encode()
        told = json.dumps(record(group, text), indent=1).encode() + b"\n"
        contents = {file: text, file.with_suffix(".json"): told}
        if any(not one.exists() or one.read_bytes() != its for one, its in contents.items()):
            for one, its in contents.items():
                files.write_atomically(one, its)
            written.append(file)
    return written


def record(group: Group, table: bytes) -> dict[str, Any]:
    """Of a pooled table: its SHA-256, and seed, commit and digest of each run in it."""
    runs = [
        {"seed": run.cell.values["seed"], "commit": run.card.get("commit", ""),
         "digest": run.card.get("digest", "")}
        for run in group.runs
    ]  # fmt: skip
    return {"sha256": hashlib.sha256(table).hexdigest(), "runs": runs}


def told(states: Iterable[Known]) -> str:
    """One line per group: which seeds are pooled, over how many numbers."""
    lines = []
    for group in groups(states):
        cell, table = group.runs[0].cell, pooled(group)
        name = " ".join(
            [cell.notebook, *(f"{key}={value}" for key, value in group.changed.items())]
        )
        numbers = ", ".join(map(str, group.seeds))
        lines.append(
            f"{name} ({cell.profile}): seeds {numbers} pooled, {(table.seeds > 1).sum()} numbers "
            "with an interval over them"
        )
    return "\n".join(lines)
