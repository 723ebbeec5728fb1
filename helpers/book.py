"""Build the book: ``python -m helpers.book``.

Makes what the pages need (the charts' script, the tables of verdicts, the status page, the pages of
`helpers.pages`), all of it computed from ``data/``, then lets Jupyter Book build with every warning
an error. Runs no notebook.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import vl_convert
from altair.vegalite.v6.display import VEGA_VERSION, VEGAEMBED_VERSION, VEGALITE_VERSION

from helpers import claims, pages, paths, plots

MADE = paths.BOOK / "_made"
BUNDLE = paths.BOOK / "_static" / "vega-bundle.js"
EXPLORER = paths.BOOK / "_static" / "explorer-data.js"
SITE = paths.ROOT / "_build" / "html"
README = paths.ROOT / "README.md"
PICTURED = "lrp_adversarial"  # the chapter whose picture README shows
README_MARKS = "<!-- verdicts -->", "<!-- end of verdicts -->"
ARMS = {claims.AUTHORS: "A, the authors'", claims.INDEPENDENT: "B, independent"}
SCORECARD = paths.RESULTS / "scorecard"
COLUMNS = [
    "chapter", "paper", "key", "group", "says", "where", "unit", "reported", "tolerance", "bound",
    "arm", "value", "low", "high", "n", "verdict", "command", "profile",
]  # fmt: skip
SCALE_END = 4  # tolerances; of the scorecard's chart
VERDICTS = [claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN]


class Paper(NamedTuple):
    """A paper of the book and the chapter that re-runs it, if there is one yet."""

    name: str
    chapter: str | None = None


PAPERS = [
    Paper("Dieter & Zisgen 2023", "lrp_adversarial"),
    Paper("Arya 2024", "gradcam_training"),
    Paper("Wang et al. 2022", "elime"),
    Paper("Ornek & Ceylan 2024", "haycam"),
    Paper("Karatsiolis & Kamilaris 2022", "decam"),
    Paper("all five, cross-examined", "cross_examination"),
]


def chapters(folder: Path = paths.REPORTED) -> list[str]:
    """Names of the chapters that have claims, in the papers' order and then by name."""
    found = sorted(file.stem for file in folder.glob("*.csv"))
    order = [paper.chapter for paper in PAPERS if paper.chapter in found]
    return order + [name for name in found if name not in order]


def tally(scorecard: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of a frame as `claims.scorecard` gives it: a row an arm."""
    counts = pd.crosstab(scorecard.arm, scorecard.verdict)
    return counts.reindex(columns=VERDICTS, fill_value=0)


def summary(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Write the table of papers and their verdicts in Markdown, one row a paper and arm."""
    lines = [
        "| paper | material | " + " | ".join(VERDICTS) + " | profile |",
        "| --- | --- | " + "--: | " * len(VERDICTS) + "--- |",
    ]
    for paper in _papers(scorecards):
        title = paper.name
        if paper.chapter not in scorecards:
            lines.append(f"| {title} | planned |" + " – |" * len(VERDICTS) + " – |")
            continue
        profile = cards.get(paper.chapter, {}).get("profile", claims.NOT_RUN)
        for arm, row in tally(scorecards[paper.chapter]).iterrows():
            counts = " | ".join(str(row[verdict]) for verdict in VERDICTS)
            lines.append(f"| {title} | {ARMS.get(arm, arm)} | {counts} | {profile} |")
            title = ""
    return "\n".join(lines) + "\n"


def scorecard_table(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> pd.DataFrame:
    """Every claim of every paper in every arm: what ``data/results/scorecard.*`` hold for machines.

    Returns
    -------
    pandas.DataFrame
        Columns ``chapter`` (the notebook's name); ``paper``; ``key`` (unique in a chapter);
        ``group``; ``says`` (the claim in words); ``where`` (in the paper); ``unit`` (of all five
        numbers); ``reported`` (the paper's number); ``tolerance``; ``bound`` (``above`` or
        ``below`` where the paper only says more or less than ``reported``); ``arm`` (A: the
        authors' material, B: independent); ``value``, ``low``, ``high`` (ours and its 95 %
        interval); ``n`` (observations); ``verdict``; ``command`` (makes the number again);
        ``profile`` (of the run). What was not measured is empty, in JSON null.
    """
    names = {paper.chapter: paper.name for paper in _papers(scorecards)}
    tables = [
        table.assign(
            paper=names[chapter],
            command=_command(chapter, cards),
            profile=cards.get(chapter, {}).get("profile", ""),
        )
        for chapter, table in scorecards.items()
    ]
    return pd.concat(tables, ignore_index=True)[COLUMNS].astype(
        {"value": float, "low": float, "high": float, "n": "Int64"}
    )


def scorecard_page(scorecards: dict[str, pd.DataFrame], cards: dict[str, dict]) -> str:
    """Chart all claims; then write each with its verdict, a section a paper and a box a group."""
    chart = plots.claim_chart(
        claims.on_one_scale(scorecard_table(scorecards, cards), SCALE_END),
        limit=SCALE_END,
        description="difference of each claim's number of ours from the paper's, with its interval",
    )
    parts = [f"```{{raw}} html\n{plots.on_page(chart)}\n```\n"]
    for paper in _papers(scorecards):
        if paper.chapter in scorecards:
            parts += [f"## {paper.name}\n", _how_to_run(paper.chapter, cards)]
            groups = scorecards[paper.chapter].groupby("group", sort=False)
            parts += [_group(name, rows) for name, rows in groups]
    return "\n".join(parts)


def status_page(cards: dict[str, dict]) -> str:
    """Write how each chapter's results were made, a table of settings a chapter."""
    parts = []
    for paper in _papers(cards):
        if paper.chapter in cards:
            card = cards[paper.chapter]
            parts.append(f"## {paper.name}\n")
            parts.append(
                _settings(card) if card else f"Not run yet. {_how_to_run(paper.chapter, {})}"
            )
    return "\n".join(parts)


def vega_bundle() -> str:
    """Write the script that draws all charts, and tells them to load no other.

    Altair's page looks up `VEGA_DEBUG` and fetches only the libraries whose versions are not there.
    """
    return (
        f"(function () {{\n{vl_convert.javascript_bundle()}\n}})();\n"
        f"var VEGA_DEBUG = {{vega_version: '{VEGA_VERSION}', "
        f"vegalite_version: '{VEGALITE_VERSION}', vegaembed_version: '{VEGAEMBED_VERSION}'}};\n"
    )


def fill(readme: str, table: str) -> str:
    """Put a table between the README's two marks, in place of what stands there.

    Raises
    ------
    ValueError
        If a mark is missing.
    """
    start, end = README_MARKS
    if start not in readme or end not in readme:
        raise ValueError(f"README.md lacks {start} or {end}; the verdicts go between them")
    before, after = readme.split(start)[0], readme.split(end)[1]
    return f"{before}{start}\n{table}{end}{after}"


def included() -> dict[Path, str]:
    """Compute what the book's pages include or load, by the file it goes to."""
    scorecards, cards = _committed()
    compared = claims.run_card(pages.CHAPTER)
    pictures = pages.explorer()
    made = {
        MADE / "verdicts.md": summary(scorecards, cards),
        MADE / "scorecard.md": scorecard_page(scorecards, cards),
        MADE / "status.md": status_page(cards),
        MADE / "findings.md": findings(
            {file.stem: json.loads(file.read_text()) for file in paths.RUNS.glob("*.ipynb")}
        ),
        MADE / "leaderboard.md": pages.leaderboard_page(pages.matrix(), compared),
        MADE / "explorer.md": pages.explorer_page(pictures),
        BUNDLE: vega_bundle(),
    }
    return made | ({EXPLORER: pages.explorer_script(pictures)} if pictures else {})


def summaries() -> dict[Path, str]:
    """Compute the committed files that sum up all results: README's table, the scorecard's data."""
    scorecards, cards = _committed()
    table = scorecard_table(scorecards, cards)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {
        README: fill(README.read_text(encoding="utf-8"), summary(scorecards, cards)),
        SCORECARD.with_suffix(".csv"): table.to_csv(index=False),
        SCORECARD.with_suffix(".json"): json.dumps(rows, indent=1, ensure_ascii=False) + "\n",
    }


def finding(notebook: dict) -> str:
    """The last two sentences of the verdict that an executed notebook computed, if it has one."""
    for cell in notebook["cells"]:
        if "verdict" in cell["metadata"].get("tags", []):
            shown = "".join(
                "".join(o.get("data", {}).get("text/markdown", "")) for o in cell["outputs"]
            )
            return " ".join(re.split(r"(?<=[.!?])\s+(?=[A-Z*])", shown.strip())[-2:])
    return ""


def findings(runs: dict[str, dict]) -> str:
    """Write what each chapter found, a paragraph a paper that was run, in the papers' order."""
    said = {paper: finding(runs[paper.chapter]) for paper in _papers(runs) if paper.chapter in runs}
    return "\n".join(
        f"[{paper.name}](runs/{paper.chapter}.ipynb)\n: {text}\n"
        for paper, text in said.items()
        if text
    )


def picture(notebook: dict) -> bytes | None:
    """The PNG that an executed notebook's cell tagged ``picture`` shows, if it has one."""
    for cell in notebook["cells"]:
        if "picture" in cell["metadata"].get("tags", []):
            shown = "".join(
                "".join(o.get("data", {}).get("text/html", "")) for o in cell["outputs"]
            )
            found = re.search(r"data:image/png;base64,([^\"]+)", shown)
            return base64.b64decode(found[1]) if found else None
    return None


def build() -> int:
    """Build the site anew and return Jupyter Book's exit status."""
    shutil.rmtree(paths.ROOT / "_build", ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    strict = ["-n", "-W", "--keep-going"]
    return subprocess.run([program, "build", paths.ROOT, *strict], check=False).returncode


def main() -> int:
    """Make the committed summaries, or the generated files and the site, as asked."""
    parser = argparse.ArgumentParser(prog="python -m helpers.book", description="Build the book.")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--pages-only", action="store_true", help="make the generated files, no site")
    only.add_argument("--readme", action="store_true", help="renew README and scorecard data")
    asked = parser.parse_args()
    if asked.readme:
        for file, text in summaries().items():
            paths.write_atomically(file, text.encode())
        pictured = paths.RUNS / f"{PICTURED}.ipynb"
        if png := picture(json.loads(pictured.read_text(encoding="utf-8"))):
            paths.write_atomically(paths.BOOK / "images" / f"{PICTURED}.png", png)
        return 0
    for file, text in included().items():
        paths.write_atomically(file, text.encode())
    if asked.pages_only:
        return 0
    status = build()
    if status == 0:
        print(f"\nThe book is built. Open {SITE / 'index.html'}")
    return status


def _committed() -> tuple[dict[str, pd.DataFrame], dict[str, dict]]:
    names = chapters()
    return {name: claims.scorecard(name) for name in names}, {
        name: claims.run_card(name) for name in names
    }


def _papers(chapters: Iterable[str]) -> list[Paper]:
    """List all papers, and after them any chapter that no paper names."""
    known = {paper.chapter for paper in PAPERS}
    return PAPERS + [Paper(name, name) for name in chapters if name not in known]


def _command(chapter: str, cards: dict[str, dict]) -> str:
    return cards.get(chapter, {}).get("command", f"python -m helpers.run {chapter}")


def _how_to_run(chapter: str, cards: dict[str, dict]) -> str:
    named = cards.get(chapter, {}).get("data")
    needs = " (with `XAI_DATA` naming the folder of further data)" if named else ""
    return f"To make these numbers again{needs}:\n\n```bash\n{_command(chapter, cards)}\n```\n"


def _group(name: str, rows: pd.DataFrame) -> str:
    counts = rows.verdict.value_counts()
    heading = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts)
    reasons = "; ".join(dict.fromkeys(rows.reason))
    return (
        f":::{{dropdown}} {name}: {heading}\nTolerance: {reasons}.\n\n"
        f"{plots.verdict_table(rows)}\n:::\n"
    )


def _settings(card: dict) -> str:
    lines = ["| what | value |", "| --- | --- |"]
    for name, entry in card.items():
        inner = entry if isinstance(entry, dict) else {"": entry}
        shown = {key: _one_line(value) for key, value in inner.items()}
        lines += [f"| {name} {key} | `{text}` |" for key, text in shown.items() if text]
    return "\n".join(lines) + "\n"


def _one_line(value) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join(text.split()).replace("|", "/").replace("`", "'")


if __name__ == "__main__":
    sys.exit(main())
