"""The page of all claims, and the table of the papers."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.report import claims, page_charts, tables, theme
from helpers.store import paths

ARMS = {claims.AUTHORS: "A, the authors'", claims.INDEPENDENT: "B, independent"}
SCORECARD = paths.RESULTS / "scorecard"
COLUMNS = [
    "chapter", "paper", "key", "group", "says", "where", "unit", "reported", "tolerance", "bound",
    "arm", "value", "low", "high", "n", "verdict", "command", "profile",
]  # fmt: skip
SCALE_END = 4  # tolerances; of the scorecard's chart
VERDICTS = [claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN]


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
]


def chapters(folder: Path = paths.REPORTED) -> list[str]:
    """Names of the chapters that have claims, in the papers' order and then by name."""
    found = sorted(file.stem for file in folder.glob("*.csv"))
    order = [paper.chapter for paper in PAPERS if paper.chapter in found]
    return order + [name for name in found if name not in order]


def tally(scorecard: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of a frame as `claims.scorecard` gives it: a row an arm."""
    counts = pd.crosstab(scorecard.arm, scorecard.verdict)
    return counts.reindex(columns=VERDICTS, fill_value=0)


def summary(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Write the table of papers and their verdicts in Markdown, one row a paper and arm."""
    lines = [
        "| paper | material | " + " | ".join(VERDICTS) + " | profile |",
        "| --- | --- | " + "--: | " * len(VERDICTS) + "--- |",
    ]
    for paper in papers_of(scorecards):
        title = paper.name
        if paper.chapter not in scorecards:
            lines.append(f"| {title} | planned |" + " – |" * len(VERDICTS) + " – |")
            continue
        profile = cards.get(paper.chapter, {}).get("profile", claims.NOT_RUN)
        for arm, row in tally(scorecards[paper.chapter]).iterrows():
            counts = " | ".join(str(row[verdict]) for verdict in VERDICTS)
            lines.append(f"| {title} | {ARMS.get(arm, arm)} | {counts} | {profile} |")
            title = ""
    return "\n".join(lines) + "\n"


def scorecard_table(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> pd.DataFrame:
    """Every claim of every paper in every arm: what ``data/results/scorecard.*`` hold for machines.

    Returns
    -------
    pandas.DataFrame
        Columns ``chapter`` (the notebook's name); ``paper``; ``key`` (unique in a chapter);
        ``group``; ``says`` (the claim in words); ``where`` (in the paper); ``unit`` (of all five
        numbers); ``reported`` (the paper's number); ``tolerance``; ``bound`` (``above`` or
        ``below`` where the paper only says more or less than ``reported``); ``arm`` (A: the
        authors' material, B: independent); ``value``, ``low``, ``high`` (ours and its 95 %
        interval); ``n`` (observations); ``verdict``; ``command`` (makes the number again);
        ``profile`` (of the run). What was not measured is empty, in JSON null.
    """
    names = {paper.chapter: paper.name for paper in papers_of(scorecards)}
    parts = [
        table.assign(
            paper=names[chapter],
            command=_command(chapter, cards),
            profile=cards.get(chapter, {}).get("profile", ""),
        )
        for chapter, table in scorecards.items()
    ]
    return pd.concat(parts, ignore_index=True)[COLUMNS].astype(
        {"value": float, "low": float, "high": float, "n": "Int64"}
    )


def scorecard_page(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Chart all claims; then write each with its verdict, a section a paper and a box a group."""
    chart = page_charts.claim_chart(
        claims.standardized(scorecard_table(scorecards, cards), SCALE_END),
        limit=SCALE_END,
        description="difference of each claim's number of ours from the paper's, with its interval",
    )
    parts = [f"```{{raw}} html\n{theme.on_page(chart)}\n```\n"]
    for paper in papers_of(scorecards):
        if paper.chapter in scorecards:
            parts += [f"## {paper.name}\n", _how_to_run(paper.chapter, cards)]
            groups = scorecards[paper.chapter].groupby("group", sort=False)
            parts += [_group(name, rows) for name, rows in groups]
    return "\n".join(parts)


def status_page(cards: dict[str, dict]) -> str:
    """Write how each chapter's results were made, a table of settings a chapter."""
    parts = []
    for paper in papers_of(cards):
        if paper.chapter in cards:
            card = cards[paper.chapter]
            parts.append(f"## {paper.name}\n")
            parts.append(
                _settings(card) if card else f"Not run yet. {_how_to_run(paper.chapter, {})}"
            )
    return "\n".join(parts)


def papers_of(chapters: Iterable[str]) -> list[Paper]:
    """List all papers, and after them any chapter that no paper names."""
    known = {paper.chapter for paper in PAPERS}
    return PAPERS + [Paper(name, name) for name in chapters if name not in known]


def _command(chapter: str, cards: dict[str, dict]) -> str:
    return cards.get(chapter, {}).get("command", f"python -m helpers.run {chapter}")


def _how_to_run(chapter: str, cards: dict[str, dict]) -> str:
    named = cards.get(chapter, {}).get("data")
    needs = " (with `XAI_DATA` naming the folder of further data)" if named else ""
    return f"To make these numbers again{needs}:\n\n```bash\n{_command(chapter, cards)}\n```\n"


def _group(name: str, rows: pd.DataFrame) -> str:
    counts = rows.verdict.value_counts()
    heading = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
    reasons = "; ".join(dict.fromkeys(rows.reason))
    return (
        f":::{{dropdown}} {name}: {heading}\nTolerance: {reasons}.\n\n"
        f"{tables.verdict_table(rows)}\n:::\n"
    )


def _settings(card: dict) -> str:
    lines = ["| what | value |", "| --- | --- |"]
    for name, entry in card.items():
        inner = entry if isinstance(entry, dict) else {"": entry}
        shown = {key: _one_line(value) for key, value in inner.items()}
        lines += [f"| {name} {key} | `{text}` |" for key, text in shown.items() if text]
    return "\n".join(lines) + "\n"


def _one_line(value) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split()).replace("|", "/").replace("`", "'")
