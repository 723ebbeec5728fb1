import json
import os

import nbformat
import pandas as pd
import pytest

from helpers.report import claims, executed_pages, registration
from helpers.run import __main__, carry, parameters
from helpers.store import files, paths, reading


def runs(**changes):
    """Two claims of a run, the first with some entries changed."""
    first = {"key": "a", "arm": "B", "value": 1.0, "low": 0.5, "high": 1.5, "n": 9} | changes
    second = {"key": "cost/seconds", "arm": "B", "value": 3.0, "low": 2.0, "high": 4.0, "n": 9}
    return pd.DataFrame([first, second])


def test_equal_runs_do_not_differ_whatever_the_seconds():
    slow = runs()
    slow.loc[1, ["value", "low", "high"]] = 99

    assert carry.differences(runs(), slow) == (1, [])


@pytest.mark.parametrize("change", [{"value": 1.00001}, {"low": 0.4}, {"high": 2}, {"n": 8}])
def test_each_entry_of_a_claim_counts(change):
    assert carry.differences(runs(), runs(**change)) == (1, ["a"])


def test_rounding_in_the_last_decimal_is_no_difference():
    assert carry.differences(runs(), runs(value=1.000001)) == (1, [])


def test_a_claim_that_one_run_lacks_differs_and_one_that_both_could_not_measure_does_not():
    assert carry.differences(runs(), runs().iloc[1:]) == (1, ["a"])
    assert carry.differences(runs().iloc[1:], runs()) == (1, ["a"])
    gone = {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    assert carry.differences(runs(**gone), runs(**gone)) == (1, [])
    assert carry.differences(runs(**gone), runs()) == (1, ["a"])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A committed run of a notebook, and a smoke run that gives a value of one's choice."""
    for name in ("RUNS", "RESULTS"):
        monkeypatch.setattr(paths, name, tmp_path / name)
    monkeypatch.setattr(carry, "SMOKE", tmp_path / "smoke")
    (tmp_path / "smoke").mkdir()
    (tmp_path / "RUNS").mkdir()
    made = {"commit": "abc", "command": "python x", "parameters": {"seed": 0}, "digest": "old"}
    made["claims"] = {"a": "what it was judged by"}
    notebook = nbformat.v4.new_notebook(metadata={"provenance": made})
    nbformat.write(notebook, tmp_path / "RUNS" / "decam.ipynb")
    runs().to_csv(tmp_path / "smoke" / "decam.csv", index=False)

    def give(**changes):
        def execute(name, values, file):
            assert os.environ[paths.ALONE]  # the run sees committed data only
            runs(**changes).to_csv(file.with_suffix(".csv"), index=False)

        monkeypatch.setattr(carry.execute, "execute", execute)
        return tmp_path

    return give


def test_a_run_whose_smoke_values_stand_is_carried_over_and_says_so(project):
    folder = project()

    carried = carry.carry("decam", "")

    assert paths.ALONE not in os.environ
    made = json.loads((folder / "RESULTS/decam.json").read_text())
    shown = json.loads((folder / "RUNS/decam.ipynb").read_text())["metadata"]["provenance"]
    assert made == shown
    assert made["carried"] == carried
    assert (carried["compared"], carried["changed"]) == (1, [])
    assert carried["digest"] != "old"
    assert made["digest"] == "old"
    assert made["claims"] == {"a": "what it was judged by"}
    then = made[registration.CARRIED]
    assert then["claims"] == registration.digests(claims.reported("decam"))
    assert then["finished"][:2] == "20"
    words = executed_pages.in_words(carried)
    assert "commit abc" in words
    assert "the same values for 1 of 1 claims" in words
    assert "differ" not in words


def test_a_change_is_refused_without_a_reason_and_nothing_is_written(project):
    folder = project(value=2.0)

    with pytest.raises(parameters.WrongParameter, match=r"1 of 1 claims differ \(a\)"):
        carry.carry("decam", "")

    assert not (folder / "RESULTS").exists()
    assert "carried" not in (folder / "RUNS/decam.ipynb").read_text()


def test_a_change_with_a_reason_is_told_and_becomes_the_value_to_compare_with(project):
    folder = project(value=2.0)

    carried = carry.carry("decam", "RISE draws anew.")

    assert carried["changed"] == ["a"]
    words = executed_pages.in_words(carried)
    assert "0 of 1 claims" in words
    assert words.endswith("These differ: a. RISE draws anew.")
    assert pd.read_csv(folder / "smoke/decam.csv").value[0] == 2


def test_on_another_processor_only_intervals_that_lie_apart_differ_and_the_record_stays(
    project, monkeypatch
):
    folder = project(value=1.2, low=0.9, high=1.6)
    monkeypatch.setattr(carry, "made_on", lambda name: "AVX2")
    monkeypatch.setattr(carry, "processor", lambda: "AVX512")
    before = (folder / "smoke/decam.csv").read_bytes()

    carried = carry.carry("decam", "")

    assert carried["changed"] == []
    assert carried["processors"] == ["AVX2", "AVX512"]
    assert (folder / "smoke/decam.csv").read_bytes() == before
    words = executed_pages.in_words(carried)
    assert "recorded on a processor with AVX2, and compared on one with AVX512" in words
    assert "decimals" not in words
    monkeypatch.setattr(carry, "made_on", lambda name: "AVX512")
    assert carry.carry("decam", "It changed.")["processors"] == ["AVX2", "AVX512"]


def test_a_record_of_this_kind_of_processor_is_taken_before_that_of_another(project):
    folder = project(value=9.0, low=8.0, high=10.0)
    beside = folder / f"smoke/decam-{carry.processor()}.csv"
    runs(value=9.0, low=8.0, high=10.0).to_csv(beside, index=False)

    assert carry.made_on("decam") == carry.processor()
    assert carry.values("decam").value[0] == 9
    assert carry.carry("decam", "")["changed"] == []
    project(value=7.0, low=6.0, high=8.0)
    carry.carry("decam", "It changed.")
    assert carry.values("decam").value[0] == 7
    assert pd.read_csv(folder / "smoke/decam.csv").value[0] != 7


def test_on_another_processor_intervals_that_lie_apart_need_a_reason(project, monkeypatch):
    project(value=9.0, low=8.0, high=10.0)
    monkeypatch.setattr(carry, "made_on", lambda name: "AVX2")
    monkeypatch.setattr(carry, "processor", lambda: "AVX512")

    with pytest.raises(parameters.WrongParameter, match=r"1 of 1 claims differ \(a\)"):
        carry.carry("decam", "")


def test_there_is_nothing_to_carry_without_a_committed_run(project, capsys):
    project()

    assert __main__.main(["elime", "--carry"]) == 2
    assert "no committed run" in capsys.readouterr().err


def test_a_page_of_a_run_that_was_carried_over_says_so_below_its_verdict():
    carried = {"from commit": "abc", "compared": 2, "changed": ["<b>"], "because": "So."}
    card = {"profile": "laptop", "command": "c", "carried": carried}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {"cell_type": "code", "metadata": {"tags": ["verdict"]}, "source": "x", "outputs": []},
    ]

    page = executed_pages.as_page({"metadata": {"provenance": card}, "cells": cells})

    box = [c["source"] for c in page["cells"] if c["source"].startswith(":::{warning}")]
    assert len(box) == 1
    assert "&lt;b&gt;" in box[0]


def test_what_differed_the_first_time_still_differs_the_second_time():
    first = carry.since_the_run(None, 13, ["rise"], "One RISE.")
    second = carry.since_the_run(first, 12, [], "")
    third = carry.since_the_run(second, 12, ["fewer", "rise"], "One LRP.")

    assert first == {"compared": 13, "changed": ["rise"], "because": "One RISE."}
    assert second == first
    assert third["changed"] == ["rise", "fewer"]
    assert third["because"] == "One RISE. One LRP."


def negated(rows):
    return rows.assign(value=-rows.value, low=-rows.high, high=-rows.low)


def hundredth(rows):
    return rows.assign(**{name: rows[name] / 100 for name in ("value", "low", "high")})


def complement(rows):
    return rows.assign(value=1 - rows.value, low=1 - rows.high, high=1 - rows.low)


def swapped(rows):
    """The numbers of the first half for the second half's, and the other way around."""
    half = len(rows) // 2
    order = [*range(half, len(rows)), *range(half)]
    return rows.assign(**{name: rows[name].to_numpy()[order] for name in ("value", "low", "high")})


FAULTS = {  # what a fault in a notebook makes of its claims: (notebook, keys, change)
    "similarity with the wrong sign": ("decam", r"similar/", negated),
    "similarity of another method": ("decam", r"similar/", swapped),
    "agreement of the wrong scale": ("decam", r"similar/", hundredth),
    "sensitivity of the wrong group": ("haycam", r"sensitivity|specificity", swapped),
    "accuracy for the loss": ("haycam", r"accuracy|loss", swapped),
    "focus before less after": ("gradcam_training", r"(centre|object|entropy)_", negated),
    "columns of focus swapped": ("gradcam_training", r"(centre|object)_", swapped),
    "standing upside down": ("cross_examination", r"(controls|others)/", complement),
    "insertion less insertion": (
        "cross_examination", r"own/insertion", lambda rows: rows.assign(value=0, low=0, high=0),
    ),
    "lead over controls with the wrong sign": ("cross_examination", r"own/", negated),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_committed_smoke_values_tell_each_fault_that_a_notebook_may_have(fault):
    name, keys, change = FAULTS[fault]
    known = pd.read_csv(carry.SMOKE / f"{name}.csv")
    hit = known.key.str.match(keys)

    wrong = pd.concat([known[~hit], change(known[hit])])

    assert hit.any()
    assert set(carry.differences(known, wrong)[1]) == set(known.key[hit])


def rows(**changes):
    row = {"key": "a", "arm": "B", "value": 1.0, "low": 0.5, "high": 1.5, "n": 10}
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("changes", "apart"),
    [
        ({}, []),
        ({"value": 1.4, "low": 1.1, "high": 1.9}, []),  # the intervals overlap
        ({"value": 2.0, "low": 1.6, "high": 2.4}, ["a"]),
        ({"value": 0.2, "low": 0.1, "high": 0.4}, ["a"]),
        ({"value": 1.4, "n": 11}, ["a"]),
        ({"key": "b"}, ["a", "b"]),
    ],
)
def test_runs_on_unlike_processors_differ_where_their_intervals_do_not_overlap(changes, apart):
    assert carry.apart(rows(), rows(**changes)) == apart


def test_each_smoke_run_has_the_processor_that_it_was_made_on():
    files = {f.name for f in carry.SMOKE.glob("*.csv")} - {carry.PROCESSORS}
    beside = {name for name in files if "-" in name}  # of another kind of processor
    names = [name.removesuffix(".csv") for name in files - beside]

    assert names
    assert all(carry.made_on(name) for name in names)
    assert {name.partition("-")[0] for name in beside} <= set(names)
    assert set(reading.sums(carry.SMOKE)) == files | {carry.PROCESSORS}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Smoke values of two notebooks, as they are written."""
    monkeypatch.setattr(carry, "SMOKE", tmp_path)
    for name in ("one", "two"):
        carry.keep(name, runs().to_csv(index=False).encode())
    return tmp_path


def test_smoke_values_are_kept_with_their_processor_and_checksums(kept):
    assert carry.differences(carry.values("one"), runs()) == (1, [])
    assert carry.made_on("one") == carry.made_on("two") == carry.processor()
    assert carry.made_on("three") == ""
    assert set(reading.sums(kept)) == {"one.csv", "two.csv", carry.PROCESSORS}


@pytest.mark.parametrize(("old", "new"), [("2", "3"), ("o", "p")])
@pytest.mark.parametrize(
    ("name", "read"), [("one.csv", carry.values), (carry.PROCESSORS, carry.made_on)]
)
def test_one_changed_character_in_smoke_values_or_their_processors_is_refused(
    kept, name, read, old, new
):
    text = (kept / name).read_text()
    (kept / name).write_text(text.replace(old, new, 1))

    with pytest.raises(reading.Damaged, match=f"{name} has SHA-256"):
        read("one")


def test_a_word_among_smoke_values_is_named_even_where_checksums_were_written_anew(kept):
    (kept / "one.csv").write_text((kept / "one.csv").read_text().replace("1.5", "two"))
    files.write_sums(kept)

    with pytest.raises(reading.Damaged, match=r"one\.csv: high holds words"):
        carry.values("one")
