"""Sphinx extension: mends each built page, and adds what a site has beside its pages.

Registered in ``_config.yml``; it works on the files that Sphinx wrote, so that pages of committed
runs, pages made from data and pages written by hand get the same charts, tables, head and foot.
"""

import base64
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

from helpers.report import render
from helpers.report.site import captions, charts, glossary, head, icons, links, spelling, tables
from helpers.store import paths

MARK = 'name="finished"'
INLINE = re.compile(r'src="data:image/(png|jpeg);base64,([A-Za-z0-9+/=]{2000,})"')
LISTING = re.compile(r"<pre>.*?</pre>", re.DOTALL)
HOLE = "listing-{}-of-code"
KEPT_OF_MATHJAX = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions")


def finish(site: Path) -> None:
    """Mend all pages below a folder, once each, and add what the site has beside them."""
    for file in sorted(site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        if MARK not in text and "_static" not in file.relative_to(site).parts:
            name = file.relative_to(site).with_suffix("").as_posix()
            file.write_text(finished(text, name, site), encoding="utf-8")
    _slim(site)
    _add(site)


def finished(text: str, name: str, site: Path) -> str:
    """A page as its reader gets it; its pictures and data are written below `site`."""
    if "<article" not in text and "<head>" not in text:  # a redirection
        return text
    root = "../" * name.count("/")
    text = INLINE.sub(lambda found: _as_file(found, root, site), text)
    listings = LISTING.findall(text)  # left out while the page is changed: nothing in them is
    numbers = iter(range(len(listings)))
    text = LISTING.sub(lambda _: f"<pre>{HOLE.format(next(numbers))}</pre>", text)
    page = BeautifulSoup(text, "html.parser")
    drawn = charts.rewritten(page, root)
    for chart in drawn:
        if chart.still:
            _write(site / "_static" / "charts" / chart.still[0], chart.still[1].encode())
    spelling.make_american(page)
    tables.made_readable(page)
    _name_run_card(page)
    base = name.rpartition("/")[2]
    for file, data in captions.numbered(page, drawn, f"{base}-").items():
        _write((site / name).parent / "_data" / file, data.encode())
    glossary.explained(page, name, root)
    links.added(page, name, root)
    spelling.name_methods(page)
    head.finished(page, name, head.site(), head.edition())
    page.head.append(BeautifulSoup(f'<meta {MARK} content="yes"/>', "html.parser"))
    return re.sub(
        rf"<pre>{HOLE.format('([0-9]+)')}</pre>", lambda f: listings[int(f[1])], str(page)
    )


def _as_file(found: re.Match, root: str, site: Path) -> str:
    """An inline picture as a file that is loaded when it comes into sight."""
    content = base64.b64decode(found[2])
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{found[1]}"
    _write(site / "_images" / name, content)
    return f'loading="lazy" src="{root}_images/{name}"'


def _name_run_card(page: BeautifulSoup) -> None:
    """The run card gets an anchor, to which "make it again" leads; a folded summary its name."""
    for title in page.select("p.admonition-title"):
        if title.get_text(strip=True) == "Run card" and not page.find(id="run-card"):
            title.parent["id"] = "run-card"
    for title in page.select("div.cell.tag_verdict details.above-output > summary p"):
        title.string = "The run’s own summary"


def _slim(site: Path) -> None:
    """Leave out what no page loads: icons that none shows, MathJax's other forms, source maps."""
    static = site / "_static"
    script = static / "scripts" / "fontawesome.js"
    if script.exists():
        theme = [file for file in static.glob("scripts/*.js") if file != script]
        shown = [*site.rglob("*.html"), *theme]
        used = set().union(*(icons.named(file.read_text(encoding="utf-8")) for file in shown))
        script.write_text(icons.subset(script.read_text(encoding="utf-8"), used), encoding="utf-8")
    for file in static.rglob("*.map"):
        file.unlink()
    mathjax = static / "mathjax"
    for file in [file for file in mathjax.rglob("*") if file.is_file()]:
        if not file.relative_to(mathjax).as_posix().startswith(KEPT_OF_MATHJAX):
            file.unlink()


def _add(site: Path) -> None:
    """What a site has beside its pages."""
    settings = head.site()
    _write(site / "404.html", render.html("not_found", site=settings).encode())
    card = paths.BOOK / "images" / "lrp_adversarial.png"
    if card.exists():
        _write(site / "_static" / "card.png", card.read_bytes())
    shutil.copy(paths.ROOT / "CITATION.cff", site / "CITATION.cff")
    for file in paths.NOTEBOOKS.glob("*.py"):
        _write(site / "_downloads" / "notebooks" / file.name, file.read_bytes())
    if settings.address:
        pages = sorted(file.relative_to(site).as_posix() for file in site.rglob("book/**/*.html"))
        pages = [page for page in pages if "_made" not in page]
        _write(site / "sitemap.xml", render.html("sitemap", site=settings, pages=pages).encode())


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _on_build_finished(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        finish(Path(app.outdir))


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx, after all that writes files."""
    app.connect("build-finished", _on_build_finished, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
