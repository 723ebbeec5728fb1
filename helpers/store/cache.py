"""Results kept under a name that follows from all that makes them.

A kept result belongs to exactly the function that made it (see :mod:`helpers.store.digests`: its
code, what it reads and calls, however far away), its arguments by content, and the versions of the
libraries. What is read is compared with a checksum first; what has changed is made again.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable

from torch import Tensor

from helpers.store import digests, files, paths

FRESH = "XAI_FRESH"  # seconds since 1970: what was kept before is not used
counts: Counter[str] = Counter()  # of this process: results "read" and "made"


def key_of(function: Callable, *arguments: object, **named: object) -> str:
    """The name of a function's result for these arguments: equal only where all is equal."""
    return digests.digest(function, arguments, named, digests.versions())


def kept(
    name: str, make: Callable[..., dict[str, Tensor]], *arguments: object, **named: object
) -> dict[str, Tensor]:
    """The tensors that ``make(*arguments, **named)`` gives: read if they are there, else made.

    Resumes after an interruption.

    Parameters
    ----------
    name
        Words for the folder and file, such as "decam/search"; the digest follows it.
    make
        Takes numbers, texts, tensors, tables, networks, or lists and dictionaries of them. What it
        reads of its surroundings counts as an argument.

    Raises
    ------
    TypeError
        If `make` or an argument cannot be told apart by content.
    """
    file = paths.CACHE / f"{name}-{key_of(make, *arguments, **named)}.safetensors"
    if file.exists() and file.stat().st_mtime >= float(os.environ.get(FRESH) or 0):
        try:
            tensors, _ = files.read_tensors(file)
        except ValueError as error:
            print(f"{error}; it is made again", file=sys.stderr)
        else:
            counts["read"] += 1
            return tensors
    made = {
        key: value.detach().cpu().contiguous() for key, value in make(*arguments, **named).items()
    }
    files.write_tensors(file, made)
    counts["made"] += 1
    return made
