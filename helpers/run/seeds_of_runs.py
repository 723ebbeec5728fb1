"""Runs of the grid that differ in their seed alone, pooled into one table a chapter."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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
    """Write the pooled table of each group, and give the files that are new or changed."""
    written = []
    for group in groups(states):
        file = target(group)
        text = pooled(group).round(6).to_csv(index=False).encode()
        if not file.exists() or file.read_bytes() != text:
            files.write_atomically(file, text)
            written.append(file)
    return written


def told(states: Iterable[Known]) -> str:
    """A line a group: which seeds are pooled, over how many numbers."""
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
