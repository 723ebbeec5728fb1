"""The one way by which a file from outside is read: named, and refused if it is not what it should.

A message says which file, what came, what was expected and how to mend it. What is cut short, is
empty, is a network's login page instead of a download, or has another checksum is never believed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.store import paths

if TYPE_CHECKING:
    import pandas as pd

SUMS = "SHA256SUMS"  # a folder's file of checksums, as the program sha256sum writes it
_PAGE = (b"<!doctype html", b"<html", b"<head")  # how a web page begins


class Damaged(ValueError):
    """A file that is not what it should be; the message names it and says how to mend it."""


def shown(file: Path) -> str:
    """A file as messages name it: from the project's root, else by its folder and name."""
    full = file.resolve()
    if full.is_relative_to(paths.ROOT.resolve()):
        return full.relative_to(paths.ROOT.resolve()).as_posix()
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def mend(file: Path) -> str:
    """What mends a damaged file: from git if it is committed, anew if it is kept, else again."""
    full = file.resolve()
    if full.is_relative_to(paths.CACHE.resolve()):
        return "delete it, and it is made again"
    of_data = (paths.MODELS, paths.REPORTED, paths.RESULTS, paths.SMOKE)
    folders = (*of_data, paths.RUNS, paths.NOTEBOOKS)
    committed = any(full.is_relative_to(folder.resolve()) for folder in folders)
    if committed or full.parent == paths.DATA.resolve():
        return f"restore it: git checkout -- {shown(file)}"
    return "fetch it again"


def content(file: Path, sha256: str = "") -> bytes:
    """The bytes of a file that is there, is not empty, and has the SHA-256 if one is given.

    A file whose folder holds ``SHA256SUMS`` has to be in it and to agree with it.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    Damaged
        If it is empty, a folder or a device, a web page in place of the file, or altered.
    """
    if not file.exists():
        raise FileNotFoundError(f"there is no {shown(file)}; {mend(file)}")
    if not file.is_file():
        kind = "a folder" if file.is_dir() else "no regular file"
        raise Damaged(f"{shown(file)} is {kind}; expected a file")
    whole = file.read_bytes()
    if not whole:
        raise Damaged(f"{shown(file)} is empty; {mend(file)}")
    if _is_page(whole) and file.suffix not in (".html", ".xml", ".md"):
        raise Damaged(
            f"{shown(file)} is a web page, as a network's login page is given in place of a "
            f"download; log in to the network, then {mend(file)}"
        )
    check_sum(file, whole, sha256 or _listed(file), "" if sha256 else f" by {SUMS} beside it")
    return whole


def check_sum(file: Path, whole: bytes, sha256: str, of: str = "") -> None:
    """Compare a file's bytes with the SHA-256 that they should have, if there is one.

    Parameters
    ----------
    of
        Where that one stands, for the message.

    Raises
    ------
    Damaged
        If they differ.
    """
    found = hashlib.sha256(whole).hexdigest()
    if sha256 and found != sha256:
        raise Damaged(
            f"{shown(file)} has SHA-256 {found[:12]}…, expected {sha256[:12]}…{of}; it was altered "
            f"or cut short ({len(whole)} bytes): {mend(file)}"
        )


def sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of a folder's files by their names, from its ``SHA256SUMS``; none without one."""
    file = folder / SUMS
    if not file.is_file():
        return {}
    lines = [line.split(maxsplit=1) for line in text(file).splitlines() if line]
    if wrong := [line for line in lines if len(line) != 2 or len(line[0]) != 64]:
        raise Damaged(f"{shown(file)} has the line {' '.join(wrong[0])[:80]!r}; {mend(file)}")
    return {name.lstrip("*"): sha256 for sha256, name in lines}


def _listed(file: Path) -> str:
    listed = {} if file.name == SUMS else sums(file.parent)
    if listed and file.name not in listed:
        kinds = {entry.suffix for entry in file.parent.iterdir() if entry.suffix}
        names = " ".join(f"*{kind}" for kind in sorted(kinds))
        raise Damaged(
            f"{shown(file)} is not in {SUMS} beside it; if it is meant to be there, write the "
            f"checksums anew: sha256sum {names} > {SUMS}"
        )
    return listed.get(file.name, "")


def _is_page(whole: bytes) -> bool:
    return whole[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE)


def text(file: Path) -> str:
    """A text in UTF-8, without the mark that Windows puts first, lines ended as on Linux.

    Raises
    ------
    FileNotFoundError, Damaged
        As :func:`content`; or if it is no text in UTF-8.
    """
    try:
        told = content(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged(f"{shown(file)} is no text in UTF-8 ({error}); {mend(file)}") from error
    if "\0" in told:
        raise Damaged(f"{shown(file)} holds null bytes, as a torn file does; {mend(file)}")
    return told.replace("\r\n", "\n").replace("\r", "\n")


def json_of(file: Path) -> Any:
    """What a JSON file holds; each key stands once in its object.

    Raises
    ------
    FileNotFoundError, Damaged
        As :func:`text`; or if it is no JSON, or a key stands twice.
    """
    try:
        return json.loads(text(file), object_pairs_hook=_once)
    except Damaged:
        raise
    except ValueError as error:
        raise Damaged(f"{shown(file)} is no whole JSON ({error}); {mend(file)}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice")
    return found


def object_of(file: Path, *keys: str) -> dict[str, Any]:
    """The object that a JSON file holds, which has these keys.

    Raises
    ------
    FileNotFoundError, Damaged
        As :func:`json_of`; or if it is no object, or a key is missing.
    """
    held = json_of(file)
    if not isinstance(held, dict):
        raise Damaged(f"{shown(file)} holds {type(held).__name__}, no object; {mend(file)}")
    if missing := [key for key in keys if key not in held]:
        raise Damaged(f"{shown(file)} lacks {missing[0]!r}; {mend(file)}")
    return held


def table(
    file: Path, columns: Sequence[str], *, key: Sequence[str] = (), numbers: Sequence[str] = ()
) -> pd.DataFrame:
    """A table with commas, checked before anything is taken from it.

    Parameters
    ----------
    file
        The CSV file; a byte order mark and line ends of any kind are no part of it.
    columns
        That it must have; further ones may follow.
    key
        Columns whose values, taken together, stand once.
    numbers
        Columns that hold a finite number in each row.

    Raises
    ------
    FileNotFoundError, Damaged
        As :func:`text`; or if a column is missing or stands twice, a row has more or fewer cells, a
        key stands twice, or a cell is no finite number.
    """
    import pandas as pd

    lines = text(file)
    head, *rows = [row for row in csv.reader(io.StringIO(lines)) if row]
    for column in columns:
        if head.count(column) != 1:
            raise Damaged(
                f"{file.name} lacks the column {column!r}; it needs {list(columns)}"
                if column not in head
                else f"{file.name} has the column {column!r} {head.count(column)} times"
            )
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise Damaged(
                f"{shown(file)}, row {number}, has {len(row)} cells; expected {len(head)}, one a "
                f"column: {mend(file)}"
            )
    _check_keys(file, [tuple(row[head.index(name)] for name in key) for row in rows] if key else [])
    for name in numbers:
        for number, row in enumerate(rows, 2):
            _check_number(file, number, name, row[head.index(name)])
    return pd.read_csv(io.StringIO(lines))


def _check_keys(file: Path, keys: list[tuple[str, ...]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for one in keys:
        if one in seen:
            told = ", ".join(one)
            raise Damaged(f"{file.name} holds the key {told!r} twice; keys are unique")
        seen.add(one)


def _check_number(file: Path, row: int, column: str, cell: str) -> None:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Damaged(
            f"{shown(file)}, row {row}: {column} is {cell!r}; expected a finite number: "
            f"{mend(file)}"
        )
