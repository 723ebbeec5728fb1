"""The front page: each paper's question with the plain answer and its verdict; then the counts."""

from collections.abc import Collection

import pandas as pd

from helpers.report import claims, differences, opening, render, scorecard, tallies, theme

ARMS = {claims.AUTHORS: "A, the authors'", claims.INDEPENDENT: "B, independent"}


def front(scorecards: dict[str, pd.DataFrame], pictures: Collection[str]) -> str:
    """Write the five papers and what we ask of all together, in Markdown, conclusion first.

    Every word of an answer follows from the verdict of the main conclusion; see `opening`.

    Parameters
    ----------
    scorecards
        Judged claims by chapter, from `claims.scorecard`.
    pictures
        Chapters that have a picture in ``_made/pictures``.
    """
    asked = opening.questions()
    sections = [
        _section(paper, asked[paper.chapter], scorecards[paper.chapter], paper.chapter in pictures)
        for paper in scorecard.papers_of(scorecards)
        if paper.chapter in asked and paper.chapter in scorecards
    ]
    return render.markdown("front", sections=sections)


def _section(paper, question: opening.Question, judged: pd.DataFrame, has_picture: bool) -> dict:
    rows = opening.main_rows(judged, question.main)
    same = rows.verdict.nunique() == 1
    return {
        "paper": paper.name,
        "chapter": paper.chapter,
        "question": question,
        "answer": opening.answer(question, judged),
        "badges": [
            render.html(
                "verdict",
                word=row.verdict,
                mark=theme.MARKS[row.verdict],
                material="" if same else opening.MATERIAL.get(row.arm, ""),
            ).strip()
            for row in (rows.iloc[:1] if same else rows).itertuples()
        ],
        "conclusions": tallies.in_words(
            judged.verdict[(judged.kind == claims.CONCLUSION) & (judged.arm == rows.arm.iloc[0])]
        ),
        "has_picture": has_picture,
        "bars": bars(judged),
        "caveat": differences.known()[paper.chapter].badge,
        "differs": f"runs/{paper.chapter}.html#{differences.ANCHOR}",
    }


def bars(judged: pd.DataFrame) -> list[str]:
    """The verdicts on a chapter's numbers and orders as a bar for each kind of material, in HTML.

    Each part has a color, a pattern and a mark; a screen reader hears the counts.
    """
    counts = tallies.tally(judged)
    several = len(counts) > 1
    return [
        render.html(
            "verdict_bar",
            material=f"{ARMS.get(str(arm), str(arm))} material" if several else "",
            said=f"{int(row.sum())} numbers and orders: {_counted(row)}",
            parts=[
                {
                    "word": word,
                    "count": int(count),
                    "share": count / row.sum(),
                    "mark": theme.MARKS[word],
                }
                for word, count in row.items()
                if count
            ],
        ).strip()
        for arm, row in counts.iterrows()
    ]


def _counted(row: pd.Series) -> str:
    return ", ".join(f"{count} {word}" for word, count in row.items() if count)


def summary(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Write the table of papers and their verdicts in Markdown, one row per paper and arm."""
    rows = []
    for paper in scorecard.papers_of(scorecards):
        if paper.chapter not in scorecards:
            row = {"paper": paper.name, "material": "planned", "conclusions": "–", "profile": "–"}
            rows.append({**row, "counts": ["–"] * len(claims.VERDICTS)})
            continue
        judged = scorecards[paper.chapter]
        profile = cards.get(paper.chapter, {}).get("profile", claims.NOT_RUN)
        name = paper.name
        for arm, row in tallies.tally(judged).iterrows():
            main = judged[(judged.kind == claims.CONCLUSION) & (judged.arm == arm)]
            rows.append(
                {
                    "paper": name,
                    "material": ARMS.get(arm, arm),
                    "conclusions": tallies.in_words(main.verdict) or "–",
                    "counts": row[claims.VERDICTS].tolist(),
                    "profile": profile,
                }
            )
            name = ""  # stands in the first of a paper's rows only
    return render.markdown("verdicts", verdicts=claims.VERDICTS, rows=rows)
