"""What is not as in a paper, and whether the comparison is fair: one table in each chapter.

The rows stand in ``book/differences.yaml``. The numbers of the committed run come from its run
card; how many verdicts a difference sets apart is counted.
"""

import string
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.report import comparability, render, tallies, verdicts
from helpers.store import paths, yaml_files

FILE = paths.BOOK / "differences.yaml"
HEADING = "## What differs, and what we do not know"  # of a chapter's last section
ANCHOR = "what-differs-and-what-we-do-not-know"  # that Sphinx makes of it
DIRECTIONS = {  # where a difference pulls a result
    "for": "for the paper",
    "against": "against the paper",
    "either": "either way",
    "width": "intervals only",
}


class Difference(NamedTuple):
    """One row: what differs, how it is in the paper and here, and what to expect of it.

    Attributes
    ----------
    what, paper, here, effect
        In words; `here` and `effect` without a typed number in `here`.
    direction
        A key of `DIRECTIONS`.
    settings
        Those of ``data/reported/settings.yaml`` that it tells of.
    """

    what: str
    paper: str
    here: str
    effect: str
    direction: str
    settings: tuple[str, ...] = ()


class Chapter(NamedTuple):
    """All differences of a chapter; the largest in two words; whether the comparison is fair.

    Of a paper also what was easy and what was difficult to re-run, and what its authors answered.
    """

    badge: str
    fair: str
    rows: tuple[Difference, ...]
    easy: str = ""
    difficult: str = ""
    reply: str = ""


@lru_cache
def known(file: Path = FILE) -> dict[str, Chapter]:
    """The differences of all chapters.

    Raises
    ------
    ValueError
        If a row lacks a text, or names a direction or a setting that is none.
    """
    return {chapter: _chapter(chapter, entry) for chapter, entry in yaml_files.tables(file).items()}


def _chapter(name: str, entry: dict) -> Chapter:
    needed = [key for key in Chapter._fields if key not in Chapter._field_defaults]
    missing = [key for key in needed if not entry.get(key)]
    if missing:
        raise ValueError(f"{FILE.name}: {name} lacks {missing[0]!r}")
    unknown = [key for key in entry if key not in Chapter._fields]
    if unknown:
        raise ValueError(f"{FILE.name}: {name} has {unknown[0]!r}; expected {[*Chapter._fields]}")
    return Chapter(**{**entry, "rows": tuple(_checked(name, row) for row in entry["rows"])})


def _checked(chapter: str, entry: dict) -> Difference:
    missing = [name for name in Difference._fields[:-1] if not str(entry.get(name, "")).strip()]
    if missing:
        raise ValueError(f"{FILE.name}: a row of {chapter} lacks {missing[0]!r}")
    row = Difference(**{**entry, "settings": tuple(entry.get("settings", ()))})
    if row.direction not in DIRECTIONS:
        raise ValueError(
            f"{FILE.name}: {chapter}, {row.what}: the direction is {row.direction!r}; "
            f"expected one of {[*DIRECTIONS]}"
        )
    for name in row.settings:
        comparability.check(name, f"{FILE.name}: {chapter}, {row.what}")
    return row


def of_run(chapter: str, card: dict) -> list[Difference]:
    """The differences of a committed run: those whose settings, if any, still are not the paper's.

    Parameters
    ----------
    chapter
        Whose.
    card
        The run card, whose parameters fill the numbers in.
    """
    listed = comparability.deviations(chapter, card.get("finished", ""))
    differing = {name for of_arm in listed.values() for name in of_arm}
    rows = known()[chapter].rows if chapter in known() else ()
    return [
        row._replace(here=_filled(row.here, card.get("parameters", {}), chapter))
        for row in rows
        if not row.settings or differing.intersection(row.settings)
    ]


def _filled(text: str, parameters: dict, chapter: str) -> str:
    """A text with the run's numbers in the place of their names."""
    for name in [name for _, name, _, _ in string.Formatter().parse(text) if name]:
        if name not in parameters:
            raise ValueError(f"{FILE.name}: {chapter}: the run has no parameter {name!r}")
    values = {
        name: f"{value:,}" if isinstance(value, int) else ", ".join(str(value).split())
        for name, value in parameters.items()
    }
    return text.format(**values)


def set_apart(judged: pd.DataFrame, settings: tuple[str, ...]) -> int:
    """How many verdicts on numbers and orders are "not comparable" and need one of the settings."""
    rows = tallies.counted(judged)
    needing = rows.needs.map(lambda needs: bool(set(needs.split()) & set(settings)))
    return int((needing & (rows.verdict == verdicts.NOT_COMPARABLE)).sum())


def section(chapter: str, judged: pd.DataFrame, card: dict) -> str:
    """The table of a chapter in Markdown, with how much it sets apart; empty without differences.

    Parameters
    ----------
    chapter, card
        As in `of_run`.
    judged
        The chapter's claims, from `claims.scorecard`.
    """
    rows = of_run(chapter, card)
    if not rows:
        return ""
    counted = tallies.counted(judged)
    return render.markdown(
        "differences",
        chapter=known()[chapter],
        rows=[
            {
                **row._asdict(),
                "direction": DIRECTIONS[row.direction],
                "apart": set_apart(judged, row.settings),
            }
            for row in rows
        ],
        verdicts=len(counted),
        apart=int((counted.verdict == verdicts.NOT_COMPARABLE).sum()),
    )
