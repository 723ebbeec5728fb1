"""What tests/kills.py counts: with files put by hand in place of runs."""

import json
import os
import time

import kills
import pandas as pd
import pytest

from helpers.run import grid, parameters


@pytest.fixture
def root(tmp_path):
    (tmp_path / "book/_made/smoke").mkdir(parents=True)
    return tmp_path


def finish(root, name, value=1.0, key="sum"):
    """What a run puts in place, the notebook last."""
    file = root / f"book/_made/{name}.ipynb"
    pd.DataFrame({"key": [key], "value": [value]}).to_csv(file.with_suffix(".csv"), index=False)
    file.with_suffix(".json").write_text("{}")
    file.write_text("{}")
    return file


def watched(root, *steps):
    """Look after each step, which writes lines to an engine's log or finishes a run."""
    log, seen = root / "log", kills.nothing_seen()
    log.write_text("")
    watch = kills.Watch(root, seen)
    for step in steps:
        step(log)
        watch.look(log)
    return seen


def says(*lines):
    return lambda log: log.write_text(log.read_text() + "".join(lines))


def test_a_run_that_is_begun_after_it_finished_is_counted(root):
    seen = watched(
        root,
        says("smoke/a: started\n", "smoke/b: star"),
        lambda log: finish(root, "smoke/a"),
        says("ted\n"),
        says("smoke/a: started\n"),
    )

    assert seen["begun"] == ["smoke/a", "smoke/b", "smoke/a"]
    assert seen["begun though finished"] == ["smoke/a"]


def test_a_run_that_is_begun_again_before_it_finished_is_none(root):
    seen = watched(root, says("smoke/a: started\n"), says("smoke/a: started\n"),
                   lambda log: finish(root, "smoke/a"))  # fmt: skip

    assert seen["begun though finished"] == seen["written twice"] == []
    assert list(seen["finished"]) == ["smoke/a"]


def test_a_finished_run_that_is_written_anew_is_counted(root):
    def again(log):
        file = finish(root, "smoke/a")
        os.utime(file, ns=(time.time_ns(), time.time_ns() + 10**9))

    seen = watched(root, lambda log: finish(root, "smoke/a"), again)

    assert seen["written twice"] == ["smoke/a"]


@pytest.mark.parametrize(
    ("key", "value", "different"),
    [("sum", 1.0, []), ("sum", 1.0 + 1e-12, ["a.csv"]), ("time/run", 9.0, [])],
)
def test_results_are_compared_to_the_last_digit_but_for_seconds(key, value, different, tmp_path):
    roots = [tmp_path / name for name in ("unbroken", "broken")]
    for root, number in zip(roots, (1.0, value), strict=True):
        (root / "book/_made/smoke").mkdir(parents=True)
        finish(root, "smoke/a", number, key)

    tables, numbers, found = kills.compared(*roots)

    assert (tables, [name.rpartition("/")[2] for name in found]) == (1, different)
    assert numbers == (key == "sum")


def test_a_table_that_only_one_has_differs(root, tmp_path_factory):
    finish(root, "smoke/a")

    assert kills.compared(root, tmp_path_factory.mktemp("empty"))[2] == ["book/_made/smoke/a.csv"]


def test_what_is_cut_short_is_torn(root):
    finish(root, "smoke/a").write_text(json.dumps({"cells": []})[:-3])

    assert kills.torn(root) == ["a.ipynb"]


def test_half_written_files_are_left_behind(root):
    (root / "book/_made/smoke/.machine.12.abc.tmp").touch()

    assert kills.left_behind(root) == [".machine.12.abc.tmp"]


def test_the_grid_of_kills_has_two_seeds_of_several_notebooks():
    cells = grid.cells(kills.GRID).values()

    assert all(cell.profile == parameters.PROFILES[0] for cell in cells)
    seeds = [(cell.notebook, cell.values["seed"]) for cell in cells]
    names = {name for name, _ in seeds}
    assert sorted(seeds) == sorted((name, seed) for name in names for seed in (0, 1))
    assert len(names) >= 4


def test_a_marked_process_is_found_and_no_other(root):
    process = kills.subprocess.Popen(["sleep", "60"], env={kills.MARK: str(root)})
    try:
        while not kills.started_by(str(root)):
            time.sleep(0.01)
        assert kills.started_by(str(root)) == [process.pid]
        assert kills.started_by(f"{root}/x") == []
    finally:
        process.kill()
        process.wait()
