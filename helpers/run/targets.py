"""Where an executed notebook goes: what is never replaced, and what is refused."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from helpers.run import parameters
from helpers.store import paths


def target(
    name: str, values: dict[str, Any], output: Path | None = None, replace: bool = False
) -> Path:
    """Where the executed notebook goes.

    Without an output: the committed run, unless the new one is smaller or has other parameters than
    its profile; such a run goes among the book's "Your runs", under a name of its own.

    Raises
    ------
    parameters.WrongParameter
        If the output cannot be written, or would replace a source or the committed run.
    """
    profile = values["profile"]
    base = parameters.settings(name)["profiles"][profile]
    changed = {key: value for key, value in values.items() if base.get(key, value) != value}
    committed = paths.RUNS / f"{name}.ipynb"
    refused = _why_kept(committed, profile, changed)
    if output is not None:
        file = _checked(output)
        if file.is_relative_to(paths.RUNS.resolve()):
            if file != committed.resolve():
                raise parameters.WrongParameter(
                    f"output {output}: book/runs holds one committed run a notebook; give another "
                    "folder"
                )
            if refused and not replace:
                raise parameters.WrongParameter(
                    f"output {output} is the committed run, and {refused}; add --replace if it "
                    "is to go"
                )
            return committed
        if not replace:
            _check_neighbors(file, output)
        return file
    if replace or not refused:
        return committed
    return paths.BOOK / "_made" / profile / f"{name}{_label(name, changed)}.ipynb"


def _why_kept(committed: Path, profile: str, changed: dict[str, Any]) -> str:
    """Why a new run does not take the committed run's place; empty if it does."""
    if changed:
        return f"the new one differs from the profile in {', '.join(changed)}"
    if committed.exists():
        metadata = json.loads(committed.read_text(encoding="utf-8"))["metadata"]
        old = metadata.get("provenance", {}).get("profile")
        order = parameters.PROFILES
        if old in order and order.index(old) > order.index(profile):
            return f"the new one is smaller: {profile}, not {old}"
    return ""


def _label(name: str, changed: dict[str, Any]) -> str:
    """A run's own name: what was given, shortened, and a digest of it in full.

    A module or folder counts with its path, as two of one name may lie in two places.
    """
    if not changed:
        return ""
    text = "-".join(f"{key}-{value}" for key, value in sorted(changed.items()))
    short = re.sub(r"[^A-Za-z0-9.]+", "-", text)[:40].strip("-.")
    full = [(key, parameters.identity(name, key, value)) for key, value in sorted(changed.items())]
    return f"-{short}-{hashlib.sha256(repr(full).encode()).hexdigest()[:6]}"


def _check_neighbors(file: Path, output: Path) -> None:
    """Refuse to replace what no run has written: the user's own notebook, or a table beside it."""
    if file.exists() and file.stat().st_size:
        try:
            ours = "provenance" in json.loads(file.read_text(encoding="utf-8"))["metadata"]
        except (ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise parameters.WrongParameter(
                f"output {output} is a file that no run has written; give another name, or add "
                "--replace if it is to go"
            )
        return
    for ending in (".csv", ".json", "-matrix.csv", "-explorer.json"):
        neighbor = file.with_name(file.stem + ending)
        if neighbor.exists():
            raise parameters.WrongParameter(
                f"output {output} would replace {neighbor.name} beside it, which is no run's; give "
                "another name, or add --replace if it is to go"
            )


def _checked(output: Path) -> Path:
    """An output that can be written, links resolved."""
    file = output.expanduser().resolve()
    if file.exists() and not file.is_file():
        kind = "a folder" if file.is_dir() else "no regular file"
        raise parameters.WrongParameter(f"output {output} is {kind}; give a file, such as o.ipynb")
    if file.suffix != ".ipynb":
        raise parameters.WrongParameter(f"output {output} is no notebook; its name ends in .ipynb")
    kept = [paths.NOTEBOOKS, paths.HELPERS, paths.DATA]
    kept += [paths.ROOT / name for name in ("tests", ".git", ".venv")]
    for folder in kept:
        if file.is_relative_to(folder.resolve()):
            raise parameters.WrongParameter(
                f"output {output} lies in {folder.name}/, which holds sources; give another folder"
            )
    parent = next(folder for folder in file.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise parameters.WrongParameter(
            f"output {output} cannot be written; give a file in a writable folder"
        )
    return file
