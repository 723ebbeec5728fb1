"""One run at a time for each target: a second one waits, and says what for."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.store import locks, paths


@contextmanager
def held(target: Path) -> Iterator[None]:
    """Hold a target's lock while the block runs; wait for whoever holds it, and say who that is.

    The lock ends with the process, however that ends (:mod:`helpers.store.locks`).

    Parameters
    ----------
    target
        The file that the run writes.
    """
    name = hashlib.sha256(str(target.resolve()).encode()).hexdigest()[:16]
    file = paths.CACHE / "locks" / f"{name}.lock"
    if holder := locks.holder(file):
        print(
            f"helpers.run: {target.name} is being written by another run, {holder}; waiting for it "
            "(Ctrl-C stops waiting)",
            file=sys.stderr,
        )
    with locks.claimed(file, wait=True):
        yield
