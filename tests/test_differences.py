"""What differs from a paper, its sentences, and corrections of committed pages."""

import re

import pandas as pd
import pytest

from helpers.report import (
    claims,
    comparability,
    corrections,
    differences,
    executed_pages,
    scorecard,
    verdicts,
)
from helpers.report.site import spelling
from helpers.store import paths, reading

CHAPTERS = scorecard.chapters()
ROW = {"what": "a", "paper": "b", "here": "{epochs} c", "effect": "D.", "direction": "for"}


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Write differences of a made-up chapter, and read them."""

    def written(**changed):
        row = {name: value for name, value in {**ROW, **changed}.items() if value is not None}
        told = "\n".join(f"     {name}: {value!r}" for name, value in row.items())
        file = tmp_path / "differences.yaml"
        file.write_text(f"small:\n  badge: one\n  fair: Yes it is.\n  rows:\n   -\n{told}\n")
        return differences.known.__wrapped__(file)

    return written


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_setting_that_sets_a_verdict_apart_has_its_row(chapter):
    card = claims.run_card(chapter)
    deviating = comparability.deviations(chapter, card["finished"])
    told = {name for row in differences.of_run(chapter, card) for name in row.settings}

    deciding = {
        name
        for row in claims.scorecard(chapter).itertuples()
        if row.verdict == verdicts.NOT_COMPARABLE
        for name in row.needs.split()
        if name in deviating.get(row.arm, {})
    }
    assert deciding <= told


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_number_of_ours_is_typed(chapter):
    for row in differences.known()[chapter].rows:
        typed = re.sub(r"\{\w+\}|[A-Za-z]+-?\w*\d\w*", "", row.here)
        assert not re.search(r"\d", typed), row.here


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_one_section_that_the_table_goes_into(chapter):
    notebook = reading.object_of(paths.RUNS / f"{chapter}.ipynb", "cells")
    shown = executed_pages.as_page(notebook, **executed_pages.of_committed_run(chapter))

    (cell,) = [c for c in shown["cells"] if differences.HEADING in "".join(c["source"])]
    below = "".join(cell["source"]).partition(differences.HEADING)[2]
    assert below.startswith("\n\n*Is it fair?*")
    assert "| what differs | the paper | here | effect expected |" in below
    assert "\n- **" in below  # the run's own list stays


def test_numbers_come_from_the_runs_parameters_and_a_missing_one_is_named(listed, monkeypatch):
    found = listed()
    monkeypatch.setattr(differences, "known", lambda: found)

    (row,) = differences.of_run("small", {"parameters": {"epochs": 1000}})

    assert row.here == "1,000 c"
    with pytest.raises(ValueError, match="small: the run has no parameter 'epochs'"):
        differences.of_run("small", {"parameters": {}})


@pytest.mark.parametrize("chapter", [paper.chapter for paper in scorecard.PAPERS[:5]])
def test_a_papers_chapter_says_what_was_easy_and_difficult_and_that_its_authors_may_answer(
    chapter, monkeypatch
):
    card = claims.run_card(chapter)
    known = differences.known()
    silent = differences.section(chapter, claims.scorecard(chapter), card)
    answered = {chapter: known[chapter]._replace(reply="We <b>disagree</b>.")}
    monkeypatch.setattr(differences, "known", lambda: answered)

    heard = differences.section(chapter, claims.scorecard(chapter), card)

    for text in (silent, heard):
        assert "What was easy to re-run:*" in text
        assert "What was difficult:*" in text
    assert "were not asked before this version" in silent
    assert "were not asked" not in heard
    assert "We &lt;b&gt;disagree&lt;/b&gt;." in heard


def test_a_word_that_no_chapter_has_is_refused(tmp_path):
    file = tmp_path / "differences.yaml"
    row = "{what: a, paper: b, here: c, effect: D., direction: for}"
    file.write_text(f"small:\n  badge: one\n  fair: Yes.\n  answer: no\n  rows: [{row}]\n")

    with pytest.raises(ValueError, match="'answer'"):
        differences.known.__wrapped__(file)


def test_a_row_goes_when_its_setting_is_the_papers_again(listed, monkeypatch):
    found = listed(settings=["solver"])
    monkeypatch.setattr(differences, "known", lambda: found)
    card = {"parameters": {"epochs": 1}}

    assert differences.of_run("small", card) == []
    monkeypatch.setattr(
        comparability, "deviations", lambda chapter, finished: {"B": {"solver": "x."}}
    )
    assert len(differences.of_run("small", card)) == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"effect": None}, "a row of small lacks 'effect'"),
        ({"direction": "up"}, "the direction is 'up'"),
        ({"settings": ["weather"]}, "'weather'"),
    ],
)
def test_a_row_that_lacks_something_or_names_what_there_is_not_is_refused(listed, changed, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        listed(**changed)


def test_a_verdict_counts_for_each_setting_that_it_needs_and_only_if_it_was_set_apart():
    judged = pd.DataFrame(
        {
            "needs": ["network fill", "network", "network"],
            "verdict": [verdicts.NOT_COMPARABLE, verdicts.NOT_COMPARABLE, verdicts.NOT_RUN],
        }
    )

    assert differences.set_apart(judged, ("fill",)) == 1
    assert differences.set_apart(judged, ("network",)) == 2
    assert differences.set_apart(judged, ("fill", "network")) == 2


def page(*texts, output=""):
    cells = [{"cell_type": "markdown", "source": text} for text in texts]
    outputs = [{"data": {"text/markdown": output, "text/plain": "x"}}]
    return {"cells": [*cells, {"cell_type": "code", "source": texts[0], "outputs": outputs}]}


def test_a_corrected_sentence_says_so_in_texts_and_outputs_and_not_in_code(monkeypatch):
    listed = {"small": (corrections.Correction("It is so.", "It is not so."),)}
    monkeypatch.setattr(corrections, "known", lambda: listed)

    text, other, code = corrections.made(
        page("It is so. Yes.", "Else.", output="It is so."), "small"
    )["cells"]

    assert text["source"] == f"It is not so.{corrections.TOLD} Yes."
    assert other["source"] == "Else."
    assert code["source"] == "It is so. Yes."
    assert code["outputs"][0]["data"] == {
        "text/markdown": f"It is not so.{corrections.TOLD}", "text/plain": "x"
    }  # fmt: skip


def test_a_list_of_corrections_that_is_none_is_refused(tmp_path):
    file = tmp_path / "corrections.yaml"
    file.write_text("small:\n  - {says: a}\n")

    with pytest.raises(reading.Damaged, match="small is no list of pairs"):
        corrections.known.__wrapped__(file)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Colours are favoured", "Colors are favored"),
        ("randomised and localisation", "randomized and localization"),
        ("a “colour” and colour", "a “colour” and color"),
        ("modelled, centred", "modeled, centered"),
        ("nothing", "nothing"),
    ],
)
def test_pages_are_spelled_alike_but_for_what_they_quote(text, shown):
    assert spelling.american(text) == shown


def test_methods_have_one_name():
    assert spelling.named("LRP-alpha-beta, LRP-epsilon") == "LRP-αβ, LRP-ε"
