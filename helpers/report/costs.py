"""What runs took, and what several seeds of a chapter give together, as tables of a page."""

from pathlib import Path

import pandas as pd

from helpers.report import render, scorecard
from helpers.store import paths, reading

COSTS = paths.DATA / "costs.csv"
SEEDS = "-seeds.csv"  # how the files of pooled seeds end
POOLED = ["key", "arm", "value", "low", "high", "n", "seeds", "spread"]


def costs_page(file: Path = COSTS) -> str:
    """Write a table of what the notebooks took: seconds, memory and disk, and where it is written.

    Parameters
    ----------
    file
        Columns notebook, profile, seconds, memory_mb, disk_mb, device, finished, commit; memory and
        disk are empty where they were not measured.
    """
    columns = ["notebook", "profile", "seconds", "memory_mb", "disk_mb", "device", "commit"]
    table = pd.DataFrame()
    if file.exists():
        table = reading.table(file, columns, numbers=["seconds"])
        table[["memory_mb", "disk_mb"]] = table[["memory_mb", "disk_mb"]].apply(pd.to_numeric)
    rows = [
        {
            "notebook": row.notebook, "profile": row.profile, "time": duration(row.seconds),
            "memory": _gigabytes(row.memory_mb), "disk": _gigabytes(row.disk_mb),
            "device": row.device, "commit": row.commit,
        }
        for row in table.itertuples()
    ]  # fmt: skip
    return render.markdown("costs", rows=rows)


def seeds_page(folder: Path = paths.RESULTS) -> str:
    """Write a table of each chapter of which several seeds were run: pooled numbers and intervals.

    Parameters
    ----------
    folder
        Holds ``<chapter>-seeds.csv``, written by :mod:`helpers.run.seeds_of_runs`.
    """
    titles = {paper.chapter: paper.name for paper in scorecard.PAPERS}
    chapters = []
    for file in sorted(folder.glob(f"*{SEEDS}")):
        chapter = file.name.removesuffix(SEEDS)
        table = reading.table(file, POOLED, key=["key", "arm"], numbers=["n", "seeds"])
        measured = table[(table.n > 0) & (table.seeds > 1)]
        if wrong := [row.key for row in measured.itertuples() if not _is_within(row)]:
            raise reading.Damaged(
                f"{reading.shown(file)}: {wrong[0]} lies outside its interval; {reading.mend(file)}"
            )
        rows = table[table.seeds > 1].to_dict("records")
        chapters.append({"name": titles.get(chapter, chapter), "rows": rows})
    return render.markdown("seeds", chapters=chapters)


def _is_within(row) -> bool:
    """Whether a row's numbers are numbers, and its value lies in its interval."""
    if not pd.notna(pd.to_numeric(row.spread, errors="coerce")):
        return False
    cells = pd.to_numeric(pd.Series([row.low, row.value, row.high]), errors="coerce")
    return bool(cells.notna().all() and cells.is_monotonic_increasing)


def duration(seconds: float) -> str:
    """Seconds in the unit that fits: "45 s", "12 min", "3.4 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _gigabytes(megabytes: float) -> str:
    return "not measured" if pd.isna(megabytes) else f"{megabytes / 1000:.1f} GB"
