"""One spelling and one name for one thing on all pages, whichever run or file wrote them.

Pages of committed runs stay as they were written; only what the reader sees is set alike. Code, and
what stands in quotation marks, is left as it is.
"""

import re
from collections.abc import Callable

from bs4 import BeautifulSoup

NOT_IN = ["code", "pre", "script", "style", "svg", "q", "blockquote"]
STEMS = {  # British to American, and what old runs call otherwise
    "colour": "color", "favour": "favor", "behaviour": "behavior", "neighbour": "neighbor",
    "recognis": "recogniz", "normalis": "normaliz", "localis": "localiz", "randomis": "randomiz",
    "optimis": "optimiz", "emphasis(?=e)": "emphasiz", "summaris": "summariz",
    "generalis": "generaliz", "standardis": "standardiz", "initialis": "initializ",
    "minimis": "minimiz", "maximis": "maximiz", "regularis": "regulariz", "labell": "label",
    "modell(?=ed|ing)": "model", "centred": "centered", r"\b1 threads\b": "1 thread",
    r"\bseconds an image\b": "seconds per image",
    r"\bimages an epoch\b": "images per epoch", r"\bone row an image\b": "one row per image",
}  # fmt: skip
METHODS = {
    "LRP-alpha-beta": "LRP-αβ",
    "LRP-epsilon": "LRP-ε",
    "alpha-beta": "αβ",
    "centre": "center",
}
_BRITISH = re.compile("|".join(f"({stem})" for stem in STEMS), re.IGNORECASE)
_AMERICAN = list(STEMS.values())
_NAMES = re.compile("|".join(map(re.escape, METHODS)))
_QUOTED = re.compile(r"(“[^”]*”|\"[^\"]*\")")


def american(text: str) -> str:
    """A text in American spelling, but for what it quotes."""
    if not _BRITISH.search(text):
        return text
    parts = _QUOTED.split(text)
    return "".join(part if place % 2 else spelled(part) for place, part in enumerate(parts))


def spelled(text: str) -> str:
    """A text in American spelling, all of it."""
    return _BRITISH.sub(_to_american, text)


def named(text: str) -> str:
    """A text that names each method in one form."""
    return _NAMES.sub(lambda found: METHODS[found[0]], text)


def make_american(page: BeautifulSoup) -> None:
    """Spell the texts of an article alike, in place."""
    _change(page, american)
    for head in page.select(".matrix thead th"):  # they are narrow
        for text in head.find_all(string=re.compile("ization$")):
            text.replace_with(f"{str(text).removesuffix('ization')}\u00adization")


def name_methods(page: BeautifulSoup) -> None:
    """Name methods alike in the texts of an article, in place, after links were made of them."""
    _change(page, named)


def _change(page: BeautifulSoup, change: Callable[[str], str]) -> None:
    article = page.find("article")
    for text in list(article.find_all(string=True)) if article else []:
        if len(text) > 5:  # none of the words is shorter
            changed = change(text)
            if changed != text and not text.find_parent(NOT_IN):
                text.replace_with(changed)


def _to_american(found: re.Match) -> str:
    to = _AMERICAN[found.lastindex - 1]
    return to.capitalize() if found[0][0].isupper() else to
