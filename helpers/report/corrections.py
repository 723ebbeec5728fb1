"""Sentences of committed pages that were found to be wrong after the run, and what is true."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from helpers.store import paths, reading, yaml_files

FILE = paths.BOOK / "corrections.yaml"
TOLD = " *(Corrected after the run.)*"


class Correction(NamedTuple):
    """A sentence of a page, word for word, and the sentence that should stand there."""

    says: str
    instead: str


@lru_cache
def known(file: Path = FILE) -> dict[str, tuple[Correction, ...]]:
    """The corrections by chapter.

    Raises
    ------
    Damaged
        If an entry is no list of pairs of texts.
    """
    found = {}
    for chapter, entries in yaml_files.held_by(file).items():
        if not isinstance(entries, list) or any(
            not isinstance(one, dict) or set(one) != set(Correction._fields) for one in entries
        ):
            raise reading.Damaged(
                f"{reading.shown(file)}: {chapter} is no list of pairs 'says' and 'instead'"
            )
        found[chapter] = tuple(Correction(**one) for one in entries)
    return found


def made(notebook: dict[str, Any], chapter: str) -> dict[str, Any]:
    """A committed notebook as the book shows it: a corrected sentence says that it is one.

    A sentence that a later run does not have any more needs no correction, and is passed over.
    """
    cells = [_corrected(cell, known().get(chapter, ())) for cell in notebook["cells"]]
    return {**notebook, "cells": cells}


def _corrected(cell: dict[str, Any], listed: tuple[Correction, ...]) -> dict[str, Any]:
    if cell["cell_type"] == "markdown":
        return {**cell, "source": _text(cell["source"], listed)}
    outputs = [_output(output, listed) for output in cell.get("outputs", [])]
    return {**cell, "outputs": outputs} if "outputs" in cell else cell


def _output(output: dict[str, Any], listed: tuple[Correction, ...]) -> dict[str, Any]:
    data = output.get("data", {})
    if "text/markdown" not in data:
        return output
    text = _text(data["text/markdown"], listed)
    return {**output, "data": {**data, "text/markdown": text}}


def _text(source: str | list[str], listed: tuple[Correction, ...]) -> str:
    text = "".join(source)
    for one in listed:
        text = text.replace(one.says, f"{one.instead}{TOLD}")
    return text
