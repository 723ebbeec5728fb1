"""The code of the rooms of helpers: which ones a file stands on, and their source without words."""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from helpers.store.paths import HELPERS

COMPUTING = ("papers", "measures", "inputs", "saliency", "trials")  # rooms that make numbers


def reached_from(file: Path) -> set[str]:
    """The computing rooms that a file imports, directly or through one another."""
    found: set[str] = set()
    waiting = set(_imported_rooms(file.read_text()))
    while waiting:
        room = waiting.pop()
        found.add(room)
        for other in (HELPERS / room).glob("*.py"):
            waiting |= _imported_rooms(other.read_text()) - found
    return found & set(COMPUTING)


def below(room: str) -> set[str]:
    return set().union(*(reached_from(file) for file in (HELPERS / room).glob("*.py")))


def code(room: str) -> str:
    """The code of all files of a room, without its words."""
    total = hashlib.sha256()
    for file in sorted((HELPERS / room).rglob("*.py")):
        total.update(
            f"{file.relative_to(HELPERS)}\n{_stripped(file, file.stat().st_mtime_ns)}".encode()
        )
    return f"{room} {total.hexdigest()}"


def _imported_rooms(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            names = [f"helpers.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("helpers.")}
    return {room for room in found if (HELPERS / room).is_dir()}


@lru_cache(maxsize=512)
def _stripped(file: Path, changed: int) -> str:
    return without_words(file.read_text())


def without_words(source: str) -> str:
    """Code without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[:] = body[1:] or [ast.Pass()]
    return ast.unparse(tree)
