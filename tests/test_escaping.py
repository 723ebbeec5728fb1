"""Whatever a user, a claim or a file is called, a page shows it as text and runs none of it."""

import re

import altair as alt
import numpy as np
import pandas as pd
import pytest

from helpers.report import (
    charts,
    executed_pages,
    figures,
    leaderboard,
    render,
    status,
    tables,
    theme,
)
from helpers.run import card, stale

EVIL = "</script><script>alert(2)</script><img src=x onerror=alert(3)>"
MARKS = EVIL + " `a` *b* _c_ [d](e) $f$ \\g {h}`i`"


def foreign(page):
    """Elements in a page that only the evil text can have brought."""
    return re.findall(r"<script>alert|<img src=x", page)


@pytest.mark.parametrize("where", ["description", "title", "data", "column"])
def test_no_text_of_a_chart_ends_its_script(where):
    texts = {name: EVIL if name == where else "plain" for name in ("description", "title", "data")}
    column = EVIL.replace("[", "").replace(".", "") if where == "column" else "column"
    frame = pd.DataFrame({"x": [1.0], column: [texts["data"]]})
    chart = alt.Chart(frame, description=texts["description"]).mark_point().encode(
        x=alt.X("x:Q", title=texts["title"])
    )  # fmt: skip

    page = theme.on_page(chart)

    assert not foreign(page)
    assert page.count("</script>") == page.count("<script")
    assert "\\u003cscript\\u003ealert(2)" in page.replace(">", "\\u003e")


def test_a_chart_in_a_notebook_is_escaped_as_well():
    theme.apply_theme()
    frame = pd.DataFrame({"left": [0.0], "right": [1.0], "count": [3], "rule": [EVIL]})

    shown = charts.histogram(frame, value=EVIL, count="n", description=EVIL)._repr_mimebundle_()
    bundle = shown[0] if isinstance(shown, tuple) else shown

    assert not foreign(bundle["text/html"])


def matrix():
    """Two methods and a control on one network, every name evil."""
    rows = [
        {"network": EVIL, "test": EVIL, "paper": EVIL, "measure": EVIL, "method": method + EVIL,
         "kind": kind, "value": value, "low": value, "high": value, "n": 3, "better": 1,
         "decides": True, "rank_low": 1, "rank_high": 2, "gap": gap}
        for method, kind, value, gap in (
            ("a", "gradient", 1.0, ""), ("b", "control", 2.0, ""), ("c", "yours", np.nan, EVIL))
    ]  # fmt: skip
    costs = [{**row, "test": "cost", "measure": "seconds", "better": -1, "gap": ""} for row in rows]
    return pd.DataFrame([*rows, *costs])


def test_the_leaderboard_escapes_networks_tests_measures_methods_and_gaps():
    page = leaderboard.leaderboard_page(matrix(), {"profile": EVIL, "command": MARKS})

    assert not foreign(page)
    assert "<h3>" not in page
    assert "made by <code>&lt;/script&gt;" in page
    assert "&#96;a&#96; &#42;b&#42; &#95;c&#95; &#91;d](e) &#36;f&#36; &#92;g" in page


CLAIM = {
    "key": EVIL, "group": EVIL, "says": EVIL, "where": EVIL, "unit": EVIL, "reported": 1.0,
    "tolerance": 0.1, "bound": "", "reason": EVIL, "arm": "B", "value": 1.0, "low": 1.0,
    "high": 1.0, "n": 3, "verdict": "reproduced", "why_not_run": EVIL, "chapter": "trial",
}  # fmt: skip


def test_tables_of_verdicts_escape_every_text_of_a_claim():
    assert not foreign(tables.verdict_table(pd.DataFrame([CLAIM])))


def test_the_scorecards_headings_and_tolerances_are_escaped():
    group = {"name": EVIL, "counts": EVIL, "reasons": [EVIL], "table": "", "is_open": False}
    paper = {"name": "A 2024", "command": "c", "needs_data": False, "groups": [group]}
    paper["withdrawn"] = {"a key": EVIL}
    filters = [{"name": "paper", "options": [EVIL]}]

    assert not foreign(render.markdown("scorecard", chart="", papers=[paper], filters=filters))


def test_the_status_page_shows_every_entry_of_a_card_as_code():
    page = status.status_page({"decam": {"profile": "laptop", "command": MARKS, EVIL: {"a": EVIL}}})

    assert not foreign(re.sub(r"`[^`]*`", "", page))  # a code span shows HTML as it stands
    assert page.count("`") == 6


def test_run_cards_titles_and_boxes_are_escaped():
    made = {
        "profile": EVIL, "seconds": 1, "device": EVIL, "kept": {}, "kept from": {EVIL: 2},
        "command": f"python --profile {EVIL}", "data": EVIL, "commit": EVIL, "digest": EVIL,
        "versions": {EVIL: EVIL}, "finished": EVIL, "edited": EVIL,
        "carried": {"from commit": EVIL, "compared": 1, "changed": [EVIL], "because": EVIL},
    }  # fmt: skip
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "# Title"}]
    page = executed_pages.as_page({"metadata": {"provenance": made}, "cells": cells}, yours=True)
    box = stale.marked(page, [EVIL])

    assert not foreign(card.as_html(made))
    shown = [c["source"] for c in box["cells"] if c.get("id") != "shown-profile"]
    assert not foreign("".join(shown))


def test_a_figures_description_is_escaped():
    picture = figures.side_by_side([])

    assert not foreign(picture)
    assert not foreign(
        render.html("figure", description=f'"{EVIL}', width=1, least_width=1, source=f'"{EVIL}')
    )
