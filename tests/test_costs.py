"""What runs take, and what kills did to them, on the page of the full reproduction."""

import hashlib
import json

import pandas as pd
import pytest

from helpers.report import costs, counted
from helpers.run import parameters
from helpers.store import reading

MEASURED = {
    "notebook": "elime", "profile": "laptop", "seconds": 3361, "memory_mb": 2400, "disk_mb": 0,
    "device": "a machine", "commit": "ab12", "date": "2026-11-30",
}  # fmt: skip


@pytest.fixture
def table(monkeypatch):
    """The project's table, with one run as measured."""
    known = {**counted.table(), "measured": [dict(MEASURED)]}
    monkeypatch.setattr(counted, "table", lambda: known)
    return known


def lines(page, *words):
    return [line for line in page.split("\n") if all(word in line for word in words)]


def test_the_page_tells_what_was_measured_in_units_that_fit(table):
    (line,) = lines(costs.costs_page(), "| elime | laptop |")

    assert "| 56 min | 2.4 GB | not measured | measured on a machine, commit ab12," in line


def test_what_was_not_measured_is_estimated_and_says_so(table):
    table["work"] = {"elime": [{"seconds": 2.0, "times": ["seed", 10], "what": "x"},
                               {"seconds": 60.0, "times": [3], "what": "y"}]}  # fmt: skip
    table["memory"] = {"elime": {"smoke": [1500, 0], "paper": [3000, 7000]}}
    table["gpu_hours"] = {"elime": 2}
    page = costs.costs_page()

    (smoke,) = lines(page, "| elime | smoke |")
    (paper,) = lines(page, "| elime | paper |")
    assert "| 3 min | 1.5 GB | not known | estimated for one thread" in smoke  # seed is 0
    assert "| 2.0 h | 3.0 GB, 7.0 GB of the GPU's | not known | estimated for a GPU" in paper


def test_less_than_a_tenth_of_a_gigabyte_is_told_in_megabytes(table):
    table["measured"][0]["disk_mb"] = 13

    assert "| 2.4 GB | 13 MB |" in costs.costs_page()


def test_a_name_with_html_is_escaped(table):
    table["measured"][0]["device"] = "<script>"

    assert "<script>" not in costs.costs_page()


def test_every_profile_of_every_notebook_has_its_row_time_and_memory():
    page = costs.costs_page()

    for name in parameters.notebooks():
        for profile in parameters.PROFILES:
            (line,) = lines(page, f"| {name} | {profile} |")
            assert " GB" in line
            assert "| 0 s |" not in line


def test_the_laptop_profile_stays_under_six_gigabytes():
    measured = {(row["notebook"], row["profile"]): row for row in counted.measured()}
    for name in parameters.notebooks():
        row = measured.get((name, "laptop"))
        memory = row["memory_mb"] if row else counted.memory_mb(name, "laptop")[0]
        assert 0 < memory < 6000, name


def test_a_measured_run_names_its_machine_its_commit_and_its_day():
    for row in counted.measured():
        assert set(row) == set(MEASURED), row
        assert row["seconds"] > 0
        assert row["memory_mb"] > 0
        assert all(row[key] for key in ("device", "commit", "date"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119.6, "120 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h"),
     (100_000, "27.8 h"), (1_000_000, "12 days")],
)  # fmt: skip
def test_times_are_told_in_the_unit_that_fits(seconds, said):
    assert counted.duration(seconds) == said


# --- kills ---

SEEN = {
    "commit": "c0ffee", "date": "2026-11-30", "runs": 8, "kills": 30,
    "ways": {"everything": 20, "one kernel": 10}, "engines": {"plain": 15, "snakemake": 15},
    "runs_under_way": 41, "finished_between_kills": 5, "begun": 70, "rounds": 1,
    "finished_run_twice": 0, "torn": 0, "left_behind": 0, "tables": 14, "numbers": 400,
    "different": [],
    "seconds_of_one_piece": 500,
}  # fmt: skip


def kills(folder, **changed):
    file = folder / "kills.json"
    file.write_text(json.dumps(SEEN | changed))
    return costs.kills_page(file)


def test_the_page_tells_the_kills_of_the_record(tmp_path):
    page = kills(tmp_path)

    assert "A matrix of 8 real runs" in page
    assert "| kills: everything | 20 |" in page
    assert "| **finished runs that were run twice** | **0** |" in page
    assert "| **tables that differ, to the last digit** | **0** |" in page
    assert "These differ" not in page


def test_a_lost_or_repeated_run_of_the_record_stands_on_the_page(tmp_path):
    page = kills(tmp_path, finished_run_twice=2, different=["smoke/<a>.csv", "smoke/b.csv"])

    assert "| **finished runs that were run twice** | **2** |" in page
    assert "These differ: smoke/&lt;a&gt;.csv, smoke/b.csv." in page


def test_without_a_record_of_kills_the_page_says_how_to_make_one(tmp_path):
    assert "`make kills` makes one" in costs.kills_page(tmp_path / "none.json")


# --- seeds ---


def pooled_seeds(folder, text):
    """A table of pooled seeds with its checksum beside it."""
    (folder / "elime-seeds.csv").write_text(text)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    (folder / "elime-seeds.json").write_text(json.dumps({"sha256": sha256}))


def test_pooled_seeds_of_a_chapter_stand_under_its_paper(tmp_path):
    table = pd.DataFrame(
        [["sum", "B", 2.0, 1.5, 2.5, 7, 3, 0.25], ["once", "B", 2.0, 1.0, 3.0, 7, 1, None]],
        columns=["key", "arm", "value", "low", "high", "n", "seeds", "spread"],
    )
    pooled_seeds(tmp_path, table.to_csv(index=False))

    page = costs.seeds_page(tmp_path)

    assert "**Wang et al. 2022**" in page
    assert "| sum | B | 2 | 1.5 to 2.5 | 3 | 0.25 |" in page
    assert "once" not in page  # of a single seed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# nothing\n", "lacks the table 'work'"),
        ("work: {}\n", "lacks the table 'pass'"),
        ("work: [1]\npass: {}\n", "lacks the table 'work'"),
        ("work: {", "cannot be read as YAML"),
    ],
)
def test_a_damaged_table_of_costs_is_named(tmp_path, monkeypatch, text, says):
    file = tmp_path / "costs.yaml"
    file.write_text(text)
    monkeypatch.setattr(counted, "TABLE", file)

    with pytest.raises(reading.Damaged, match=says):
        counted.table.__wrapped__()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,B,2.0,1.5,2.5,7,3,0.25\na,B,2.0,1.5,2.5,7,3,0.25", "key 'a, B' twice"),
        ("a,B,9.0,1.5,2.5,7,3,0.25", "a lies outside its interval"),
        ("a,B,,1.5,2.5,7,3,0.25", "a lies outside its interval"),
        ("a,B,2.0,1.5,2.5,7,3,two", "a lies outside its interval"),
        ("a,B,2.0,1.5,2.5,7,three,0.25", "seeds is 'three'"),
        ("a,B,2.0,1.5", "row 2, has 4 cells"),
        ("a,B,2.0,1.5,inf,7,3,0.25", "a lies outside its interval"),
        ("a,B,2.0,1.5,2.5,7,3,inf", "a lies outside its interval"),
        ("", "has no row"),
    ],
)
def test_a_damaged_table_of_pooled_seeds_is_named(tmp_path, row, says):
    pooled_seeds(tmp_path, f"key,arm,value,low,high,n,seeds,spread\n{row}\n")

    with pytest.raises(reading.Damaged, match=says):
        costs.seeds_page(tmp_path)


def test_one_changed_digit_in_a_table_of_pooled_seeds_is_noticed(tmp_path):
    pooled_seeds(tmp_path, "key,arm,value,low,high,n,seeds,spread\na,B,2.0,1.5,2.5,7,3,0.25\n")
    file = tmp_path / "elime-seeds.csv"
    file.write_text(file.read_text().replace("2.0", "2.1"))

    with pytest.raises(reading.Damaged, match=r"elime-seeds\.csv has SHA-256"):
        costs.seeds_page(tmp_path)
    (tmp_path / "elime-seeds.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no .*elime-seeds\.json"):
        costs.seeds_page(tmp_path)


@pytest.mark.parametrize("wrong", [{"times": ["count", "imagec"]}, {"times": 3}, {}])
def test_work_that_cannot_be_counted_is_named(monkeypatch, wrong):
    work = {"trial": [{"seconds": 2.0, **wrong}]}
    monkeypatch.setattr(counted, "table", lambda: {"work": work, "pass": {}})

    with pytest.raises(reading.Damaged, match=r"costs\.yaml: the work of trial cannot be counted"):
        counted.hours("trial", {"count": 2})


@pytest.mark.parametrize("key", MEASURED)
def test_a_measured_run_that_lacks_an_entry_is_named(table, key):
    del table["measured"][0][key]

    with pytest.raises(reading.Damaged, match=f"costs.yaml: a measured run lacks '{key}'"):
        costs.costs_page()


@pytest.mark.parametrize("key", costs.SEEN)
def test_a_record_of_kills_without_a_count_is_named(tmp_path, key):
    (tmp_path / "kills.json").write_text(json.dumps({k: v for k, v in SEEN.items() if k != key}))

    with pytest.raises(reading.Damaged, match=rf"kills\.json lacks '{key}'"):
        costs.kills_page(tmp_path / "kills.json")


def test_a_damaged_record_of_kills_is_named(tmp_path):
    (tmp_path / "kills.json").write_text('{"kills": 30, "kills"')

    with pytest.raises(reading.Damaged, match=r"kills\.json"):
        costs.kills_page(tmp_path / "kills.json")


def test_without_a_second_seed_the_page_says_that_results_are_of_one(tmp_path):
    assert "are of one seed each" in costs.seeds_page(tmp_path)
