"""One run at a time for each target: a second one waits, and says what for."""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from helpers.store import paths

try:
    import fcntl
except ImportError:  # Windows, where runs do not wait for each other
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(target: Path, what: str) -> Iterator[None]:
    """Hold a target's lock while the block runs; wait for whoever holds it.

    The system lets go of the lock when its process ends, however it ends.

    Parameters
    ----------
    target
        The file that the run writes.
    what
        The run in words, for whoever waits.
    """
    file = _file(target)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as opened:
        if fcntl is not None and not _taken(opened):
            print(
                f"helpers.run: {target.name} is being written by {_holder(opened)}; waiting for it "
                "(Ctrl-C stops waiting)",
                file=sys.stderr,
            )
            fcntl.flock(opened, fcntl.LOCK_EX)
        _note(opened, what)
        try:
            yield
        finally:
            _note(opened, "")


def _file(target: Path) -> Path:
    name = hashlib.sha256(str(target.resolve()).encode()).hexdigest()[:16]
    return paths.CACHE / "locks" / f"{name}.lock"


def _taken(opened: TextIO) -> bool:
    """Take the lock if nobody has it; whether that went well."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note(opened: TextIO, what: str) -> None:
    opened.seek(0)
    opened.truncate()
    started = datetime.now().strftime("%Y-%m-%d %H:%M")
    if what:
        json.dump({"what": what, "process": os.getpid(), "started": started}, opened)
    opened.flush()


def _holder(opened: TextIO) -> str:
    opened.seek(0)
    with contextlib.suppress(ValueError, KeyError, TypeError):
        told = json.loads(opened.read())
        return f"{told['what']}, process {told['process']}, begun {told['started']}"
    return "another run"
