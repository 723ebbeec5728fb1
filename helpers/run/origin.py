"""What a run is made of, taken before it starts and compared after it: commit, code and data.

A file that is edited while a run goes on leaves numbers of the old code, of the new or of both;
nobody can tell which, so such a run is refused.
"""

import datetime
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from helpers.store import cache, digests, paths, rooms, shards

OUTPUTS = ("book/runs", "book/images", "data/results", "data/smoke", "README.md")  # what runs write
SOURCES = ("helpers/", "notebooks/", "data/")  # where a file that git does not know counts too


class Origin(NamedTuple):
    """Commit and digest of a run's code and data, at one time."""

    commit: str
    digest: str


_begun: dict[str, Origin] = {}  # of this process, by notebook


def begin(name: str, values: dict[str, Any]) -> Origin:
    """Note what a notebook with these parameters is made of, at the start of its run.

    What is kept from now on says by whom it was made (:data:`helpers.store.cache.maker`).
    """
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    before = Origin(commit(), notebook_digest(name, values))
    _begun[name] = before
    cache.maker = f"{name} {values['profile']}, commit {before.commit}, {before.digest}, {now}"
    return before


def begun(name: str, values: dict[str, Any]) -> Origin:
    """What the notebook was made of when its run began; now, if that was not noted."""
    return _begun.get(name) or Origin(commit(), notebook_digest(name, values))


def changes(before: Origin, name: str, values: dict[str, Any]) -> str:
    """What was edited since the run began, in words; empty if nothing was.

    A file that was edited and put back counts, since what was imported meanwhile is not known.
    """
    touched = rooms.edited() or rooms.written_since_start()
    if touched:
        named = ", ".join(file.relative_to(paths.HELPERS.parent).as_posix() for file in touched[:3])
        return f"{named} was written to while it ran"
    if notebook_digest(name, values) != before.digest:
        return "its notebook, its claims or its networks were changed while it ran"
    return ""


def commit() -> str:
    """The commit checked out, with a plus sign where a file that makes numbers differs from it."""
    head = _git("rev-parse", "--short=10", "HEAD")
    return (head + ("+" if uncommitted() else "")) if head else "no commit"


def uncommitted() -> list[str]:
    """Files that differ from the commit: all tracked ones but :data:`OUTPUTS`, and new sources."""
    aside = [f":(exclude){name}" for name in OUTPUTS]
    lines = _git("status", "--porcelain", "-unormal", "--", ".", *aside).splitlines()
    pairs = [line.strip().split(maxsplit=1) for line in lines]
    return [file for mark, file in pairs if mark != "??" or file.startswith(SOURCES)]


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=paths.ROOT, capture_output=True, text=True)
    except OSError:  # no git in this machine
        return ""
    return done.stdout.strip("\n")


def notebook_digest(name: str, values: dict[str, Any]) -> str:
    """Digest of a notebook's code, the rooms it stands on, its parameters and committed inputs.

    Inputs are its claims and each file of ``data/models`` whose chapter the notebook, or a room
    that it stands on, names: one chapter explains another's networks. A run in one piece has the
    digest that it would have if its notebook could not be cut.
    """
    if values.get(shards.PARAMETER) == shards.WHOLE:
        values = {key: value for key, value in values.items() if key != shards.PARAMETER}
    source = paths.NOTEBOOKS / f"{name}.py"
    code = digests.code_digest(source) if source.exists() else ""
    models = [file for file in sorted(paths.MODELS.glob("*.*")) if _is_read(file.stem, name)]
    present = [file for file in (paths.REPORTED / f"{name}.csv", *models) if file.exists()]
    return digests.digest(sorted(values.items()), code, present)


def _is_read(model: str, name: str) -> bool:
    """Whether a notebook or its rooms name the chapter that a file of ``data/models`` is of."""
    chapter = model.partition("-epoch-")[0]
    source = paths.NOTEBOOKS / f"{name}.py"
    if chapter == name:
        return True
    if not source.exists():
        return False
    files = [file for room in rooms.reached_from(source) for file in _files_of(room)]
    return any(chapter in file.read_text(encoding="utf-8") for file in [source, *files])


def _files_of(room: str) -> list[Path]:
    return sorted((paths.HELPERS / room).rglob("*.py"))
