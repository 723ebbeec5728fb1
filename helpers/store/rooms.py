"""The code of the rooms of helpers: which ones a file stands on, and their code without words."""

import ast
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers.store.paths import HELPERS

# rooms that make numbers
COMPUTING = ("papers", "measures", "inputs", "saliency", "trials", "planted", "ranking")


_snapshots: list[dict[object, Any]] = []  # of the walks under way, what each has found on disk
_latest: tuple[object, dict[object, Any]] = ((), {})  # how the files stood, and what was found
_SETTLED = 2 * 10**9  # nanoseconds; a file that was written less long ago may change again unseen


@contextmanager
def snapshot() -> Iterator[None]:
    """Within it each file is read once, and what follows from the files is worked out once.

    What was found holds for the next one, too, where no file has changed: a run asks for hundreds.
    """
    global _latest
    stands = _stands()
    found = _latest[1] if stands and stands == _latest[0] else {}
    _snapshots.append(found)
    try:
        yield
    finally:
        _snapshots.pop()
    _latest = stands, found


def _stands() -> tuple:
    """What files of helpers held at the start, where each lies, its size and when it changed.

    Empty where that says too little: a second change within one tick of the file system's clock
    shows in neither size nor time.
    """
    stats = [(entry.path, entry.stat()) for entry in _entries(HELPERS)]
    if max((of.st_ctime_ns for _, of in stats), default=0) > time.time_ns() - _SETTLED:
        return ()
    now = ((file, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns) for file, of in stats)
    return (*AT_START.values(), *now)


def _entries(folder: Path | str) -> Iterator[os.DirEntry]:
    """The Python files of a folder and of those within it."""
    for entry in os.scandir(folder):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _entries(entry.path)
        elif entry.name.endswith(".py"):
            yield entry


def _once(key: object, make: Callable[..., Any], *arguments: object) -> Any:
    """A result of this snapshot, if one is being taken; else made anew."""
    if not _snapshots:
        return make(*arguments)
    found = _snapshots[-1]
    if key not in found:
        found[key] = make(*arguments)
    return found[key]


def _raw(file: Path) -> str:
    return _once(file, _hash, file) if HELPERS in file.parents else _hash(file)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


AT_START = {file: _raw(file) for file in HELPERS.rglob("*.py")}  # when this process began
_STARTED = time.time_ns()
_PROCESS = f"{os.getpid()} {time.time()}"


def written_since_start() -> list[Path]:
    """Files of helpers that were written to since this process began, whatever they hold now.

    What was imported between an edit and its undoing is code that no file shows any more.
    """
    return [file for file in AT_START if file.exists() and file.stat().st_mtime_ns > _STARTED]


def edited() -> list[Path]:
    """Files of helpers that are no longer what they were when this process began.

    What was imported before may be older than the file, so that neither says what ran.
    """
    return _once("edited", _edited)


def _edited() -> list[Path]:
    return [file for file, raw in AT_START.items() if not file.exists() or _raw(file) != raw]


def code(room: str) -> str:
    """The code of all files of a room, without its words.

    Where a file was edited since this process began, a mark that no other process gives.
    """
    return _once(("code", room), _code, room)


def _code(room: str) -> str:
    total = hashlib.sha256()
    for file in sorted((HELPERS / room).rglob("*.py")):
        total.update(f"{file.relative_to(HELPERS)}\n{_stripped(file, _raw(file))}".encode())
    mark = _PROCESS if any((HELPERS / room) in file.parents for file in edited()) else ""
    return f"{room} {total.hexdigest()} {mark}"


def code_of_module(name: str, known: dict[str, bytes]) -> Iterator[bytes]:
    """What counts of a module of helpers: its whole room and those below, if it makes numbers.

    Of a module that makes none (a chart, the cache) only its own file and the rooms below count.

    Parameters
    ----------
    name
        The module's full name.
    known
        Code of rooms that was read already; what is read is added.
    """
    parts = name.split(".")
    room = parts[1] if len(parts) > 1 else ""
    base = HELPERS.joinpath(*parts[1:])
    file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if not room:
        return
    if room not in COMPUTING:
        yield _stripped(file, _raw(file)).encode()
    for each in sorted({room} | below(room) if room in COMPUTING else reached_from(file)):
        if each not in known:
            known[each] = code(each).encode()
        yield known[each]


def reached_from(file: Path) -> set[str]:
    """The computing rooms that a file imports, directly or through one another."""
    if HELPERS not in file.parents:  # whose changes no snapshot notices
        return _reached_from(file)
    return _once(("reached", file), _reached_from, file)


def _reached_from(file: Path) -> set[str]:
    reached: set[str] = set()
    waiting = set(_imported_rooms(file))
    while waiting:
        room = waiting.pop()
        reached.add(room)
        waiting |= _once(("room", room), _imported_by_room, room) - reached
    return reached & set(COMPUTING)


def below(room: str) -> set[str]:
    """The computing rooms that a room imports, directly or through one another."""
    return _once(("below", room), _below, room)


def _below(room: str) -> set[str]:
    return set().union(*(reached_from(file) for file in (HELPERS / room).rglob("*.py")))


def without_words(source: str) -> str:
    """Code without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in _statements(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[:] = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all statements within it, however deep: their expressions hold none."""
    yield node
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        within = getattr(node, name, ())
        for each in within if isinstance(within, list) else ():
            yield from _statements(each)


def _imported_by_room(room: str) -> set[str]:
    return set().union(*(_imported_rooms(file) for file in (HELPERS / room).rglob("*.py")))


def _imported_rooms(file: Path) -> set[str]:
    return _rooms_in(file, _raw(file))


@lru_cache(maxsize=1024)
def _rooms_in(file: Path, raw: str) -> set[str]:
    names: set[str] = set()
    for node in _statements(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:  # of the file's own package
                package = ["helpers", *file.relative_to(HELPERS).parent.parts]
                module = ".".join([*package[: len(package) - node.level + 1], module]).rstrip(".")
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    rooms = {name.split(".")[1] for name in names if name.startswith("helpers.")}
    return {room for room in rooms if (HELPERS / room).is_dir()}


@lru_cache(maxsize=1024)
def _stripped(file: Path, raw: str) -> str:
    return without_words(file.read_text(encoding="utf-8"))
