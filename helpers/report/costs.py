"""What runs take, what kills did to them, and what several seeds of a chapter give together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.report import counted, render, scorecard
from helpers.store import paths, reading, yaml_files

KILLS = paths.DATA / "kills.json"  # what tests/kills.py saw last
SEEN = (
    "runs", "date", "commit", "ways", "engines", "runs_under_way", "finished_between_kills",
    "begun", "finished_run_twice", "torn", "left_behind", "tables", "numbers", "different",
)  # fmt: skip
SEEDS = "-seeds.csv"  # how the files of pooled seeds end
POOLED = ["key", "arm", "value", "low", "high", "n", "seeds", "spread"]
PROFILES = paths.NOTEBOOKS / "parameters.yaml"


def costs_page() -> str:
    """Write a table of what each notebook takes in each profile: time, memory, disk.

    Measured where :mod:`helpers.report.counted` has a measurement, else estimated; each row says
    which.
    """
    known = {(row["notebook"], row["profile"]): row for row in counted.measured()}
    chosen = yaml_files.held_by(PROFILES)
    rows = [
        _measured(known[name, profile])
        if (name, profile) in known
        else _estimated(name, profile, {"profile": profile, **values})
        for name, settings in chosen.items()
        for profile, values in settings["profiles"].items()
    ]
    return render.markdown("costs", rows=rows)


def _measured(row: dict[str, Any]) -> dict[str, str]:
    return {
        "notebook": row["notebook"], "profile": row["profile"],
        "time": counted.duration(row["seconds"]), "memory": _gigabytes(row["memory_mb"]),
        "disk": _gigabytes(row["disk_mb"]),
        "how": f"measured on {row['device']}, commit {row['commit']}, {row['date']}",
    }  # fmt: skip


def _estimated(name: str, profile: str, values: dict[str, Any]) -> dict[str, str]:
    """A row of what was not measured: on a GPU in the profile paper."""
    process, gpu = counted.memory_mb(name, profile)
    on_gpu = f", {_gigabytes(gpu)} of the GPU's" if gpu else ""
    hours = counted.gpu_hours(name) if profile == "paper" else counted.hours(name, values)
    where = "a GPU such as an H100" if profile == "paper" else "one thread of that processor"
    return {
        "notebook": name, "profile": profile, "time": counted.duration(3600 * hours),
        "memory": f"{_gigabytes(process)}{on_gpu}", "disk": "not known",
        "how": f"estimated for {where}",
    }  # fmt: skip


def kills_page(file: Path = KILLS) -> str:
    """Write what the last ``make kills`` saw: runs that were killed, and what was left of them.

    Parameters
    ----------
    file
        Written by ``tests/kills.py``.
    """
    seen = reading.object_of(file, *SEEN) if file.exists() else {}
    return render.markdown("kills", seen=seen)


def seeds_page(folder: Path = paths.RESULTS) -> str:
    """Write a table of each chapter of which several seeds were run: pooled numbers and intervals.

    Parameters
    ----------
    folder
        Holds ``<chapter>-seeds.csv`` and ``.json``, written by :mod:`helpers.run.seeds_of_runs`.
    """
    titles = {paper.chapter: paper.name for paper in scorecard.PAPERS}
    chapters = []
    for file in sorted(folder.glob(f"*{SEEDS}")):
        chapter = file.name.removesuffix(SEEDS)
        table = _pooled(file)
        measured = table[(table.n > 0) & (table.seeds > 1)]
        if wrong := [row.key for row in measured.itertuples() if not _is_within(row)]:
            raise reading.Damaged(
                f"{reading.shown(file)}: {wrong[0]} lies outside its interval; {reading.mend(file)}"
            )
        rows = table[table.seeds > 1].to_dict("records")
        chapters.append({"name": titles.get(chapter, chapter), "rows": rows})
    return render.markdown("seeds", chapters=chapters)


def _pooled(file: Path) -> pd.DataFrame:
    """A table of pooled seeds that is as it was written: its checksum stands in the file beside."""
    told = reading.object_of(file.with_suffix(".json"), "sha256")
    reading.content(file, str(told["sha256"]))
    table = reading.table(file, POOLED, key=["key", "arm"], numbers=["n", "seeds"])
    if table.empty:
        raise reading.Damaged(f"{reading.shown(file)} has no row; {reading.mend(file)}")
    return table


def _is_within(row) -> bool:
    """Whether a row's numbers are finite, and its value lies in its interval."""
    cells = pd.to_numeric(pd.Series([row.low, row.value, row.high, row.spread]), errors="coerce")
    return bool(np.isfinite(cells).all() and cells[:3].is_monotonic_increasing)


def _gigabytes(megabytes: float) -> str:
    """MB as GB where they are many, or in words where there is no number."""
    if not megabytes:
        return "not measured"
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 100 else f"{megabytes:.0f} MB"
