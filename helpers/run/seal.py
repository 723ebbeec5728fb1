"""The hash of what a run published: its page, its card and its result files, kept in the card.

One changed digit in any of them no longer fits. It guards against slips, not against somebody who
writes the hash anew as well.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.store import paths, reading

KEY = "published"  # the card's entry
SEEDS = "-seeds"  # how names of files of pooled seeds end


def sealed(notebook: Any, card: dict[str, Any], results: Mapping[str, bytes]) -> dict[str, Any]:
    """A run card with the hashes of the page, of the card itself, and of the results.

    Parameters
    ----------
    notebook
        The executed notebook as it is written.
    card
        The run card; hashes that it holds are replaced.
    results
        Contents of the result files, by the end of their names; the card's own is none of them.
        Parts in folders are left out, as in :func:`results_of`.
    """
    bare = {key: value for key, value in card.items() if key != KEY}
    hashes = {
        ending: hashlib.sha256(content).hexdigest()
        for ending, content in results.items()
        if not _is_part(ending)
    }
    return {**bare, KEY: {"page": of_page(notebook), "card": _of(bare), **hashes}}


def of_page(notebook: Any) -> str:
    """SHA-256 of a notebook's cells: their texts, tags and outputs, in order."""
    cells = [
        [
            cell["cell_type"],
            _joined(cell["source"]),
            list(cell["metadata"].get("tags", [])),
            [_output(output) for output in cell.get("outputs", [])],
        ]
        for cell in notebook["cells"]
    ]
    return _of(cells)


def differences(name: str) -> list[str]:
    """What of a committed run is no longer as it was published, in words; empty if all is.

    Raises
    ------
    ValueError
        If a file of the run is damaged.
    """
    page = reading.object_of(paths.RUNS / f"{name}.ipynb", "cells", "metadata")
    card = reading.object_of(paths.RESULTS / f"{name}.json")
    wrong = []
    if page["metadata"].get("provenance") != card:
        wrong.append(f"book/runs/{name}.ipynb and data/results/{name}.json hold two run cards")
    if KEY not in card:
        return [*wrong, f"{name} has no hash of what it published"]
    now = sealed(page, card, results_of(name))[KEY]
    was = card[KEY]
    names = {"page": f"book/runs/{name}.ipynb", "card": f"the run card of {name}"}
    for part in sorted(part for part in {*was, *now} if not _is_part(part)):
        told = names.get(part, f"data/results/{name}{part}")
        if part not in now:
            wrong.append(f"{told} is gone")
        elif was.get(part) != now[part]:
            wrong.append(f"{told} is not what the run published")
    return wrong


def results_of(name: str) -> dict[str, bytes]:
    """The committed result files of a notebook, by the end of their names, without the card.

    Those of pooled seeds, and the parts in folders (trainings, pairs of a solver), are of several
    runs, may come later, and have checksums of their own.
    """
    files = [
        file
        for file in sorted(paths.RESULTS.glob(f"{name}*"))
        if file.is_file()
        and file.name != f"{name}.json"
        and file.stem.removeprefix(name)[:1] in ("", "-")
        and not file.stem.endswith(SEEDS)
    ]
    return {file.name.removeprefix(name): reading.content(Path(file)) for file in files}


def _is_part(ending: str) -> bool:
    """Whether a file lies in a folder of parts, such as ``-trainings/seed-3.json``."""
    return "/" in ending


def _output(output: Any) -> list[Any]:
    data = {kind: _joined(content) for kind, content in output.get("data", {}).items()}
    kept = {key: _joined(output[key]) for key in ("name", "text", "ename", "evalue", "traceback")
            if key in output}  # fmt: skip
    return [output["output_type"], data, kept]


def _joined(text: Any) -> Any:
    """A text that a notebook's file may hold as lines."""
    if isinstance(text, list | tuple) and all(isinstance(line, str) for line in text):
        return "".join(text)
    return text


def _of(thing: Any) -> str:
    text = json.dumps(thing, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
