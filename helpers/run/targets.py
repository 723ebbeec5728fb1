"""Where an executed notebook goes: what is never replaced, and what is refused."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from helpers.run import parameters
from helpers.store import paths, reading, shards


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
    if part := values.get(shards.PARAMETER):
        return _of_part(name, values, part, output)
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
            _check_neighbors(name, file, output)
        return file
    if replace or not refused:
        return committed
    return paths.BOOK / "_made" / profile / f"{name}{_label(name, changed)}.ipynb"


def _of_part(name: str, values: dict[str, Any], part: str, output: Path | None) -> Path:
    """Where a run of a shard goes: never among results, nor where the book shows runs."""
    if output is not None:
        file = _checked(output)
        if file.is_relative_to(paths.RUNS.resolve()):
            raise parameters.WrongParameter(
                f"output {output}: book/runs holds results, and shard {part} is a part of the "
                "work; give another folder"
            )
        _check_neighbors(name, file, output)
        return file
    whole = target(name, {**values, shards.PARAMETER: shards.WHOLE})
    stem = f"{whole.stem}-{part.replace('/', '-of-')}"
    return paths.BOOK / "_made" / "parts" / values["profile"] / f"{stem}.ipynb"


def check_folders(file: Path) -> None:
    """Refuse to begin where the run could not be kept in the end.

    Raises
    ------
    parameters.WrongParameter
        If a folder that the run writes to is read-only.
    """
    for folder in (file.parent, paths.CACHE, paths.FAILED):
        if not _is_writable(folder):
            raise parameters.WrongParameter(
                f"{reading.shown(folder)} cannot be written, and a run keeps its work there; make "
                "it writable"
            )


def check_committed() -> None:
    """Refuse a run to be committed whose code is no commit's.

    Raises
    ------
    parameters.WrongParameter
        If files differ from the commit that is checked out.
    """
    from helpers.run import origin  # torch, only where it is needed anyway

    if changed := origin.uncommitted():
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise parameters.WrongParameter(
            f"a run to be committed is of one commit, and {', '.join(changed[:3])}{more} are in "
            "none; commit them first, or give --output"
        )


def _is_writable(folder: Path) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def _why_kept(committed: Path, profile: str, changed: dict[str, Any]) -> str:
    """Why a new run does not take the committed run's place; empty if it does."""
    if changed:
        return f"the new one differs from the profile in {', '.join(changed)}"
    if not committed.exists():
        return _why_not_first(committed.stem, profile)
    try:
        old = reading.json_of(committed)["metadata"]["provenance"]["profile"]
    except (reading.Damaged, KeyError, TypeError):
        return f"{reading.shown(committed)} is damaged, so that nobody can tell how large it was"
    order = parameters.PROFILES
    if old not in order:
        return f"nobody can tell how large its profile {old!r} was"
    smaller = order.index(old) > order.index(profile)
    return f"the new one is smaller: {profile}, not {old}" if smaller else ""


def _why_not_first(name: str, profile: str) -> str:
    """Why a run is not the first one of a chapter's page; empty if it may be.

    The smallest profile shows that a chapter runs and is no result: of a chapter that the book does
    not list yet it would stand among the results, and under no page.
    """
    contents = paths.ROOT / "_toc.yml"
    listed = not contents.is_file() or f"book/runs/{name}\n" in contents.read_text("utf-8")
    if listed or profile != parameters.PROFILES[0]:
        return ""
    return f"the book's table of contents does not list {name}, of which {profile} is no result"


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


def _check_neighbors(name: str, file: Path, output: Path) -> None:
    """Refuse to replace what no run of this notebook has written, or a table beside it."""
    if file.exists() and file.stat().st_size:
        try:
            made = reading.json_of(file)["metadata"]["provenance"]["command"].split()
        except (reading.Damaged, KeyError, TypeError, AttributeError):
            raise parameters.WrongParameter(
                f"output {output} is a file that no run has written; give another name, or add "
                "--replace if it is to go"
            ) from None
        if name not in made:
            raise parameters.WrongParameter(
                f"output {output} is a run of another notebook ({' '.join(made[:4])}); give "
                "another name, or add --replace if it is to go"
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
    try:
        file = output.expanduser().resolve()
        there = file.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, null bytes, no such home
        reason = getattr(error, "strerror", None) or error
        raise parameters.WrongParameter(
            f"output {str(output)[:60]!r} is no name of a file: {reason}"
        ) from error
    if there and not file.is_file():
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
