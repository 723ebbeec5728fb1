"""Sphinx extension: a page of a run says if the run is older than the code, or was altered since.

Registered in ``_config.yml``. The digest of the present code is compared with that of the committed
run's card, and page and results with the hashes in it.
"""

import html
import json
from pathlib import PurePosixPath
from typing import Any

from helpers.run import origin, seal

RUNS = "book/runs/"


def warnings(name: str, card: dict[str, Any]) -> list[str]:
    """What a reader of a committed run's page has to know, a sentence each; empty if it is current.

    Parameters
    ----------
    name
        The notebook.
    card
        Its committed run card.
    """
    fitting = {card.get("digest"), card.get("carried", {}).get("digest")}
    told = []
    if origin.notebook_digest(name, card.get("parameters", {})) not in fitting:
        told.append(
            "This page is stale: the code or its inputs changed since the run, and nobody has "
            f"compared the numbers since. To make them again: {card.get('command', '')}"
        )
    if seal.KEY in card:
        told += [f"This page is not to be trusted: {text}." for text in seal.differences(name)]
    return told


def marked(notebook: dict[str, Any], told: list[str]) -> dict[str, Any]:
    """A notebook with a warning below its first cell for each sentence."""
    boxes = [
        {
            "cell_type": "markdown",
            "id": f"stale-{number}",
            "metadata": {},
            "source": f":::{{warning}}\n{html.escape(text, quote=False)}\n:::",
        }
        for number, text in enumerate(told)
    ]
    first, *others = notebook["cells"]
    return {**notebook, "cells": [first, *boxes, *others]}


def on_source_read(app: Any, name: str, content: list[str]) -> None:
    """Sphinx's event: a page's text, before it is parsed, to be replaced in place."""
    if not name.startswith(RUNS):
        return
    notebook = json.loads(content[0])
    card = notebook["metadata"].get("provenance")
    if card and (told := warnings(PurePosixPath(name).name, card)):
        content[0] = json.dumps(marked(notebook, told))


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx, before the extension that moves the verdict to the top."""
    app.connect("source-read", on_source_read, priority=400)
    return {"version": "1", "parallel_read_safe": True}
