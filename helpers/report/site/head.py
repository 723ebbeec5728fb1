"""Head and foot of each built page: what it is, whose, of when, and only scripts it needs."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

from helpers.report import render
from helpers.store import paths, yaml_files

SETTINGS = paths.BOOK / "site.yaml"
UNUSED = ("thebe", "togglebutton", "design-tabs", "vega-bundle")  # vega: loaded by book.js
SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")
LONGEST = 200  # characters of a description


class Site(NamedTuple):
    """What ``book/site.yaml`` says of the published book; every address may be empty."""

    title: str
    description: str
    repository: str
    address: str
    launch: str


class Edition(NamedTuple):
    """Which state of the project the book shows."""

    version: str
    date: str
    commit: str


@lru_cache
def site(file: Path = SETTINGS) -> Site:
    """The settings of the book as a site.

    Raises
    ------
    ValueError
        If a setting is missing or unknown.
    """
    listed = yaml_files.held_by(file)
    if set(listed) != set(Site._fields):
        raise ValueError(f"{file.name} has {sorted(listed)}; expected {sorted(Site._fields)}")
    return Site(**{name: listed[name] or "" for name in Site._fields})


@lru_cache
def edition() -> Edition:
    """Version, date and commit of the project as it is checked out."""
    cited = yaml_files.held_by(paths.ROOT / "CITATION.cff")
    said = _git("log", "-1", "--format=%cs %h").split()
    date, commit = said if len(said) == 2 else ("", "")
    return Edition(str(cited["version"]), date, commit)


def finished(page: BeautifulSoup, name: str, settings: Site, of: Edition) -> None:
    """Mend head and foot of a page in place.

    Parameters
    ----------
    page
        As Sphinx wrote it.
    name
        Its name, such as ``book/runs/elime``.
    settings, of
        From `site` and `edition`.
    """
    root = "../" * name.count("/")
    _scripts(page, name)
    _one_viewport(page)
    _metadata(page, name, root, settings)
    footer = page.select_one("footer.bd-footer-content .bd-footer-content__inner")
    if footer is not None:
        text = render.html(
            "footer", root=root, site=settings, edition=of, run=_run(name), page=name
        )
        footer.clear()
        footer.append(BeautifulSoup(text, "html.parser"))


def _run(name: str) -> str:
    """The chapter that a page shows a committed run of, or nothing."""
    return name.rpartition("/")[2] if name.startswith("book/runs/") else ""


def _scripts(page: BeautifulSoup, name: str) -> None:
    """Leave out scripts that nothing on the page needs."""
    for part in page.find_all(["script", "link"]):
        text = f"{part.get('src', '')} {part.get('href', '')} {part.string or ''}"
        is_search = name != "search" and any(file in text for file in SEARCH)
        old = any(word in text.lower() for word in UNUSED) or "kernelName" in text
        if old or is_search or "x-thebe-config" in str(part.get("type")) or "tex-chtml.js" in text:
            part.decompose()
    if not page.select_one("article .math"):
        for script in page.find_all("script"):
            if (script.string or "").startswith("window.MathJax"):
                script.decompose()


def _one_viewport(page: BeautifulSoup) -> None:
    for extra in page.find_all("meta", attrs={"name": "viewport"})[1:]:
        extra.decompose()
    for script in page.find_all("script"):  # the theme warns of a mode that nobody has set
        if script.string and 'localStorage.getItem("mode") || ""' in script.string:
            script.string = script.string.replace('("mode") || ""', '("mode") || "auto"')
    if page.body is not None and page.body.get("data-default-mode") == "":
        page.body["data-default-mode"] = "auto"


def _metadata(page: BeautifulSoup, name: str, root: str, settings: Site) -> None:
    title = page.title
    if title is None or page.head is None:
        return
    names = list(dict.fromkeys(part.strip() for part in title.get_text().split("—")))
    title.string = " — ".join(names)
    description = _summary(page) or settings.description
    text = render.html(
        "head",
        title=names[0],
        description=description,
        site=settings,
        root=root,
        address=f"{settings.address.rstrip('/')}/{name}.html" if settings.address else "",
    )
    page.head.append(BeautifulSoup(text, "html.parser"))


def _summary(page: BeautifulSoup) -> str:
    """The page's first paragraph, cut at a word."""
    paragraph = page.select_one("article .answer p:not(.admonition-title), article section > p")
    text = " ".join(paragraph.get_text().split()) if isinstance(paragraph, Tag) else ""
    return text if len(text) <= LONGEST else re.sub(r"\W*\s\S*$", " ...", text[:LONGEST])


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=paths.ROOT, capture_output=True, text=True)
    except OSError:  # no git in this machine
        return ""
    return done.stdout.strip()
