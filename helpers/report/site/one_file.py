"""The whole book as one page, which a browser prints: ``python -m helpers.book --pdf``."""

import re
import shutil
import subprocess
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from helpers.report.site import head
from helpers.store import paths, yaml_files

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIME = 60_000  # milliseconds of the page's own clock, for its formulas
STYLES = (
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "sphinx-design.min.css",
    "pygments.css",
    "book.css",
)
# sections are left out but for formulas, as on the pages themselves
MATHJAX = '{"options": {"processHtmlClass": "math|output_area"}}'


def pages(toc: Path = paths.ROOT / "_toc.yml") -> list[str]:
    """The names of the book's pages, in its order, without runs of a reader's own."""
    listed = yaml_files.held_by(toc)
    chapters = [chapter for part in listed["parts"] for chapter in part["chapters"]]
    return [listed["root"], *(chapter["file"] for chapter in chapters if "file" in chapter)]


def whole(site: Path, names: list[str]) -> str:
    """All articles below each other, with links among them, everything unfolded but code.

    Parameters
    ----------
    site
        The folder of the built book.
    names
        Its pages, such as ``book/intro``.
    """
    articles = [_article(site, name, names) for name in names]
    styles = "".join(f'<link rel="stylesheet" href="_static/{file}"/>' for file in STYLES)
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8"/>'
        f"<title>{head.site().title}</title>{styles}"
        "<style>article { break-before: page; max-width: 100%; }</style>"
        f"<script>window.MathJax = {MATHJAX}</script>"
        '<script src="_static/mathjax/tex-chtml.js"></script></head>'
        f'<body><main class="bd-article">{"".join(articles)}</main></body></html>'
    )


def print_pdf(site: Path) -> int:
    """Print the book to ``book.pdf`` beside its pages; the exit status, 1 without a browser."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"none of {', '.join(BROWSERS)} is installed, which print the book")
        return 1
    source = site / "whole.html"
    source.write_text(whole(site, pages()), encoding="utf-8")
    command = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-pdf-header-footer", f"--virtual-time-budget={TIME}",
        f"--print-to-pdf={site / 'book.pdf'}", source.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    source.unlink()
    if done.returncode == 0:
        print(f"The book is printed: {site / 'book.pdf'}")
    return done.returncode


def _article(site: Path, name: str, names: list[str]) -> str:
    page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    article = page.find("article")
    for part in article.select("script, form, .headerlink, details.numbers, details.hide, button"):
        part.decompose()
    for box in article.find_all("details"):
        title = box.find("summary")
        if title is not None and title.get_text(strip=True).startswith("Tests:"):
            box.decompose()  # a list of names, of use only beside the code
        else:
            box["open"] = ""
    for picture in article.find_all("img"):
        picture["src"] = re.sub(r"^(\.\./)+", "", picture.get("src", ""))
        del picture["loading"]
    prefix = _prefix(name)
    for element in article.find_all(id=True):
        element["id"] = f"{prefix}{element['id']}"
    for link in article.find_all("a", href=True):
        link["href"] = _within(link["href"], name, names)
    article["id"] = prefix
    return str(article) if isinstance(article, Tag) else ""


def _prefix(name: str) -> str:
    return f"{name.replace('/', '-')}--"


def _within(href: str, name: str, names: list[str]) -> str:
    """A link of a page as one within the single file, where it leads to a page of the book."""
    if "://" in href:
        return href
    path, _, anchor = href.partition("#")
    parts = name.split("/")[:-1] if path else name.split("/")
    for part in filter(None, path.removesuffix(".html").split("/")):
        parts = parts[:-1] if part == ".." else [*parts, part]
    target = "/".join(parts)
    return f"#{_prefix(target)}{anchor}" if target in names else href
