"""Files that the project reads, each with how it is read, so that one may spoil it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from helpers.report import (
    build,
    claims,
    comparability,
    costs,
    counted,
    explorer,
    leaderboard,
    opening,
    registration,
)
from helpers.run import carry, grid, origin, parameters, seal
from helpers.store import paths
from reliability import spoil

CHAPTER = "decam"  # whose files stand for those of all chapters


@dataclass
class Thing:
    """A file and its reader.

    Attributes
    ----------
    name
        In the record.
    file
        What is spoiled; its whole folder is put back afterwards if `folder` is set.
    read
        Reads it as the project does, and gives what it holds.
    spoils
        The faults.
    notices
        What else tells that something is wrong, in words, where the file was read without an error.
    own
        Whether a user brings it: then it has no checksum, and holds one value as well as another.
    said
        What a clear message has in it; the file's name if nothing is given.
    """

    name: str
    file: Path
    read: Callable[[], Any]
    spoils: dict[str, spoil.Spoil]
    notices: Callable[[], list[str]] = list
    said: str | None = None
    folder: Path | None = field(default=None)
    own: bool = False


def plain(value: Any) -> Any:
    """What was read, in a form that can be compared: equal only where all is."""
    if isinstance(value, pd.DataFrame):
        return [value.columns.tolist(), value.index.tolist(), value.astype(str).values.tolist()]
    if isinstance(value, Tensor):
        return [str(value.dtype), list(value.shape), repr(value.flatten().tolist())]
    if isinstance(value, torch.nn.Module):
        return plain(dict(value.state_dict()))
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return repr(value)


def published() -> Iterator[Thing]:
    """What a run publishes: its page, its card and its results."""
    sealed = {"notices": lambda: seal.differences(CHAPTER)}
    results = paths.RESULTS / f"{CHAPTER}.csv"
    table = spoil.ANY | spoil.TEXT | spoil.CSV
    yield Thing("results of a run", results, lambda: claims.results(CHAPTER), table, **sealed)
    card = paths.RESULTS / f"{CHAPTER}.json"
    structured = spoil.ANY | spoil.TEXT | spoil.JSON
    yield Thing("run card", card, lambda: claims.run_card(CHAPTER), structured, **sealed)
    page = paths.RUNS / f"{CHAPTER}.ipynb"
    pictures = lambda: build.run_pictures([CHAPTER])  # noqa: E731
    yield Thing("executed notebook", page, pictures, structured, **sealed)
    of_cross = {"notices": lambda: seal.differences(leaderboard.CHAPTER)}
    matrix = paths.RESULTS / f"{leaderboard.CHAPTER}-matrix.csv"
    yield Thing("matrix of methods and tests", matrix, leaderboard.matrix, table, **of_cross)
    shown = paths.RESULTS / f"{leaderboard.CHAPTER}-explorer.json"
    yield Thing("explorer's data", shown, explorer.load, structured, **of_cross)


def sources() -> Iterator[Thing]:
    """Committed texts that decide what runs and how it is judged."""

    def of(name: str, file: Path, read: Callable[[], Any], faults: dict, said: str = "") -> Thing:
        def notices() -> list[str]:
            changed = file.relative_to(paths.ROOT).as_posix() in origin.uncommitted()
            return ["git tells it: a run has a + on its card and is not committed"] * changed

        return Thing(name, file, read, spoil.ANY | spoil.TEXT | faults, notices, said or file.name)

    rows = paths.REPORTED / f"{CHAPTER}.csv"
    yield of("the paper's claims", rows, lambda: claims.reported(CHAPTER), spoil.CSV, CHAPTER)
    reported = paths.REPORTED
    deviations = lambda: [  # noqa: E731
        comparability.deviations(name, "") for name in parameters.notebooks()
    ]
    yield of("settings that differ", reported / "settings.yaml", deviations, spoil.YAML)
    yield of("questions", reported / "questions.yaml", opening.questions, spoil.YAML)
    gone = lambda: [registration.withdrawn(name) for name in parameters.notebooks()]  # noqa: E731
    yield of("withdrawn claims", reported / "withdrawn.yaml", gone, spoil.YAML)
    anew = lambda: [  # noqa: E731
        registration.redefined(name, "2026-01-01") for name in parameters.notebooks()
    ]
    yield of("redefined claims", reported / "redefined.yaml", anew, spoil.YAML)
    yield of("parameters", parameters.SETTINGS, parameters.notebooks, spoil.YAML)
    runs = lambda: sorted(grid.cells())  # noqa: E731
    yield of("grid of runs", grid.GRID, runs, spoil.YAML)

    def costs_of_runs() -> str:
        counted.table.cache_clear()
        return costs.costs_page()

    yield of("costs of runs", counted.TABLE, costs_of_runs, spoil.YAML)
    yield of("record of kills", costs.KILLS, costs.kills_page, {})
    smoke = carry.SMOKE / f"{CHAPTER}.csv"
    read = lambda: carry.values(CHAPTER)  # noqa: E731
    yield Thing("values of the smoke run", smoke, read, spoil.ANY | spoil.TEXT | spoil.CSV)
    made_on = lambda: [carry.made_on(name) for name in parameters.notebooks()]  # noqa: E731
    yield of("processors of smoke runs", carry.SMOKE / carry.PROCESSORS, made_on, spoil.CSV)


def forget() -> None:
    """Forget what was read of these files before."""
    for cached in (opening.questions, comparability.deviations, parameters.notebooks):
        getattr(cached, "cache_clear", lambda: None)()
