"""Counting verdicts: a quantity once, and conclusions apart from the rows that carry them."""

import pandas as pd

from helpers.report import verdicts

CONCLUSION = "conclusion"


def counted(judged: pd.DataFrame) -> pd.DataFrame:
    """The numbers and orders that count: no conclusion, and no quantity that another row counts."""
    kept = judged
    if "kind" in kept:
        kept = kept[kept.kind != CONCLUSION]
    return kept[kept.same_as == ""] if "same_as" in kept else kept


def tally(judged: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of numbers and orders: one row per arm, one column per verdict."""
    rows = counted(judged)
    return pd.crosstab(rows.arm, rows.verdict).reindex(columns=verdicts.VERDICTS, fill_value=0)


def in_words(found: pd.Series) -> str:
    """Verdicts as a list of counts, such as "2 reproduced, 1 inconclusive"; in a fixed order."""
    counts = found.value_counts()
    several = {verdicts.DEPENDS: verdicts.DEPENDS.replace("depends", "depend")}
    return ", ".join(
        f"{counts[name]} {several.get(name, name) if counts[name] > 1 else name}"
        for name in verdicts.VERDICTS
        if name in counts
    )


def sentence(judged: pd.DataFrame) -> str:
    """How many numbers and orders got which verdict, each quantity counted once."""
    found = counted(judged).verdict
    if found.empty:
        return "No number or order is claimed."
    return f"Of **{len(found)}** numbers and orders: {in_words(found)}."
