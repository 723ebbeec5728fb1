"""A paper's conclusions: their verdicts from those of the rows that carry them.

A rule is ``all: key; key``, ``any: ...`` or ``most: ...``. Where one row is enough to decide, the
rows of a conclusion are a family, and Holm's procedure keeps its error at 5 %.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from helpers.report import opening as first_screen
from helpers.report import verdicts

ALL, ANY, MOST = "all", "any", "most"


class Rule(NamedTuple):
    """How a conclusion follows from rows: `all`, `any` or `most` of them."""

    quantifier: str
    keys: tuple[str, ...]


def rule(text: str) -> Rule:
    """Read a rule such as ``all: overlap/1; overlap/2``.

    Raises
    ------
    ValueError
        If it does not begin with all, any or most, names no row, or names one twice.
    """
    quantifier, colon, listed = text.partition(":")
    keys = tuple(key.strip() for key in listed.split(";") if key.strip())
    if quantifier.strip() not in (ALL, ANY, MOST) or not colon or not keys:
        raise ValueError(
            f"rests_on is {text!r}; expected 'all: key; key', 'any: ...' or 'most: ...'"
        )
    if len(set(keys)) < len(keys):
        raise ValueError(f"rests_on {text!r} names a row twice")
    return Rule(quantifier.strip(), keys)


def combined(quantifier: str, found: Sequence[str]) -> str:
    """The verdict of a conclusion from the verdicts of its rows.

    With r rows reproduced and n not reproduced of m, *all* is reproduced if r = m and not if n > 0;
    *any* is reproduced if r > 0 and not if n = m; *most* is reproduced if r > m / 2 and not if
    n >= m / 2. Otherwise it is not run if no row was run, not comparable if each row is one or the
    other, depends on the reading if only rows that do so keep it open, and else inconclusive.
    """
    m, count = len(found), Counter(found)
    r, n = count[verdicts.REPRODUCED], count[verdicts.NOT_REPRODUCED]
    holds = {ALL: r == m, ANY: r > 0, MOST: 2 * r > m}[quantifier]
    fails = {ALL: n > 0, ANY: n == m, MOST: 2 * n >= m}[quantifier]
    if holds or fails:
        return verdicts.REPRODUCED if holds else verdicts.NOT_REPRODUCED
    if count[verdicts.NOT_RUN] == m:
        return verdicts.NOT_RUN
    if count[verdicts.NOT_RUN] + count[verdicts.NOT_COMPARABLE] == m:
        return verdicts.NOT_COMPARABLE
    if r + n + count[verdicts.DEPENDS] == m:
        return verdicts.DEPENDS
    return verdicts.INCONCLUSIVE


def of_rows(quantifier: str, rows: Sequence[verdicts.Row]) -> str:
    """The verdict of a conclusion from its judged rows, with Holm's correction where one decides.

    A verdict that every row must give needs no correction (an intersection-union test). One that
    a single row can bring about does: *not reproduced* of ``all``, *reproduced* of ``any``, both of
    ``most``. There a decided row whose p value (`verdicts.strength`) does not pass counts as
    inconclusive.
    """
    found = [row.verdict for row in rows]
    raw = combined(quantifier, found)
    corrected = {
        ALL: {verdicts.NOT_REPRODUCED}, ANY: {verdicts.REPRODUCED}, MOST: verdicts.DECIDED,
    }[quantifier]  # fmt: skip
    if raw not in corrected:
        return raw
    p = [verdicts.strength(row) if row.verdict in corrected else math.nan for row in rows]
    passed = holm(p)
    kept = [
        v if v not in corrected or ok else verdicts.INCONCLUSIVE
        for v, ok in zip(found, passed, strict=True)
    ]
    return combined(quantifier, kept)


def holm(p: Iterable[float], level: float = verdicts.LEVEL) -> list[bool]:
    """Which of a family's p values pass Holm's procedure (1979).

    The k-th smallest of m must be at most level / (m - k + 1), and all smaller ones must pass; NaN
    belongs to the family and never passes.
    """
    values = list(p)
    order = sorted((value, i) for i, value in enumerate(values) if not math.isnan(value))
    passed = [False] * len(values)
    for k, (value, i) in enumerate(order):
        if value > level / (len(values) - k):
            break
        passed[i] = True
    return passed


def add(judged: pd.DataFrame) -> pd.DataFrame:
    """Fill in the verdicts of the conclusions that rest on rows, in each arm that these have.

    Parameters
    ----------
    judged
        Rows as `claims.judge` joins them; a conclusion with ``rests_on`` has one row without arm,
        which is replaced by one an arm. An arm is that of any of its rows, measured or expected.

    Raises
    ------
    ValueError
        If a rule names a row that is not there, or a conclusion.
    """
    resting = judged.rests_on != ""
    parts = [judged[~resting]]
    plain = parts[0]
    for _, conclusion in judged[resting].drop_duplicates("key").iterrows():
        quantifier, keys = rule(conclusion.rests_on)
        rows = plain[plain.key.isin(keys)]
        arms = sorted(rows.arm.dropna().unique()) or [conclusion.arm]
        for arm in arms:
            of_arm = {row.key: row for row in rows[rows.arm == arm].itertuples()}
            missing = {row.key: row for row in rows[rows.arm != arm].itertuples()}
            carrying = [of_arm.get(key) or _not_run(missing[key]) for key in keys]
            verdict = of_rows(quantifier, carrying)
            why = told(quantifier, [row.verdict for row in carrying], verdict)
            parts.append(pd.DataFrame([conclusion]).assign(arm=arm, verdict=verdict, why=why))
    order = {key: i for i, key in enumerate(dict.fromkeys(judged.key))}
    with_all = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return with_all.sort_values("key", key=lambda k: k.map(order), kind="stable", ignore_index=True)


def told(quantifier: str, found: Sequence[str], verdict: str) -> str:
    """In words what a conclusion rests on, such as "needs all of 3: 2 reproduced, 1 not run"."""
    count = Counter(found)
    listed = ", ".join(f"{count[name]} {name}" for name in verdicts.VERDICTS if count[name])
    corrected = "" if verdict == combined(quantifier, found) else "; by Holm's correction too few"
    return f"needs {quantifier} of {len(found)}: {listed}{corrected}"


def _not_run(row: verdicts.Row) -> verdicts.Row:
    return row._replace(verdict=verdicts.NOT_RUN)  # type: ignore[attr-defined]


def opening(chapter: str, judged: pd.DataFrame) -> str:
    """A chapter's first screen in Markdown; see :func:`helpers.report.opening.opening`."""
    return first_screen.opening(chapter, judged)
