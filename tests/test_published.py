"""What a run published is not changed by a digit afterwards, and says what made it."""

import json
import os
import re
import subprocess
from html.parser import HTMLParser

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.inputs import checkpoints
from helpers.report import executed_pages
from helpers.run import card as cards
from helpers.run import carry, execute, origin, parameters, seal, stale
from helpers.store import cache, digests, files, paths, rooms

NAMES = list(parameters.notebooks())
COMMITTED = [name for name in NAMES if (paths.RUNS / f"{name}.ipynb").exists()]
VALUES = {"profile": "laptop", "seed": 0}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A committed run of a made-up notebook with three result files."""
    for name in ("RUNS", "RESULTS"):
        monkeypatch.setattr(paths, name, tmp_path / name)
    output = nbformat.v4.new_output("display_data", {"text/html": "<td>0.25</td>\n<td>7</td>"})
    code = nbformat.v4.new_code_cell("x = 1\ny = 2", outputs=[output], metadata={"tags": ["a"]})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), code])
    results = {".csv": b"key,value\na,0.25\n", "-matrix.csv": b"m,1\n", "-explorer.json": b"[3]\n"}
    card = {"profile": "laptop", "finding": "It is 0.25.", "parameters": VALUES, "digest": "x"}
    parts = {"-trainings/one.json": b"{}\n"}  # with checksums of their own
    card = seal.sealed(notebook, card, results | parts)
    notebook.metadata["provenance"] = card
    for ending, content in {**results, **parts, ".json": execute.as_file(card)}.items():
        files.write_atomically(paths.RESULTS / f"trial{ending}", content)
    files.write_atomically(paths.RUNS / "trial.ipynb", nbformat.writes(notebook).encode())
    return tmp_path


def test_a_run_as_it_was_published_has_no_differences(published):
    assert seal.differences("trial") == []


def test_parts_in_folders_are_not_of_one_run_and_may_change_or_come_later(published):
    card = json.loads((paths.RESULTS / "trial.json").read_bytes())
    assert not [part for part in card[seal.KEY] if "/" in part]

    files.write_atomically(paths.RESULTS / "trial-trainings" / "one.json", b"[1]\n")
    files.write_atomically(paths.RESULTS / "trial-trainings" / "two.json", b"[2]\n")

    assert seal.differences("trial") == []


def test_hashes_of_parts_that_an_older_card_holds_are_passed_over(published):
    file = paths.RESULTS / "trial.json"
    card = json.loads(file.read_bytes())
    card[seal.KEY]["-trainings/one.json"] = "0" * 64
    page = json.loads((paths.RUNS / "trial.ipynb").read_bytes())
    page["metadata"]["provenance"] = card
    files.write_atomically(file, execute.as_file(card))
    files.write_atomically(paths.RUNS / "trial.ipynb", json.dumps(page).encode())

    assert seal.differences("trial") == []


def replaced(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("RESULTS/trial.csv", "0.25", "0.26", "data/results/trial.csv is not what the run"),
        ("RESULTS/trial-matrix.csv", "1", "2", "data/results/trial-matrix.csv is not"),
        ("RESULTS/trial-explorer.json", "3", "4", "data/results/trial-explorer.json is not"),
        ("RUNS/trial.ipynb", "<td>0.25", "<td>0.26", "book/runs/trial.ipynb is not what the run"),
        ("RUNS/trial.ipynb", "<td>7", "<td>8", "book/runs/trial.ipynb is not what the run"),
        ("RUNS/trial.ipynb", "y = 2", "y = 3", "book/runs/trial.ipynb is not what the run"),
        ("RUNS/trial.ipynb", "# Title", "# Title 2", "book/runs/trial.ipynb is not what"),
        ("RUNS/trial.ipynb", "It is 0.25", "It is 0.26", "hold two run cards"),
        ("RESULTS/trial.json", "It is 0.25", "It is 0.26", "hold two run cards"),
    ],
)
def test_one_changed_digit_anywhere_is_noticed(published, file, old, new, says):
    replaced(published / file, old, new)

    assert any(says in line for line in seal.differences("trial"))


def test_seeds_that_are_pooled_later_are_no_change_of_what_the_run_published(published):
    for name in ("trial-seeds.csv", "trial-seeds.json"):
        (published / "RESULTS" / name).write_text("later")

    assert seal.differences("trial") == []


def test_parts_in_a_folder_that_come_later_are_no_change_of_what_the_run_published(published):
    folder = published / "RESULTS" / "trial-solver"
    folder.mkdir()
    (folder / "pairs-0.safetensors").write_text("later")

    assert seal.differences("trial") == []


def test_a_digit_changed_in_both_run_cards_is_noticed(published):
    for file in ("RESULTS/trial.json", "RUNS/trial.ipynb"):
        replaced(published / file, "It is 0.25", "It is 0.26")

    assert seal.differences("trial") == ["the run card of trial is not what the run published"]


def test_a_result_file_that_is_gone_or_new_is_noticed(published):
    (published / "RESULTS/trial-matrix.csv").rename(published / "RESULTS/trial-other.csv")
    (published / "RESULTS/trial_two.csv").write_text("another notebook's")

    assert seal.differences("trial") == [
        "data/results/trial-matrix.csv is gone",
        "data/results/trial-other.csv is not what the run published",
    ]


def test_the_hash_of_a_page_does_not_depend_on_how_its_file_breaks_lines(published):
    page = json.loads((published / "RUNS/trial.ipynb").read_text())
    lines = json.loads(json.dumps(page))
    for cell in page["cells"]:
        cell["source"] = "".join(cell["source"])

    assert seal.of_page(page) == seal.of_page(lines)
    assert seal.of_page(page) != seal.of_page({"cells": page["cells"][:1]})


def test_a_page_that_was_altered_is_not_carried_over(published):
    replaced(published / "RUNS/trial.ipynb", "<td>7", "<td>8")

    with pytest.raises(parameters.WrongParameter, match=r"trial\.ipynb is not what the run"):
        carry.carry("trial", "")


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_run_is_as_it_was_published(name):
    assert seal.differences(name) == [], (
        f"restore it from git; if only its hash is missing: python -m helpers.run {name} --carry"
    )


@pytest.mark.parametrize("name", COMMITTED)
def test_a_committed_run_is_of_a_commit_unless_it_is_older_than_that_rule(name):
    card = json.loads((paths.RESULTS / f"{name}.json").read_text())

    assert "carried" in card or not card["commit"].endswith("+")


class Tables(HTMLParser):
    """All tables, as lists of rows, these as lists of cells' texts."""

    def __init__(self):
        super().__init__()
        self.tables, self.cell = [], None

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.cell = []

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            self.tables[-1][-1].append(" ".join("".join(self.cell).split()))
            self.cell = None


def numbers(text):
    return [float(part.replace(",", "")) for part in re.findall(r"-?[\d,]*\.?\d+(?:e-?\d+)?", text)]


def shown_on(page):
    """Value and interval, or the value alone, of each row in a page's tables of verdicts."""
    found = Tables()
    for cell in page.cells:
        for output in cell.get("outputs", []):
            found.feed(output.get("data", {}).get("text/html", ""))
    for head, *rows in found.tables:
        if {"claim", "verdict", "ours"} <= set(head):
            yield from (numbers(row[head.index("ours")]) for row in rows)


@pytest.mark.parametrize("name", COMMITTED)
def test_numbers_in_a_pages_tables_of_verdicts_are_those_of_its_results(name):
    """A page has four significant digits, a file of results six decimals."""
    table = pd.read_csv(paths.RESULTS / f"{name}.csv")
    measured = table[["value", "low", "high"]].to_numpy()
    page = nbformat.read(paths.RUNS / f"{name}.ipynb", as_version=4)

    shown = [row for row in shown_on(page) if row]

    assert len(shown) > len(measured) / 4  # a page may leave out what a chart shows
    for row in shown:
        near = np.isclose(measured[:, : len(row)], row, rtol=6e-4, atol=1e-6).all(axis=1)
        assert near.any(), (name, row)


# --- a page that is older than the code ---


def test_a_page_of_the_present_code_has_no_warning_and_a_stale_one_says_so(published):
    card = json.loads((paths.RESULTS / "trial.json").read_text())
    now = origin.notebook_digest("trial", VALUES)

    assert stale.warnings("trial", {**card, "digest": now}) == []
    assert stale.warnings("trial", {**card, "carried": {"digest": now}}) == []
    (told,) = stale.warnings("trial", card)
    assert told.startswith("This page is stale")
    replaced(published / "RESULTS/trial.csv", "0.25", "0.26")
    assert "not to be trusted: data/results/trial.csv" in stale.warnings("trial", card)[1]


def test_a_warning_stands_below_the_title_also_when_the_verdict_moves_up(monkeypatch):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {"cell_type": "code", "metadata": {"tags": ["verdict"]}, "source": "x", "outputs": []},
    ]
    page = {"metadata": {"provenance": {"profile": "laptop", "command": "c"}}, "cells": cells}
    monkeypatch.setattr(stale, "warnings", lambda name, card: ["Old & <b>."])
    content = [json.dumps(page)]

    stale.on_source_read(None, "book/runs/trial", content)
    shown = executed_pages.as_page(json.loads(content[0]))

    boxes = [cell["source"] for cell in shown["cells"] if "{warning}" in cell["source"]]
    assert boxes == [":::{warning}\nOld &amp; &lt;b&gt;.\n:::"]
    content = ["no page of a run"]
    stale.on_source_read(None, "book/method", content)
    assert content == ["no page of a run"]


# --- what made a run ---


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository with a notebook and results, everything committed."""
    for file in ("notebooks/a.py", "book/runs/a.ipynb", "data/results/a.csv", "README.md", "x.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("notebooks/a.py", True),
        ("x.py", True),
        ("notebooks/new.py", True),
        ("data/reported/new.csv", True),
        ("new.txt", False),
        ("book/runs/a.ipynb", False),
        ("data/results/a.csv", False),
        ("README.md", False),
    ],
)
def test_a_plus_marks_what_makes_numbers_and_not_what_runs_write(clone, file, counts):
    assert re.fullmatch("[0-9a-f]{10}", origin.commit())

    (clone / file).parent.mkdir(parents=True, exist_ok=True)
    (clone / file).write_text("2")

    assert origin.commit().endswith("+") is counts
    assert bool(origin.uncommitted()) is counts


def test_commit_and_digest_of_a_card_are_those_of_the_start(monkeypatch):
    monkeypatch.setattr(origin, "commit", lambda: "first")
    origin.begin("trial", VALUES)
    monkeypatch.setattr(origin, "commit", lambda: "second")

    card = cards.run_card("trial", VALUES, {}, 1.0)

    assert card["commit"] == "first"
    assert "edited" not in card


@pytest.mark.parametrize("what", ["its code", "a helper", "a helper, put back"])
def test_what_is_edited_while_a_run_goes_on_is_told_and_the_run_refused(monkeypatch, what):
    origin.begin("trial", VALUES)
    file = paths.HELPERS / "papers" / "cams.py"
    if what == "its code":
        monkeypatch.setattr(digests, "digest", lambda *things: "another")
    elif what == "a helper":
        monkeypatch.setitem(rooms.AT_START, file, "another")
    else:
        monkeypatch.setattr(rooms, "_STARTED", file.stat().st_mtime_ns - 1)

    card = cards.run_card("trial", VALUES, {}, 1.0)

    assert card["edited"].endswith("while it ran")
    assert ("helpers/" in card["edited"]) is (what != "its code")
    with pytest.raises(RuntimeError, match="nobody can tell what made it; run it again"):
        execute._refuse_untraceable(card, paths.ROOT / "o.ipynb")


def test_a_run_to_be_committed_is_of_a_clean_commit():
    card = {"commit": "abc+"}

    with pytest.raises(RuntimeError, match="files differed from commit abc"):
        execute._refuse_untraceable(card, paths.RUNS / "trial.ipynb")
    execute._refuse_untraceable(card, paths.ROOT / "o.ipynb")
    execute._refuse_untraceable({"commit": "abc"}, paths.RUNS / "trial.ipynb")


def test_another_chapters_networks_are_inputs_of_a_chapter_that_reads_them(tmp_path, monkeypatch):
    """The trials, on which all other chapters stand, explain networks that chapter 2 trained."""
    for file in paths.MODELS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:100])
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    before = {name: origin.notebook_digest(name, VALUES) for name in NAMES}

    for file in ("gradcam_training-epoch-20.safetensors", "gradcam_training.json"):
        (tmp_path / file).write_bytes(os.urandom(9))
        after = {name: origin.notebook_digest(name, VALUES) for name in NAMES}
        assert {name for name in NAMES if before[name] != after[name]} == set(NAMES)
        before = after


def test_a_card_says_which_runs_made_the_parts_that_it_read(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(cache, "sources", type(cache.sources)())
    monkeypatch.setattr(cache, "_told", set())
    for run in ("first run", "second run"):
        monkeypatch.setattr(cache, "maker", run)
        cache.kept("a", _one, 2 if run == "second run" else 1)
        cache.kept("a", _one, 1)
        cache.kept("a", _one, 1)

    assert dict(cache.sources) == {"first run": 1}
    card = cards.run_card("trial", VALUES, {}, 1.0)
    assert card["kept from"] == {"first run": 1}
    assert "1 parts kept from first run" in cards.as_text(card)
    assert "not counting 1 parts kept from earlier runs" in cards.as_html(card)


def _one(number):
    return {"one": torch.ones(number)}


def test_a_training_that_another_run_made_is_counted_as_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(cache, "sources", type(cache.sources)())
    monkeypatch.setattr(cache, "maker", "first run")
    checkpoints.save_checkpoint(tmp_path / "epoch-01.safetensors", nn.Linear(1, 1), {"epoch": 1})
    monkeypatch.setattr(cache, "maker", "second run")

    for _ in range(2):
        record = checkpoints.checkpoint_record(tmp_path / "epoch-01.safetensors")
        assert record == {"epoch": 1}

    assert dict(cache.sources) == {"first run": 1}
