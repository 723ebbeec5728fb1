"""Results kept under a name that follows from all that makes them.

A kept result belongs to exactly the function that made it (see :mod:`helpers.store.digests`: its
code, what it reads and calls, however far away), its arguments by content, the versions of the
libraries and torch's settings of precision. What is read is compared with a checksum first; what
has changed is made again. What a function reads of the disk or draws from torch's global generator
is not seen: give it contents and seeds.
"""

import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from helpers.store import digests, files, paths, rooms

FRESH = "XAI_FRESH"  # seconds since 1970: what was kept before is not used
ONCE = "once-"  # begins a key that no later call gets again, so that nothing is kept under it
UNKNOWN = "an unnamed run"  # what made a part that does not say it
counts: Counter[str] = Counter()  # of this process: results "read" and "made"
sources: Counter[str] = Counter()  # of this process: files read that other runs made, by run
maker = UNKNOWN  # the run under way: name, profile, commit, digest, start
_told: set[Path] = set()  # files that are counted in sources


def key_of(function: Callable, *arguments: object, **named: object) -> str:
    """The name of a function's result for these arguments: equal only where all is equal.

    Raises
    ------
    TypeError
        If the function or an argument cannot be told apart by its content.
    """
    return digests.digest(function, arguments, named, *_surroundings())


def key_of_brought(thing: object) -> str:
    """A key for a method or network of a user's, equal only where nothing in it differs.

    One whose content cannot be told, or whose code reads files, the environment or what it finds by
    a computed name, gets a key of its own at every call, which begins with :data:`ONCE`: nothing
    kept before is read, and nothing need be kept.
    """
    try:
        return digests.whole_digest(thing, (), {}, *_surroundings())
    except (TypeError, OSError):  # OSError: a function without a file
        return f"{ONCE}{uuid.uuid4().hex}"


def _surroundings() -> tuple:
    precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    return digests.versions(), precision


def kept(
    name: str, make: Callable[..., dict[str, Tensor]], *arguments: object, **named: object
) -> dict[str, Tensor]:
    """The tensors that ``make(*arguments, **named)`` gives: read if they are there, else made.

    Resumes after an interruption. An argument that begins with :data:`ONCE` is never met again:
    what is made for it is not kept.

    Parameters
    ----------
    name
        Words for the folder and file, such as "decam/search"; the digest follows it.
    make
        Takes numbers, texts, tensors, tables, networks, or lists and dictionaries of them. What it
        reads of its surroundings counts as an argument.

    Returns
    -------
    dict[str, torch.Tensor]
        On the processor, contiguous, in the order in which `make` gives them.

    Raises
    ------
    TypeError
        If `make` or an argument cannot be told apart by content, or `make` gives no tensors.
    """
    if any(isinstance(given, str) and given.startswith(ONCE) for given in arguments):
        counts["made"] += 1
        return _checked(name, make(*arguments, **named))
    file = paths.CACHE / f"{name}-{key_of(make, *arguments, **named)}.safetensors"
    if (tensors := _read(file)) is not None:
        counts["read"] += 1
        return tensors
    made = _checked(name, make(*arguments, **named))
    with rooms.snapshot():
        changed = rooms.edited()
    if changed:
        print(
            f"{changed[0].name} was edited since this process began, so that {name} is not kept; "
            "restart the kernel",
            file=sys.stderr,
        )
    else:
        files.write_tensors(file, made, {"order": list(made), "made by": maker})
    counts["made"] += 1
    return made


def _read(file: Path) -> dict[str, Tensor] | None:
    """The tensors of a file, or None if it is missing, older than asked for, or has changed."""
    try:
        if file.stat().st_mtime < float(os.environ.get(FRESH) or 0):
            return None
        tensors, record = files.read_tensors(file)
        made = {key: tensors[key] for key in record["order"]}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError) as error:
        print(f"{error}; it is made again", file=sys.stderr)
        return None
    note_source(file, record)
    return made


def note_source(file: Path, record: dict) -> None:
    """Count a kept file as another run's, unless this run made it; each file counts once.

    Parameters
    ----------
    file
        What was read.
    record
        Its record, whose entry "made by" names the run.
    """
    made_by = record.get("made by", UNKNOWN)
    if file not in _told and (made_by != maker or maker == UNKNOWN):
        _told.add(file)
        sources[made_by] += 1


def _checked(name: str, made: object) -> dict[str, Tensor]:
    """Tensors of their own memory, so that what is made now equals what is read later."""
    if not isinstance(made, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in made.items()
    ):
        raise TypeError(f"{name} gives {type(made).__name__}; expected a dictionary of tensors")
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in made.items()
    }


def set_aside(name: str) -> list[Path]:
    """Move all that was kept for a notebook out of the way, so that it starts with nothing.

    Returns
    -------
    list[pathlib.Path]
        Where it lies now; one may delete it.
    """
    aside = paths.CACHE / "set-aside" / f"{time.time():.0f}"
    moved = []
    for entry in sorted(paths.CACHE.glob(f"{name}*")):
        aside.mkdir(parents=True, exist_ok=True)
        moved.append(entry.rename(aside / entry.name))
    return moved
