"""Build the book: ``python -m helpers.book``.

Makes what the pages need (the charts' script, the tables of verdicts, the status page, the
leaderboard, the equations), computed from ``data/`` and from docstrings, then lets Jupyter Book
build with every warning an error. Runs no notebook.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import vl_convert
from altair.vegalite.v6.display import VEGA_VERSION, VEGAEMBED_VERSION, VEGALITE_VERSION

from helpers.report import (
    cite,
    claims,
    costs,
    equations,
    explorer,
    front_page,
    leaderboard,
    methods,
    order,
    readme,
    reliability,
    scorecard,
    status,
)
from helpers.report.site import one_file
from helpers.store import files, paths, reading

MADE = paths.BOOK / "_made"
BUNDLE = paths.BOOK / "_static" / "vega-bundle.js"
EXPLORER = paths.BOOK / "_static" / "explorer-data.js"
SITE = paths.ROOT / "_build" / "html"


def vega_bundle() -> str:
    """Write the script that draws all charts, and tells them to load no other.

    Altair's page looks up `VEGA_DEBUG` and fetches only the libraries whose versions are not there.
    """
    return (
        f"(function () {{\n{vl_convert.javascript_bundle()}\n}})();\n"
        f"var VEGA_DEBUG = {{vega_version: '{VEGA_VERSION}', "
        f"vegalite_version: '{VEGALITE_VERSION}', vegaembed_version: '{VEGAEMBED_VERSION}'}};\n"
    )


def included() -> dict[Path, str | bytes]:
    """Compute what the book's pages include or load, by the file it goes to."""
    scorecards, cards = _committed()
    compared = claims.run_card(leaderboard.CHAPTER)
    standing = order.load()
    pictures = explorer.load()
    shown = run_pictures(scorecards)
    generated: dict[Path, str | bytes] = {
        MADE / "verdicts.md": front_page.summary(scorecards, cards),
        MADE / "scorecard.md": scorecard.scorecard_page(scorecards, cards),
        MADE / "status.md": status.status_page(cards),
        MADE / "costs.md": costs.costs_page(),
        MADE / "reliability.md": reliability.page(),
        MADE / "kills.md": costs.kills_page(),
        MADE / "seeds.md": costs.seeds_page(),
        MADE / "front.md": front_page.front(scorecards, shown),
        **{MADE / "pictures" / f"{chapter}.png": png for chapter, png in shown.items()},
        MADE / "order.md": leaderboard.order_section(standing, claims.run_card(order.CHAPTER)),
        MADE / "leaderboard.md": leaderboard.leaderboard_page(leaderboard.matrix(), compared),
        MADE / "methods.md": methods.methods_page(),
        MADE / "which.md": methods.which_page(leaderboard.matrix(), standing),
        MADE / "cite.md": cite.cite_page(),
        MADE / "explorer.md": explorer.explorer_page(pictures),
        MADE / "equations.md": equations.equations_page(equations.source_files()),
        BUNDLE: vega_bundle(),
    }
    return generated | ({EXPLORER: explorer.explorer_script(pictures)} if pictures else {})


def run_pictures(chapters: Iterable[str]) -> dict[str, bytes]:
    """The picture that each committed run shows, as PNG, by chapter."""
    files_ = {chapter: paths.RUNS / f"{chapter}.ipynb" for chapter in chapters}
    found = {
        chapter: readme.picture(reading.object_of(file, "cells"))
        for chapter, file in files_.items()
        if file.exists()
    }
    return {chapter: png for chapter, png in found.items() if png}


def summaries() -> dict[Path, str]:
    """Compute the committed files that sum up all results: README's table, the scorecard's data."""
    scorecards, cards = _committed()
    table = scorecard.scorecard_table(scorecards, cards)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {
        readme.README: readme.fill(
            readme.README.read_text(encoding="utf-8"), front_page.summary(scorecards, cards)
        ),
        scorecard.SCORECARD.with_suffix(".csv"): table.to_csv(index=False),
        scorecard.SCORECARD.with_suffix(".json"): json.dumps(rows, indent=1, ensure_ascii=False)
        + "\n",
    }


def build() -> int:
    """Build the site anew and return Jupyter Book's exit status."""
    shutil.rmtree(paths.ROOT / "_build", ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    strict = ["-n", "-W", "--keep-going"]
    return subprocess.run([program, "build", paths.ROOT, *strict], check=False).returncode


def main() -> int:
    """Make the committed summaries, or the generated files and the site."""
    parser = argparse.ArgumentParser(prog="python -m helpers.book", description="Build the book.")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--pages-only", action="store_true", help="make the generated files, no site")
    only.add_argument("--pdf", action="store_true", help="print the built book into one PDF")
    only.add_argument("--readme", action="store_true", help="renew README and scorecard data")
    options = parser.parse_args()
    if options.readme:
        for file, text in summaries().items():
            files.write_atomically(file, text.encode())
        pictured = paths.RUNS / f"{readme.PICTURED}.ipynb"
        if png := readme.picture(reading.object_of(pictured, "cells")):
            files.write_atomically(paths.BOOK / "images" / f"{readme.PICTURED}.png", png)
        return 0
    if options.pdf:
        return one_file.print_pdf(SITE)
    for file, made in included().items():
        files.write_atomically(file, made.encode() if isinstance(made, str) else made)
    if options.pages_only:
        return 0
    status = build()
    if status == 0:
        print(f"\nThe book is built. Open {SITE / 'index.html'}")
    return status


def _committed() -> tuple[dict[str, pd.DataFrame], dict[str, dict]]:
    names = scorecard.chapters()
    return {name: claims.scorecard(name) for name in names}, {
        name: claims.run_card(name) for name in names
    }
