"""What a build puts into README: the table of verdicts and a chapter's picture."""

import base64
import re

from helpers.store import paths

README = paths.ROOT / "README.md"
PICTURED = "lrp_adversarial"  # the chapter whose picture README shows
MARKS = "<!-- verdicts -->", "<!-- end of verdicts -->"


def fill(readme: str, table: str) -> str:
    """Put a table between the README's two marks, in place of what stands there.

    Raises
    ------
    ValueError
        If a mark is missing.
    """
    start, end = MARKS
    if start not in readme or end not in readme:
        raise ValueError(f"README.md lacks {start} or {end}; the verdicts go between them")
    before, after = readme.split(start)[0], readme.split(end)[1]
    return f"{before}{start}\n{table}{end}{after}"


def picture(notebook: dict) -> bytes | None:
    """The PNG that an executed notebook's cell tagged ``picture`` shows, if it has one."""
    for cell in notebook["cells"]:
        if "picture" in cell["metadata"].get("tags", []):
            outputs = (o.get("data", {}).get("text/html", "") for o in cell["outputs"])
            source = re.search(r"data:image/png;base64,([^\"]+)", "".join(map("".join, outputs)))
            return base64.b64decode(source[1]) if source else None
    return None
