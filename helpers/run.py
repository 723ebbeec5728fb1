"""Run a notebook: check its parameters, execute it aside, and put it in place only if it is whole.

``python -m helpers.run NAME [--profile P] [-p KEY VALUE]... [--output FILE]``
"""

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from helpers import paths

PROFILES = ("smoke", "laptop", "paper")  # from the smallest to the largest
SETTINGS = paths.NOTEBOOKS / "parameters.yaml"
LONG = 12  # lines of code from which a page folds a cell
RESULTS = "application/vnd.xai.results+json"  # what claims.publish displays
# glibc's malloc hands every large tensor back to the system and fetches it anew, page by page: half
# of a network's time on a CPU. These let it keep 4 GiB; the Makefile sets them for tests and bench.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


class WrongParameter(ValueError):
    """A parameter is unknown, of the wrong type or out of range; the message says which."""


def settings(name: str) -> dict:
    """Parameters and profiles of a notebook, from ``notebooks/parameters.yaml``.

    Raises
    ------
    WrongParameter
        If there is no such notebook.
    """
    known = yaml.safe_load(SETTINGS.read_text())
    if name not in known:
        raise WrongParameter(f"there is no notebook {name!r}; there are: {', '.join(known)}")
    return known[name]


def parameters(name: str, profile: str, given: list[tuple[str, str]]) -> dict[str, Any]:
    """The profile's parameters with the given ones in their place, all checked.

    Raises
    ------
    WrongParameter
        If the profile or a parameter is unknown, a value has the wrong type or is out of range.
    """
    chosen = settings(name)
    if profile not in chosen["profiles"]:
        raise WrongParameter(f"there is no profile {profile!r}; there are: {', '.join(PROFILES)}")
    values = dict(chosen["profiles"][profile])
    for key, text in given:
        if key not in chosen["parameters"]:
            raise WrongParameter(
                f"{name} has no parameter {key!r}; it has: {', '.join(chosen['parameters'])}"
            )
        values[key] = _parse(key, text, chosen["parameters"][key])
    return {"profile": profile, **values}


def _parse(key: str, text: str, rule: dict) -> Any:
    kind = {"int": int, "float": float, "str": str, "bool": bool}[rule["type"]]
    try:
        value = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise WrongParameter(f"{key} is {text!r}; expected {_allowed(rule)}") from None
    outside = kind in (int, float) and not rule["low"] <= value <= rule["high"]
    if outside or ("choices" in rule and value not in rule["choices"]):
        raise WrongParameter(f"{key} is {text}; expected {_allowed(rule)}")
    return value


def _allowed(rule: dict) -> str:
    if "choices" in rule:
        return "one of " + ", ".join(map(str, rule["choices"]))
    if rule["type"] in ("int", "float"):
        word = "a whole number" if rule["type"] == "int" else "a number"
        return f"{word} from {rule['low']} to {rule['high']}"
    return {"bool": "true or false", "str": "text"}[rule["type"]]


def target(name: str, profile: str, output: Path | None) -> Path:
    """Where the executed notebook goes: a smaller run never replaces a committed larger one."""
    if output is not None:
        return output
    file = paths.RUNS / f"{name}.ipynb"
    if file.exists():
        there = json.loads(file.read_text())["metadata"].get("provenance", {}).get("profile")
        if there in PROFILES and PROFILES.index(there) > PROFILES.index(profile):
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
        paths.write_atomically(broken, nbformat.writes(executed).encode())
        raise RuntimeError(f"{reason}\nThe broken run is kept in {_shown(broken)}")
    card = _card(name, values, time.monotonic() - started)
    results = published(executed)
    paths.write_atomically(file, nbformat.writes(finished(executed, card)).encode())
    folder = paths.RESULTS if file.parent == paths.RUNS else file.parent
    if results:
        results[".json"] = json.dumps(card, indent=1) + "\n"
    for ending, text in results.items():
        paths.write_atomically(folder / f"{name}{ending}", text.encode())


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
    base = settings(name)["profiles"][profile]
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


def _shown(file: Path) -> Path:
    return file.relative_to(paths.ROOT) if file.is_relative_to(paths.ROOT) else file


def _check_writable(file: Path) -> None:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise WrongParameter(f"output {file} cannot be written; give a file in a writable folder")


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0: done, 1: the run failed, 2: what was asked for is wrong."""
    parser = argparse.ArgumentParser(prog="python -m helpers.run", description=__doc__)
    parser.add_argument("name", nargs="?", help="a notebook in notebooks/, without .py")
    parser.add_argument("--all", action="store_true", help="every notebook, one after another")
    parser.add_argument("--profile", default="smoke", help=", ".join(PROFILES))
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), dest="given"
    )
    parser.add_argument("--output", type=Path, help="default: book/runs/NAME.ipynb")
    asked = parser.parse_args(arguments)
    try:
        if asked.all == bool(asked.name):
            raise WrongParameter("give the name of one notebook, or --all")
        names = list(yaml.safe_load(SETTINGS.read_text())) if asked.all else [asked.name]
        jobs = []
        for name in names:
            values = parameters(name, asked.profile, asked.given)
            file = target(name, asked.profile, asked.output)
            _check_writable(file)
            jobs.append((name, values, file))
    except WrongParameter as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 2
    for name, values, file in jobs:
        try:
            execute(name, values, file)
        except RuntimeError as error:
            print(f"helpers.run: {name} failed: {error}", file=sys.stderr)
            return 1
        print(f"{name} ({asked.profile}): {_shown(file)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
