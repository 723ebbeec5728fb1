"""What the front page and README say of each chapter: its verdicts, counted, and its finding."""

import pandas as pd

from helpers.report import claims, render, scorecard

ARMS = {claims.AUTHORS: "A, the authors'", claims.INDEPENDENT: "B, independent"}


def tally(judged: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of a frame as `claims.scorecard` gives it: a row an arm."""
    counts = pd.crosstab(judged.arm, judged.verdict)
    return counts.reindex(columns=scorecard.VERDICTS, fill_value=0)


def summary(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Write the table of papers and their verdicts in Markdown, one row a paper and arm."""
    rows = []
    for paper in scorecard.papers_of(scorecards):
        if paper.chapter not in scorecards:
            blank = ["–"] * len(scorecard.VERDICTS)
            rows.append(
                {"paper": paper.name, "material": "planned", "counts": blank, "profile": "–"}
            )
            continue
        profile = cards.get(paper.chapter, {}).get("profile", claims.NOT_RUN)
        name = paper.name
        for arm, row in tally(scorecards[paper.chapter]).iterrows():
            material = ARMS.get(arm, arm)
            counts = row[scorecard.VERDICTS].tolist()
            rows.append({"paper": name, "material": material, "counts": counts, "profile": profile})
            name = ""  # stands in the first of a paper's rows only
    return render.markdown("verdicts", verdicts=scorecard.VERDICTS, rows=rows)


def findings(cards: dict[str, dict]) -> str:
    """Write what each chapter found, a paragraph a paper, in the papers' order.

    The run itself writes its finding into its run card; a chapter without one is left out.
    """
    chapters = [
        {"paper": paper.name, "name": paper.chapter, "finding": cards[paper.chapter]["finding"]}
        for paper in scorecard.papers_of(cards)
        if cards.get(paper.chapter, {}).get("finding")
    ]
    return render.markdown("findings", chapters=chapters)
