"""Words of the glossary, explained where a page first uses them."""

import re
from functools import lru_cache
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString

from helpers.store import paths

PAGE = "book/method"
NOT_IN = ("a", "code", "pre", "script", "h1", "h2", "h3", "h4", "dt", "figcaption", "b", "button")
_DEFINITION = re.compile(r"^([^\n:#|-][^\n]*)\n: (.+(?:\n  .+)*)", re.MULTILINE)


@lru_cache
def terms(file: Path = paths.BOOK / "method.md") -> dict[str, str]:
    """Each word of the section *Words* with its meaning, as plain text."""
    _, _, section = file.read_text(encoding="utf-8").partition("\n## Words\n")
    section = re.split(r"\n## ", section)[0]
    found = {}
    for names, meaning in _DEFINITION.findall(section):
        text = re.sub(r"\{[\w:]+\}`[^`]*`|[*`]", "", " ".join(meaning.split()))
        for name in names.split(", "):
            found[name] = re.sub(r" +([.,;])", r"\1", text)
    return found


def anchor(term: str) -> str:
    """The target of links to a word."""
    return "term-" + re.sub(r"\W+", "-", term.lower())


def explained(page: BeautifulSoup, name: str, root: str) -> None:
    """Link the first use of each word in the page's paragraphs to its meaning, in place."""
    article = page.find("article")
    if article is None:
        return
    if name == PAGE:
        for entry in article.find_all("dt"):
            for part in entry.get_text(strip=True).split(", "):
                if part in terms() and not entry.get("id"):
                    entry["id"] = anchor(part)
        return
    waiting = dict(terms())
    for paragraph in article.find_all("p"):
        for text in list(paragraph.find_all(string=True)):
            if waiting and not text.find_parent(NOT_IN):
                _explain(page, text, waiting, root)


def _explain(
    page: BeautifulSoup, text: NavigableString, waiting: dict[str, str], root: str
) -> None:
    pattern = r"\b(" + "|".join(map(re.escape, waiting)) + r")(s?)\b"
    found = re.search(pattern, str(text))
    if not found:
        return
    term = found[1]
    link = page.new_tag("a", href=f"{root}{PAGE}.html#{anchor(first_of(term))}")
    link["class"], link["title"] = "term", waiting.pop(term)
    link.string = found[0]
    before, after = str(text)[: found.start()], str(text)[found.end() :]
    text.replace_with(before, link, after)


def first_of(term: str) -> str:
    """The word under which the glossary lists a term."""
    meaning = terms()[term]
    return next(name for name, text in terms().items() if text == meaning)
