"""All claims of all papers: the frame for machines, and the page."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.report import (
    claims,
    page_charts,
    registration,
    render,
    tables,
    tallies,
    theme,
    verdicts,
)
from helpers.store import paths

SCORECARD = paths.RESULTS / "scorecard"
COLUMNS = [
    "chapter", "paper", "key", "kind", "group", "says", "where", "unit", "reported", "tolerance",
    "bound", "rounds", "measured_by", "needs", "readings", "rests_on", "same_as", "registered",
    "seen", "amended", "arm", "value", "low", "high", "n", "verdict", "why", "readings_run",
    "readings_hold", "turned_by", "command", "profile",
]  # fmt: skip
WORST_FIRST = [
    verdicts.NOT_REPRODUCED, verdicts.DEPENDS, verdicts.INCONCLUSIVE, verdicts.NOT_COMPARABLE,
    verdicts.NOT_RUN, verdicts.REPRODUCED,
]  # fmt: skip
SCALE_END = 4  # tolerances; of the chart


class Paper(NamedTuple):
    """A paper of the book and the chapter that re-runs it, if there is one yet."""

    name: str
    chapter: str | None = None


PAPERS = [
    Paper("Dieter & Zisgen 2023", "lrp_adversarial"),
    Paper("Arya 2024", "gradcam_training"),
    Paper("Wang et al. 2022", "elime"),
    Paper("Ornek & Ceylan 2024", "haycam"),
    Paper("Karatsiolis & Kamilaris 2022", "decam"),
    Paper("all five, cross-examined", "cross_examination"),
    Paper("the tests on trial", "planted_truth"),
]


def papers_of(chapters: Iterable[str]) -> list[Paper]:
    """List all papers, and after them any chapter that belongs to no paper."""
    known = {paper.chapter for paper in PAPERS}
    return PAPERS + [Paper(name, name) for name in chapters if name not in known]


def chapters(folder: Path = paths.REPORTED, results: Path = paths.RESULTS) -> list[str]:
    """Names of the chapters that have claims, in the papers' order and then by name.

    A chapter beside these is left out until a run has made it, since it has no page before.
    """
    with_claims = sorted(file.stem for file in folder.glob("*.csv"))
    order = [paper.chapter for paper in PAPERS if paper.chapter in with_claims]
    further = [name for name in with_claims if name not in order]
    return order + [name for name in further if (results / f"{name}.csv").exists()]


def command(chapter: str, cards: dict[str, dict]) -> str:
    """The command line that makes a chapter's results again."""
    return cards.get(chapter, {}).get("command", f"python -m helpers.run {chapter}")


def scorecard_table(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> pd.DataFrame:
    """Every claim of every paper in every arm: what ``data/results/scorecard.*`` hold for machines.

    Returns
    -------
    pandas.DataFrame
        Columns ``chapter`` (the notebook's name); ``paper``; ``key`` (unique in a chapter);
        ``kind`` (conclusion, order or number); ``group``; ``says`` (the claim in words);
        ``where`` (in the paper); ``unit`` (of all five numbers); ``reported`` (the paper's
        number); ``tolerance``; ``bound`` (``above`` or ``below`` where the paper only says more or
        less than ``reported``, ``equal``, ``binomial``); ``rounds`` (of a binomial claim);
        ``measured_by`` (the paper, or our reading of it); ``needs`` (settings that must be the
        paper's); ``readings`` (what the paper leaves open); ``rests_on`` (the rows that carry a
        conclusion); ``same_as`` (the row that counts this quantity); ``registered``, ``seen``,
        ``amended`` (when the row was written, whether a measurement was known, changes since);
        ``arm`` (A: the authors' material, B: independent); ``value``, ``low``, ``high`` (ours and
        its 95 % interval); ``n`` (observations); ``verdict``; ``why``; ``readings_run``,
        ``readings_hold``, ``turned_by`` (readings, those in which it holds, the choice that makes
        the largest difference); ``command`` (makes the number again); ``profile`` (of the run).
        What was not measured is empty, in JSON null.
    """
    names = {paper.chapter: paper.name for paper in papers_of(scorecards)}
    parts = [
        table.assign(
            paper=names[chapter],
            command=command(chapter, cards),
            profile=cards.get(chapter, {}).get("profile", ""),
        )
        for chapter, table in scorecards.items()
    ]
    return pd.concat(parts, ignore_index=True)[COLUMNS].astype(
        {"value": float, "low": float, "high": float, "n": "Int64"}
    )


def scorecard_page(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Chart all claims; then write each with its verdict, a section a paper and a box a group."""
    table = scorecard_table(scorecards, cards)
    chart = page_charts.claim_chart(
        claims.standardized(table[table.rests_on == ""], SCALE_END),
        limit=SCALE_END,
        description="difference of each claim's number of ours from the paper's, with its interval",
    )
    sections = [
        {
            "name": paper.name,
            "command": command(paper.chapter, cards),
            "needs_data": bool(cards.get(paper.chapter, {}).get("data")),
            "withdrawn": registration.withdrawn(paper.chapter),
            "groups": [
                _group(name, rows)
                for name, rows in _failures_first(scorecards[paper.chapter]).groupby(
                    "group", sort=False
                )
            ],
        }
        for paper in papers_of(scorecards)
        if paper.chapter in scorecards
    ]
    filters = [
        {"name": name, "options": list(dict.fromkeys(table[name]))}
        for name in ("paper", "kind", "verdict", "arm")
    ]
    return render.markdown(
        "scorecard", chart=theme.on_page(chart), papers=sections, filters=filters
    )


def _failures_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Conclusions, then claims in the order of their worst verdict, each claim's arms together."""
    rank = rows.verdict.map(WORST_FIRST.index).groupby(rows.key).transform("min")
    ranked = rows.assign(_conclusion=rows.kind != claims.CONCLUSION, _rank=rank)
    in_order = ranked.sort_values(["_conclusion", "_rank"], kind="stable")
    return in_order.drop(columns=["_conclusion", "_rank"])


def _group(name: str, rows: pd.DataFrame) -> dict:
    of_numbers = tallies.counted(rows)
    are_conclusions = bool((rows.kind == claims.CONCLUSION).all())
    return {
        "name": name,
        "counts": tallies.in_words((rows if of_numbers.empty else of_numbers).verdict),
        "reasons": [] if are_conclusions else list(dict.fromkeys(rows.reason)),
        "is_open": are_conclusions,
        "table": tables.verdict_table(rows),
    }
