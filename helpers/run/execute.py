"""Execute a notebook aside, and put it in place only if it is whole."""

import datetime
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from helpers.run import parameters
from helpers.store import files, paths

LONG = 12  # lines of code from which a page folds a cell
RESULTS = "application/vnd.xai.results+json"  # what claims.publish displays
# glibc's malloc hands every large tensor back to the system and fetches it anew, page by page: half
# of a network's time on a CPU. These let it keep 4 GiB; the Makefile sets them for tests and bench.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


def target(name: str, profile: str, output: Path | None) -> Path:
    """Where the executed notebook goes: a smaller run never replaces a committed larger one."""
    if output is not None:
        return output
    file = paths.RUNS / f"{name}.ipynb"
    if file.exists():
        there = json.loads(file.read_text())["metadata"].get("provenance", {}).get("profile")
        if there in parameters.PROFILES and parameters.PROFILES.index(
            there
        ) > parameters.PROFILES.index(profile):
            return paths.BOOK / "_made" / profile / f"{name}.ipynb"
    return file


def execute(name: str, values: dict[str, Any], file: Path) -> None:
    """Execute a notebook with checked parameters, and put it and its results in place.

    Raises
    ------
    RuntimeError
        If a cell failed or was not run; the message says where the broken notebook lies.
    """
    import jupytext
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    source = paths.NOTEBOOKS / f"{name}.py"
    os.environ.update(MEMORY | os.environ)  # the kernel inherits them
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch) / "in.ipynb", Path(scratch) / "out.ipynb"
        notebook = jupytext.read(source)
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number}"
        nbformat.write(notebook, given)
        error: Exception | None = None
        try:
            papermill.execute_notebook(
                given,
                made,
                values,
                kernel_name="python3",
                language="python",
                cwd=paths.ROOT,
                stderr_file=sys.stderr,
            )
        except (PapermillExecutionError, OSError, RuntimeError) as caught:
            error = caught
        if not made.exists():
            raise RuntimeError(f"{name} did not start: {error}")
        executed = nbformat.read(made, as_version=4)
    reason = str(error) if error else unfinished(executed)
    if reason:
        broken = paths.FAILED / file.name
        files.write_atomically(broken, nbformat.writes(executed).encode())
        raise RuntimeError(f"{reason}\nThe broken run is kept in {shown(broken)}")
    card = _card(name, values, time.monotonic() - started)
    results = published(executed)
    files.write_atomically(file, nbformat.writes(finished(executed, card)).encode())
    folder = paths.RESULTS if file.parent == paths.RUNS else file.parent
    if results:
        results[".json"] = json.dumps(card, indent=1) + "\n"
    for ending, text in results.items():
        files.write_atomically(folder / f"{name}{ending}", text.encode())


def unfinished(notebook: dict) -> str:
    """Why a run does not count as whole, or an empty string if it does.

    Papermill's own status is not enough: a killed run has no exception, and one that ran out of
    time has "completed" cells that hold an error.
    """
    record = notebook.metadata.get("papermill", {})
    if record.get("exception") or not record.get("end_time"):
        return "the run broke off before its end"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("papermill", {}).get("status") != "completed":
            return f"cell {number} was not run"
        if any(output.output_type == "error" for output in cell.outputs):
            return f"cell {number} ended in an error"
    return ""


def published(notebook: dict) -> dict[str, str]:
    """What the notebook displayed by `claims.publish`: texts, by the end of their file's name."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if RESULTS in output.get("data", {}):
                return dict(output["data"].pop(RESULTS)["files"])
    return {}


def finished(notebook: dict, card: dict) -> dict:
    """The executed notebook as a page: verdict and run card on top, nothing volatile inside."""
    cells = []
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_aside(output)]
            tags = cell.metadata.setdefault("tags", [])
            if "verdict" in tags:
                tags.append("remove-input")
            elif cell.source.count("\n") >= LONG:
                tags.append("hide-input")
        cells.append(cell)
    verdict = [cell for cell in cells if "verdict" in cell.metadata.get("tags", [])]
    rest = [cell for cell in cells if cell not in verdict]
    import nbformat

    note = nbformat.v4.new_markdown_cell(_card_text(card), id="run-card")
    notebook.cells = [rest[0], *verdict, note, *rest[1:]]
    notebook.metadata.pop("papermill", None)
    notebook.metadata["provenance"] = card
    return notebook


def _is_aside(output: dict) -> bool:
    """Progress and warnings: they went to the terminal, and warnings name paths of the machine."""
    return output.output_type == "stream" and output.name == "stderr"


def _card(name: str, values: dict[str, Any], seconds: float) -> dict:
    from helpers import provenance

    profile = values["profile"]
    base = parameters.settings(name)["profiles"][profile]
    changed = [f"-p {k} {v}" for k, v in values.items() if k != "profile" and base.get(k) != v]
    command = " ".join(["python -m helpers.run", name, "--profile", profile, *changed])
    return {
        "profile": profile,
        "command": command,
        "commit": provenance.commit(),
        "digest": provenance.notebook_digest(name, values),
        "device": provenance.device_name(),
        "versions": provenance.versions(),
        "seeds": [values["seed"]] if "seed" in values else [],
        "seconds": round(seconds),
        "parameters": values,
        "data": provenance.data_named(),
        "finished": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _card_text(card: dict) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    return (
        ":::{admonition} Run card\n:class: note dropdown\n"
        f"- profile **{card['profile']}**, {card['seconds']} s on {card['device']}, not counting "
        "parts kept from a run before\n"
        f"- `{card['command']}`{', with ' + card['data'] if card['data'] else ''}\n"
        f"- commit `{card['commit']}`, digest of code and data `{card['digest']}`\n"
        f"- {packages}\n- finished {card['finished']}\n:::\n\n"
        f"*This page shows the profile **{card['profile']}**.*"
    )


def shown(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file
