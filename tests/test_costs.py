import json
import subprocess

import pandas as pd
import pytest

from helpers.report import costs
from helpers.run import status_of_runs
from helpers.store import paths, reading

HEAD = "notebook,profile,seconds,memory_mb,disk_mb,device,finished,commit\n"


def test_the_page_tells_time_memory_and_disk_in_units_that_fit(tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text(f'{HEAD}elime,laptop,3361,2400,,"CPU, 1 thread",,ab12\n')

    page = costs.costs_page(file)

    assert "| elime | laptop | 56 min | 2.4 GB | not measured | CPU, 1 thread | ab12 |" in page


def test_without_a_measurement_the_page_says_so(tmp_path):
    assert "No run was measured yet." in costs.costs_page(tmp_path / "none.csv")


def test_a_name_with_html_is_escaped(tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text(f"{HEAD}<script>,laptop,1,,,<b>,,\n")

    assert "<script>" not in costs.costs_page(file)


def test_pooled_seeds_of_a_chapter_stand_under_its_paper(tmp_path):
    table = pd.DataFrame(
        [["sum", "B", 2.0, 1.5, 2.5, 7, 3, 0.25], ["once", "B", 2.0, 1.0, 3.0, 7, 1, None]],
        columns=["key", "arm", "value", "low", "high", "n", "seeds", "spread"],
    )
    table.to_csv(tmp_path / "elime-seeds.csv", index=False)

    page = costs.seeds_page(tmp_path)

    assert "**Wang et al. 2022**" in page
    assert "| sum | B | 2 | 1.5 to 2.5 | 3 | 0.25 |" in page
    assert "once" not in page  # of a single seed


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,B,2.0,1.5,2.5,7,3,0.25\na,B,2.0,1.5,2.5,7,3,0.25", "key 'a, B' twice"),
        ("a,B,9.0,1.5,2.5,7,3,0.25", "a lies outside its interval"),
        ("a,B,,1.5,2.5,7,3,0.25", "a lies outside its interval"),
        ("a,B,2.0,1.5,2.5,7,3,two", "a lies outside its interval"),
        ("a,B,2.0,1.5,2.5,7,three,0.25", "seeds is 'three'"),
        ("a,B,2.0,1.5", "row 2, has 4 cells"),
    ],
)
def test_a_damaged_table_of_pooled_seeds_is_named(tmp_path, row, says):
    head = "key,arm,value,low,high,n,seeds,spread\n"
    (tmp_path / "elime-seeds.csv").write_text(f"{head}{row}\n")

    with pytest.raises(reading.Damaged, match=says):
        costs.seeds_page(tmp_path)


def test_damaged_costs_are_named(tmp_path):
    (tmp_path / "costs.csv").write_text(f"{HEAD}elime,laptop,soon,,,CPU,,\n")

    with pytest.raises(reading.Damaged, match="seconds is 'soon'"):
        costs.costs_page(tmp_path / "costs.csv")


def test_without_a_second_seed_the_page_says_that_results_are_of_one(tmp_path):
    assert "are of one seed each" in costs.seeds_page(tmp_path)


def test_page_and_command_line_tell_times_alike():
    for seconds in (0, 119.6, 120, 7199, 7200, 100_000):
        assert costs.duration(seconds) == status_of_runs.duration(seconds)


def from_history(row):
    """The seconds of a chapter's run card as it stood in a commit; None without that commit."""
    where = f"{row.commit}:data/results/{row.notebook}.json"
    try:
        shown = subprocess.run(["git", "show", where], cwd=paths.ROOT, capture_output=True)
    except OSError:
        return None
    return json.loads(shown.stdout)["seconds"] if shown.returncode == 0 else None


CARDS = pd.read_csv(costs.COSTS)


@pytest.mark.parametrize(
    "row", CARDS[CARDS.memory_mb.isna()].itertuples(), ids=lambda r: r.notebook
)
def test_a_committed_time_is_that_of_the_run_card_in_the_commit_it_names(row):
    seconds = from_history(row)
    if seconds is None:
        pytest.skip(f"this clone's history has no {row.commit}")

    assert seconds == row.seconds
