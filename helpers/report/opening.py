"""A chapter's first screen: its question, the plain answer, its conclusions with verdicts.

The words stand in ``data/reported/questions.yaml``, one answer for each verdict that the main
conclusion may have, so that no sentence can say another thing than its row. Numbers are filled in
from the rows.
"""

import re
import string
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers.report import render, tallies, theme, verdicts
from helpers.store import paths, yaml_files

MATERIAL = {"A": "the authors' material", "B": "independent material"}
FIRST_WORDS = {  # of an answer; each question is put so that the paper answers yes
    verdicts.REPRODUCED: "Yes",
    verdicts.NOT_REPRODUCED: "No",
    verdicts.INCONCLUSIVE: "Undecided",
    verdicts.DEPENDS: "It depends",
    verdicts.NOT_COMPARABLE: "Cannot be compared",
    verdicts.NOT_RUN: "Not measured",
}
FIELDS = {"held", "of", "rows", "hold", "readings", "share", "turned_by"}
MARK = "<!-- first screen -->"  # by which a page knows that a run wrote it
_TEXTS = ("question", "claim", "quote", "place", "main", "caveat", "picture")


class Question(NamedTuple):
    """What a chapter asks, what its paper answers, and our answer for each verdict.

    Attributes
    ----------
    question
        In one sentence, put so that the paper answers yes.
    claim
        The paper's answer in one sentence.
    quote, place
        Words of the paper, and where they stand.
    main
        Key of the conclusion that decides the answer.
    caveat
        What differs most from the paper.
    picture
        What the chapter's picture shows.
    answers
        By verdict; each begins with its word of `FIRST_WORDS`.
    """

    question: str
    claim: str
    quote: str
    place: str
    main: str
    caveat: str
    picture: str
    answers: dict[str, str]


@lru_cache
def questions(file: Path = paths.REPORTED / "questions.yaml") -> dict[str, Question]:
    """All questions, by chapter, in the book's order.

    Raises
    ------
    ValueError
        If a text is missing, an answer is missing for a verdict or begins with another's word, or a
        sentence of ours has a number typed in.
    """
    listed = yaml_files.tables(file)
    return {chapter: _checked(chapter, entry) for chapter, entry in listed.items()}


def _checked(chapter: str, entry: dict) -> Question:
    if not isinstance(entry.get("answers", {}), dict):
        raise ValueError(f"questions.yaml: the answers of {chapter} are no table")
    missing = [name for name in (*_TEXTS, "answers") if name not in entry]
    missing += [name for name in verdicts.VERDICTS if name not in entry.get("answers", {})]
    if missing:
        raise ValueError(f"questions.yaml: {chapter} lacks {missing[0]!r}")
    for verdict, text in entry["answers"].items():
        if not re.match(rf"{FIRST_WORDS[verdict]}\b", text):
            raise ValueError(
                f"questions.yaml: {chapter}, {verdict}: the answer {text!r} must begin with "
                f"{FIRST_WORDS[verdict]!r}"
            )
        unknown = _fields(chapter, text) - FIELDS
        if unknown:
            raise ValueError(f"questions.yaml: {chapter}, {verdict}: no field {sorted(unknown)[0]}")
    for text in (entry["question"], entry["claim"], entry["caveat"], *entry["answers"].values()):
        if re.search(r"\d", text):
            raise ValueError(f"questions.yaml: {chapter}: a number is typed into {text!r}")
    return Question(**{name: entry[name] for name in Question._fields})


def _fields(chapter: str, text: str) -> set[str]:
    """What an answer's text has to be filled with."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError as error:
        raise ValueError(f"questions.yaml: {chapter}: the answer {text!r} has {error}") from error


def main_rows(judged: pd.DataFrame, key: str) -> pd.DataFrame:
    """The main conclusion, one row per arm, the arm that answers first.

    That is the authors' material where it decides (reproduced, not reproduced or dependent on the
    reading), else the independent one where it does, else the first that has a verdict at all.
    """
    rows = judged[judged.key == key]
    empty = [verdicts.NOT_COMPARABLE, verdicts.NOT_RUN]
    rank = rows.verdict.map(
        lambda v: 0 if v in {*verdicts.DECIDED, verdicts.DEPENDS} else 2 + empty.index(v)
        if v in empty else 1
    )  # fmt: skip
    return rows.assign(rank=rank).sort_values(["rank", "arm"], kind="stable").drop(columns="rank")


def answer(question: Question, judged: pd.DataFrame) -> str:
    """The plain answer: that of the arm that answers first, and what the other says if another.

    Raises
    ------
    ValueError
        If the main conclusion is no row of the judged ones.
    """
    rows = main_rows(judged, question.main)
    if rows.empty:
        raise ValueError(f"the main conclusion {question.main!r} is no row of the chapter's claims")
    first, *others = rows.itertuples()
    text = _filled(question.answers[first.verdict], judged, first)
    for other in others:
        if other.verdict == first.verdict:
            continue
        if {first.verdict, other.verdict} == verdicts.DECIDED:
            return (
                f"The two kinds of material disagree. With {MATERIAL[first.arm]}: {text} With "
                f"{MATERIAL[other.arm]}: "
                f"{_filled(question.answers[other.verdict], judged, other)}"
            )
        return f"With {MATERIAL[first.arm]}: {text} With {MATERIAL[other.arm]}: {other.verdict}."
    return text


def _filled(text: str, judged: pd.DataFrame, row) -> str:
    """An answer with the numbers of the rows that carry it."""
    keys = re.split(r"\s*;\s*", row.rests_on.partition(":")[2].strip()) if row.rests_on else []
    carrying = judged[judged.key.isin(keys or [row.key]) & (judged.arm == row.arm)]
    hold, run = int(carrying.readings_hold.sum()), int(carrying.readings_run.sum())
    turned = next(iter(carrying.turned_by[carrying.turned_by != ""]), "no single choice")
    return text.format(
        held=int((carrying.verdict == verdicts.REPRODUCED).sum()),
        of=len(keys) or 1,
        rows=tallies.in_words(carrying.verdict),
        hold=hold,
        readings=run,
        share=f"{hold / run:.0%}" if run else "none",
        turned_by=turned,
    )


def opening(chapter: str, judged: pd.DataFrame, boxed: bool = False) -> str:
    """A chapter's first screen in Markdown: question, answer, and its conclusions with verdicts.

    Parameters
    ----------
    chapter
        As `questions.yaml` names it.
    judged
        All its claims, from `claims.judge` or `claims.scorecard`.
    boxed
        Whether question, answer and what differs most stand in a box, which only the book shows.
    """
    question = questions()[chapter]
    return render.markdown(
        "opening",
        mark=MARK,
        boxed=boxed,
        question=question,
        answer=answer(question, judged),
        conclusions=conclusion_rows(judged),
        marks=theme.MARKS,
    )


def finding(chapter: str, judged: pd.DataFrame) -> str:
    """The answer alone, as a run card keeps it."""
    return answer(questions()[chapter], judged)


def conclusion_rows(judged: pd.DataFrame) -> list[dict]:
    """The conclusions of a chapter, each with its verdict in every arm."""
    rows = judged[judged.kind == "conclusion"]
    several = rows.arm.nunique() > 1
    return [
        {
            "says": _cell(says),
            "where": _cell(of_key["where"].iloc[0]),
            "verdicts": [
                {
                    "word": row.verdict,
                    "arm": row.arm if several else "",
                    "why": _cell(row.why),
                    "amended": bool(row.amended),
                }
                for row in of_key.itertuples()
            ],
        }
        for says, of_key in rows.groupby("says", sort=False)
    ]


def _cell(text: str) -> str:
    """A text that stays within its cell of a Markdown table, and is no HTML."""
    text = " ".join(str(text).split())
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(sign, safe)
    return text
