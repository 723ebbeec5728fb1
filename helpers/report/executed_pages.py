"""Sphinx extension: how an executed notebook is shown as a page of the book.

The committed file keeps the order of execution, so that it can be run again. Only while the book is
built, the verdict and the run card move to the top, cells are folded but for short definitions, and
cells that are machinery are hidden. Registered in ``_config.yml``.
"""

import ast
import html
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.report import claims, corrections, differences, opening, registration

LONG = 12  # lines of code from which a page folds even a definition
FOLDED = "hide-input"
YOURS = "book/_made/"  # pages of a reader's own runs
Notebook = dict[str, Any]


OLDER = (
    "*The run's own summary is folded, since some claims were amended after it "
    "([scorecard](/book/scorecard.md)): the verdicts above hold, and below a verdict of the run "
    "stands what it is now.*"
)


def as_page(
    notebook: Notebook,
    yours: bool = False,
    first_screen: str = "",
    amended: bool = False,
    differs: str = "",
) -> Notebook:
    """An executed notebook with verdict and run card below its title, and code folded.

    Parameters
    ----------
    notebook
        As its file holds it, with the run card as ``provenance`` in its metadata; without one it
        stays as it is.
    yours
        Whether it is a reader's own run, whose title then tells what it was run with.
    first_screen
        Of a committed run: its first screen by the present claims, in place of the run's own.
    amended
        Whether claims changed after the run.
    differs
        Of a committed run: what is not as in the paper, put below the heading of that section.
    """
    if "provenance" not in notebook["metadata"]:
        return notebook
    cells = _merged([_dressed(_with_differences(c, differs)) for c in notebook["cells"]])
    verdict = [cell for cell in cells if "verdict" in _tags(cell)]
    rest = [cell for cell in cells if "verdict" not in _tags(cell)]
    if first_screen:
        verdict = [_without_first_screen(cell) for cell in verdict]
        note = [_markdown("older", OLDER)] if amended else []
        verdict = [_folded_output(cell) for cell in verdict] if amended else verdict
        verdict = [_markdown("first-screen", first_screen), *note, *verdict]
    profile = notebook["metadata"]["provenance"]["profile"]
    note = _markdown("shown-profile", f"*This page shows the profile **{profile}**.*")
    verdict = [*(cell for cell in rest if _is_stale(cell)), *verdict]
    title, *others = (cell for cell in rest if not _is_stale(cell))
    if "carried" in notebook["metadata"]["provenance"]:
        others = [_carried(notebook["metadata"]["provenance"]["carried"]), *others]
    if yours:
        title = _told(title, notebook["metadata"]["provenance"])
        verdict = [_own(profile), *verdict]
    if any(cell.get("id") == "run-card" for cell in others):  # as runs of before have it, in words
        note = others.pop([cell.get("id") for cell in others].index("run-card"))
    titles = _split(title) if first_screen else [title]
    return {**notebook, "cells": [titles[0], *verdict, note, *titles[1:], *others]}


def _dressed(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell with the tag that hides what a reader of the page has no need of."""
    if cell["cell_type"] != "code":
        return cell
    source, tags = _text(cell["source"]), _tags(cell)
    if "injected-parameters" in tags:  # its values stand in the parameters cell
        tag = "remove-cell"
    elif "verdict" in tags or "notebook.begin(" in source:
        tag = "remove-input"
    elif FOLDED not in tags and not teaches(source):
        tag = FOLDED
    else:
        return cell
    return {**cell, "metadata": {**cell["metadata"], "tags": [*tags, tag]}}


def _is_stale(cell: dict[str, Any]) -> bool:
    """Whether a cell is the warning that `helpers.run.stale` puts on a page."""
    return str(cell.get("id", "")).startswith("stale-")


def _folded_output(cell: dict[str, Any]) -> dict[str, Any]:
    if not cell.get("outputs"):
        return cell
    return {**cell, "metadata": {**cell["metadata"], "tags": [*_tags(cell), "hide-output"]}}


def _with_differences(cell: dict[str, Any], differs: str) -> dict[str, Any]:
    """The cell that opens the section on what differs, with the table below its heading."""
    source = _text(cell["source"])
    if cell["cell_type"] != "markdown" or differences.HEADING not in source or not differs:
        return cell
    before, _, below = source.partition(differences.HEADING)
    return {**cell, "source": f"{before}{differences.HEADING}\n\n{differs}\n{below}"}


def teaches(source: str) -> bool:
    """Whether a page shows a cell's code unfolded: a short definition, which a text explains."""
    if source.count("\n") >= LONG:
        return False
    try:
        tree = ast.parse(re.sub(r"^[%!]", "#", source, flags=re.MULTILINE))
    except SyntaxError:
        return False
    return any(isinstance(node, ast.FunctionDef) for node in tree.body)


def _merged(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Folded cells that show nothing and stand in a row become one with what follows them."""
    kept: list[dict[str, Any]] = []
    for cell in cells:
        before = kept[-1] if kept else {"cell_type": ""}
        both = before["cell_type"] == cell["cell_type"] == "code"
        if both and FOLDED in _tags(before) and FOLDED in _tags(cell) and not before["outputs"]:
            sources = [_text(before["source"]), _text(cell["source"])]
            tags = list(dict.fromkeys([*_tags(before), *_tags(cell)]))
            kept[-1] = {
                **cell,
                "source": "\n\n".join(sources),
                "metadata": {**cell["metadata"], "tags": tags},
            }
        else:
            kept.append(cell)
    return kept


def _told(title: dict[str, Any], card: dict[str, Any]) -> dict[str, Any]:
    """The title's cell with the profile and the given parameters behind the title."""
    given = card["command"].partition(" --profile ")[2]
    text = html.escape(given.replace(" -p ", ", "), quote=False)
    heading, *below = _text(title["source"]).split("\n")
    name, profile = heading.removeprefix("# "), html.escape(card["profile"], quote=False)
    return {**title, "source": "\n".join([f"# [{profile} run] {name}: {text}", *below])}


def _own(profile: str) -> dict[str, Any]:
    """A box that says that the page is no result of the book."""
    named = html.escape(profile, quote=False)
    return _markdown(
        "own-run",
        f":::{{warning}}\nThis is a run of your own in the profile {named}, no result of the book. "
        "It may say the opposite of the chapter of the same name, which has more images.\n:::",
    )


def _split(title: dict[str, Any]) -> list[dict[str, Any]]:
    """The title's cell as two, so that the first screen stands directly below the title."""
    heading, _, text = _text(title["source"]).partition("\n")
    parts = [{**title, "source": heading}]
    return parts + ([_markdown("introduction", text.strip())] if text.strip() else [])


def _carried(carried: dict[str, Any]) -> dict[str, Any]:
    """A box that says that the run is older than the code, and what was compared."""
    text = html.escape(in_words(carried), quote=False)
    return _markdown("carried-over", f":::{{warning}}\n{text}\n:::")


def in_words(carried: dict[str, Any]) -> str:
    """What a page says of a run that was carried over to later code."""
    changed, count = carried["changed"], carried["compared"]
    exactly = "to six decimals"
    if kinds := carried.get("processors"):
        before, here = kinds
        exactly = (
            f"within their intervals (the values were recorded on a processor with {before}, and "
            f"compared on one with {here}, which rounds otherwise)"
        )
    text = (
        f"This page was made by an earlier form of the code (commit {carried['from commit']}), and "
        "shows that code. In the smoke profile, the present code gives the same values for "
        f"{count - len(changed)} of {count} claims, {exactly}."
    )
    if not changed:
        return text
    return f"{text} These differ: {', '.join(changed)}. {carried['because']}"


def _without_first_screen(cell: dict[str, Any]) -> dict[str, Any]:
    kept = [
        output
        for output in cell.get("outputs", [])
        if opening.MARK not in _text(output.get("data", {}).get("text/markdown", ""))
    ]
    return {**cell, "outputs": kept} if "outputs" in cell else cell


@lru_cache
def scorecard(chapter: str) -> pd.DataFrame:
    """The committed claims of a chapter, judged once for all that is built of them; not changed."""
    return claims.scorecard(chapter)


def of_committed_run(chapter: str) -> dict[str, Any]:
    """What the page of a committed run shows by the present claims; nothing of other notebooks."""
    if chapter not in opening.questions():
        return {}
    card, rows = claims.run_card(chapter), claims.reported(chapter)
    judged_by = card.get("claims", {})
    amended = bool(registration.changed(rows, judged_by) or set(judged_by) - set(rows.index))
    judged = scorecard(chapter)
    return {
        "first_screen": opening.opening(chapter, judged, boxed=True),
        "amended": amended,
        "differs": differences.section(chapter, judged, card),
    }


def _tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def on_source_read(app: Any, name: str, content: list[str]) -> None:
    """Sphinx's event: a page's text, before it is parsed, to be replaced in place."""
    file = app.env.doc2path(name, base=False)
    if str(file).endswith(".ipynb"):
        notebook = json.loads(content[0])
        yours = name.startswith(YOURS)
        shown = {} if yours else of_committed_run(Path(name).name)
        notebook = notebook if yours else corrections.made(notebook, Path(name).name)
        content[0] = json.dumps(as_page(notebook, yours=yours, **shown))


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", on_source_read)
    return {"version": "1", "parallel_read_safe": True}
