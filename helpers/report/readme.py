"""README's table of verdicts and its picture, and the chapters' findings."""

import base64
import re

from helpers.report import scorecard
from helpers.store import paths

README = paths.ROOT / "README.md"
PICTURED = "lrp_adversarial"  # the chapter whose picture README shows
README_MARKS = "<!-- verdicts -->", "<!-- end of verdicts -->"


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
    said = {
        paper: finding(runs[paper.chapter])
        for paper in scorecard.papers_of(runs)
        if paper.chapter in runs
    }
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
