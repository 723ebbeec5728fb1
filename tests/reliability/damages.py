"""Spoil every kind of file in every way, read it as the project does, and see what comes.

Runs in a copy of the project: ``python -m reliability.damages RECORD CODE``.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from reliability import record, things, things_made

KIND = "damages"
ONE_VALUE = ("one bit turned", "one digit changed")  # faults that leave a file whole


def all_things(folder: Path) -> Iterator[things.Thing]:
    """Every kind of file."""
    yield from things.published()
    yield from things.sources()
    yield from things_made.kept(folder)
    yield from things_made.committed()
    yield from things_made.brought(folder)
    yield from things_made.pooled(folder / "pooled")


def attempt(thing: things.Thing, fault: str, good: object) -> tuple[str, str]:
    """Spoil a file, read it, and put it back."""
    before = {file: file.read_bytes() for file in _files(thing)}
    whole = before[thing.file]
    spoiled = thing.spoils[fault](whole, random.Random(f"{thing.name} {fault}"))
    if spoiled is None or spoiled == whole:
        return "", "cannot be done to this file"
    try:
        thing.file.write_bytes(spoiled)
        things.forget()
        said = thing.file.name if thing.said is None else thing.said
        outcome, told = record.judged(thing.read, lambda given: _wrong(given, good), said)
        if outcome != record.LOST:
            return outcome, told
        if thing.own and fault.startswith(ONE_VALUE):
            return record.UNKNOWABLE, "read as the whole file that it is: another value"
        return record.judged(lambda: _raise(thing.notices()), lambda given: told, "")
    finally:
        for file in _files(thing):
            if file not in before:
                file.unlink()
        for file, content in before.items():
            file.write_bytes(content)
        things.forget()


def _raise(told: list[str]) -> None:
    if told:
        raise record.Noticed(told[0])


def _files(thing: things.Thing) -> list[Path]:
    """What is put back afterwards."""
    return list(thing.folder.iterdir()) if thing.folder else [thing.file]


def _wrong(given: object, good: object) -> str:
    return "" if things.plain(given) == good else "read as if nothing had happened"


def run(tried: record.Tried) -> None:
    """Try every fault on every kind of file."""
    with tempfile.TemporaryDirectory() as name:
        for thing in all_things(Path(name)):
            before = {file: file.read_bytes() for file in _files(thing)}
            good = things.plain(thing.read())
            for file in set(_files(thing)) - set(before):
                file.unlink()
            for file, content in before.items():
                file.write_bytes(content)
            for fault in thing.spoils:
                tried.case(thing.name, fault, partial(attempt, thing, fault, good))


if __name__ == "__main__":
    run(record.Tried(Path(sys.argv[1]), KIND, sys.argv[2]))
