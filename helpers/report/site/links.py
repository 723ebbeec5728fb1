"""Links that lead from a table to what it names: methods to their page, claims to the scorecard."""

import re
from functools import lru_cache

import pandas as pd
from bs4 import BeautifulSoup, Tag

from helpers.report import claims, differences, executed_pages, methods, scorecard, theme, verdicts

SCORECARD = "book/scorecard"
ASKS = (verdicts.NOT_REPRODUCED, verdicts.DEPENDS, verdicts.NOT_COMPARABLE)  # whether it is fair


def claim_anchor(chapter: str, key: str) -> str:
    """The target of links to a claim on the scorecard."""
    return f"claim-{chapter}-{key}".lower().replace(" ", "-").replace("/", ".")


def added(page: BeautifulSoup, name: str, root: str) -> None:
    """Add the links to the tables of a page, and anchors to the scorecard's rows, in place."""
    article = page.find("article")
    if article is None:
        return
    for summary in article.find_all("summary"):
        if summary.get("aria-label") == "Toggle hidden content":  # it hides what the box is called
            del summary["aria-label"]
    if name != "book/methods":
        _link_methods(page, article, root)
    if name == SCORECARD:
        _anchor_claims(article)
        _link_differences(page, article, root)
    elif name.startswith("book/runs/"):
        _link_claims(page, article, name.rpartition("/")[2], root)


def _link_methods(page: BeautifulSoup, article: Tag, root: str) -> None:
    for row in article.select("table tbody tr"):
        cell = row.find(["th", "td"])
        text = cell.find(string=True) if cell is not None else None
        method = methods.known().get(str(text).strip()) if text else None
        if method and not cell.find("a"):
            link = page.new_tag("a", href=f"{root}book/methods.html#{method.anchor}")
            link.string = method.name
            text.replace_with(link)


def _anchor_claims(article: Tag) -> None:
    chapters = {paper.name: paper.chapter for paper in scorecard.PAPERS}
    for group in article.select("details.claim-group"):
        paper = group["data-paper"]
        for row in group.select("tr[data-key]"):
            row["id"] = claim_anchor(chapters.get(paper) or paper, row["data-key"])
            row["data-paper"] = paper


def _link_differences(page: BeautifulSoup, article: Tag, root: str) -> None:
    """From each verdict that speaks against a paper, or of no comparison, to what differs."""
    chapters = {paper.name: paper.chapter for paper in scorecard.PAPERS}
    for row in article.select("details.claim-group tr[data-key]"):
        chapter = chapters.get(row["data-paper"])
        of_row = str(row.get("data-verdicts", ""))
        if chapter in differences.known() and any(f":{verdict}" in of_row for verdict in ASKS):
            target = f"{root}book/runs/{chapter}.html#{differences.ANCHOR}"
            link = page.new_tag("a", href=target)
            link.string = "what differs"
            row.find_all("td")[-1].extend([" ", link])


@lru_cache
def _keys(chapter: str) -> dict[str, str]:
    """The key of each claim of a chapter by its words; of claims with the same words, the first."""
    rows = claims.reported(chapter)
    return {_plain(says): str(key) for key, says in reversed(list(rows.says.items()))}


def _link_claims(page: BeautifulSoup, article: Tag, chapter: str, root: str) -> None:
    keys = _keys(chapter)
    for head in article.select("table.claims tbody th[scope=row]"):
        text = head.find(string=True)
        key = head.parent.get("data-key") or keys.get(_plain(str(text)))
        if key and text is not None and not head.find("a"):
            link = page.new_tag("a", href=f"{root}{SCORECARD}.html#{claim_anchor(chapter, key)}")
            link.string = str(text)
            text.replace_with(link)
        _tell_present_verdicts(page, head.parent, _verdicts(chapter), key)


def _tell_present_verdicts(
    page: BeautifulSoup, row: Tag, present: dict[tuple[str, str], str], key: str | None
) -> None:
    """Where a run wrote another verdict than the claim has now, its row says which it has now."""
    written = dict(pair.split(":") for pair in str(row.get("data-verdicts", ":")).split("|"))
    for cell in row.find_all("td", attrs={"data-arm": True}):
        arm = str(cell["data-arm"])
        now = present.get((str(key), arm))
        if now and written.get(arm) and written[arm] != now:
            told = page.new_tag("small", attrs={"class": "now"})
            told.string = f" now: {theme.MARKS[now]} {now}"
            cell.append(told)


@lru_cache
def _verdicts(chapter: str) -> dict[tuple[str, str], str]:
    """The verdict that each claim of a chapter has now, by key and arm."""
    return by_key_and_arm(executed_pages.scorecard(chapter))


def by_key_and_arm(judged: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The verdict of each claim in each arm."""
    return {(row.key, row.arm): row.verdict for row in judged.itertuples()}


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
