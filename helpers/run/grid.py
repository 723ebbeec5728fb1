"""The grid of runs: ``notebooks/matrix.yaml`` as cells, each a run with files of its own."""

import itertools
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from helpers.run import parameters, targets
from helpers.store import paths, reading, shards, yaml_files

GRID = paths.NOTEBOOKS / "matrix.yaml"
STATE = paths.CACHE / "matrix"  # locks, logs, what runs cost; not committed
MADE = paths.BOOK / "_made"
_KEYS = {"notebook", "profile", "vary", "shards", "together"}


class Cell(NamedTuple):
    """A run of the grid.

    Attributes
    ----------
    name
        Its name in the grid and of its files, such as ``laptop/elime-seed-1-80d9c2``.
    notebook, values
        What is run, with which checked parameters, "profile" among them.
    file
        The executed notebook; its results stand beside it.
    needs
        Names of the cells that come first: the shards that this run merges.
    part_of
        The run that it is a part of; a part is run only if that run is not fresh.
    """

    name: str
    notebook: str
    values: dict[str, Any]
    file: Path
    needs: tuple[str, ...] = ()
    part_of: str = ""

    @property
    def profile(self) -> str:
        """The profile of its parameters."""
        return self.values["profile"]

    def changed(self) -> dict[str, Any]:
        """The parameters that are not the profile's."""
        base = parameters.settings(self.notebook)["profiles"][self.profile]
        return {key: value for key, value in self.values.items() if base.get(key, value) != value}

    def _words(self) -> list[str]:
        words = ["-m", "helpers.run", self.notebook, "--profile", self.profile]
        for key, value in self.changed().items():
            words += ["-p", key, str(value).lower() if isinstance(value, bool) else str(value)]
        return words

    def command(self) -> str:
        """The command for people that makes it: of the profile's own parameters the committed run.

        That one counts as this run, too; a part has its file named.
        """
        file = self.file.relative_to(paths.ROOT)
        output = ["--output", file.as_posix()] if self.part_of else []
        return shlex.join(["python", *self._words(), *output])

    def process(self) -> list[str]:
        """The words of the process that makes it, and nothing else's files."""
        return [sys.executable, *self._words(), "--output", str(self.file)]

    def state_file(self, ending: str) -> Path:
        """Its lock, its log or what it cost, by the file's ending."""
        return STATE / f"{self.name}{ending}"


def cells(
    file: Path = GRID, profile: str | None = None, only: str | None = None
) -> dict[str, Cell]:
    """The grid's cells by name: parts before the run that merges them.

    Parameters
    ----------
    file
        The grid.
    profile
        Instead of the one that the grid names.
    only
        A notebook, of which alone runs are wanted.

    Raises
    ------
    parameters.WrongParameter
        If the grid cannot be read, or asks for what a notebook does not have.
    """
    found: dict[str, Cell] = {}
    for entry in _entries(file):
        try:
            cells_ = [
                cell
                for name in _notebooks(entry)
                if only in (None, name)
                for cell in _cells_of(name, entry, profile)
            ]
        except parameters.WrongParameter as error:
            raise parameters.WrongParameter(f"{file.name}: {error}") from error
        found |= {cell.name: cell for cell in cells_ if cell.name not in found}
    if not found:
        raise parameters.WrongParameter(
            f"{file.name} has no runs" + (f" of {only}" if only else "")
        )
    return found


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        entries = yaml_files.held_by(file, list)
    except (OSError, reading.Damaged) as error:
        raise parameters.WrongParameter(f"the grid {file} cannot be read: {error}") from error
    if not all(isinstance(entry, dict) for entry in entries):
        raise parameters.WrongParameter(
            f"the grid {file} is no list of entries, such as "
            "'- {notebook: elime, profile: laptop, vary: {seed: [0, 1]}}'"
        )
    for entry in entries:
        if unknown := set(entry) - _KEYS:
            raise parameters.WrongParameter(
                f"the grid {file} has {', '.join(sorted(map(str, unknown)))}; an entry has "
                f"{', '.join(sorted(_KEYS))}"
            )
        if "notebook" not in entry or not isinstance(entry.get("vary") or {}, dict):
            raise parameters.WrongParameter(
                f"an entry of the grid {file} has no notebook, or vary is no table: {entry}"
            )
    return entries


def _notebooks(entry: dict[str, Any]) -> list[str]:
    wanted = entry["notebook"]
    if wanted == "all":
        return list(parameters.notebooks())
    return wanted if isinstance(wanted, list) else [wanted]


def _cells_of(name: str, entry: dict[str, Any], profile: str | None) -> Iterator[Cell]:
    vary = {
        key: values if isinstance(values, list) else [values]
        for key, values in (entry.get("vary") or {}).items()
    }
    if shards.PARAMETER in vary:
        raise parameters.WrongParameter(
            f"{shards.PARAMETER} is not varied, as no run would merge the parts; give shards: 8"
        )
    level = profile or entry.get("profile", "laptop")
    for combination in itertools.product(*vary.values()):
        given = list(zip(vary, combination, strict=True))
        whole = _run(name, parameters.resolve(name, level, given))
        parts = [
            *_shards(whole, given, _count(entry, "shards")),
            *_beside(whole, _count(entry, "together")),
        ]
        yield from parts
        yield whole._replace(
            needs=tuple(part.name for part in parts if part.values.get(shards.PARAMETER))
        )


def _count(entry: dict[str, Any], key: str) -> int:
    count = entry.get(key, 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 10000:
        raise parameters.WrongParameter(f"{key} is {count!r}; expected a number from 1 to 10000")
    return count


def _run(name: str, values: dict[str, Any]) -> Cell:
    stem = targets.target(name, values).stem
    profile = values["profile"]
    return Cell(f"{profile}/{stem}", name, values, MADE / profile / f"{stem}.ipynb")


def _shards(whole: Cell, given: list[tuple[str, Any]], count: int) -> Iterator[Cell]:
    """The runs of a part of the work each, which the whole run merges."""
    for shard in shards.names(count) if count > 1 else []:
        part = (shards.PARAMETER, shard)
        values = parameters.resolve(whole.notebook, whole.profile, [*given, part])
        yield _part(whole, values, shard.replace("/", "-of-"))


def _beside(whole: Cell, count: int) -> Iterator[Cell]:
    """Runs of the same at the same time: each makes what no other one has begun."""
    for number in range(2, count + 1):
        yield _part(whole, whole.values, f"beside-{number}")


def _part(whole: Cell, values: dict[str, Any], label: str) -> Cell:
    stem = f"{whole.file.stem}-{label}"
    file = MADE / "parts" / whole.profile / f"{stem}.ipynb"
    return Cell(f"parts/{whole.profile}/{stem}", whole.notebook, values, file, (), whole.name)
