import json
import os

import pandas as pd
import pytest
import small_project
import yaml

from helpers.report import costs, counted
from helpers.run import (
    grid,
    matrix,
    origin,
    parameters,
    seeds_of_runs,
    status_of_runs,
    workers,
)
from helpers.store import locks, paths

SETTINGS = """\
small:
  parameters:
    seed: {type: integer, minimum: 0, maximum: 99, description: of nothing}
    loud: {type: boolean, description: whether it is loud}
    shard: {type: string, description: part of the work}
  profiles:
    smoke: {seed: 0, loud: false, shard: ""}
    laptop: {seed: 0, loud: false, shard: ""}
    paper: {seed: 0, loud: true, shard: ""}
other:
  parameters:
    seed: {type: integer, minimum: 0, maximum: 99, description: of nothing}
  profiles:
    smoke: {seed: 0}
    laptop: {seed: 0}
    paper: {seed: 0}
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project of two notebooks, whose code counts as "code"."""
    for name in ("NOTEBOOKS", "DATA", "REPORTED", "RESULTS", "RUNS", "BOOK", "CACHE", "MODELS"):
        monkeypatch.setattr(paths, name, tmp_path / name)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(grid, "STATE", tmp_path / "state")
    monkeypatch.setattr(grid, "MADE", tmp_path / "BOOK/_made")
    monkeypatch.setattr(grid, "GRID", tmp_path / "NOTEBOOKS/matrix.yaml")
    monkeypatch.setattr(counted, "table", lambda: {"work": {}, "pass": {}})
    monkeypatch.setattr(parameters, "SETTINGS", tmp_path / "NOTEBOOKS/parameters.yaml")
    monkeypatch.setattr(
        origin, "notebook_digest", lambda name, values: f"code of {name} {values['seed']}"
    )
    paths.NOTEBOOKS.mkdir()
    parameters.SETTINGS.write_text(SETTINGS)
    return tmp_path


def cells(*entries, **how):
    grid.GRID.write_text(yaml.safe_dump(list(entries)))
    return grid.cells(grid.GRID, **how)


def made(file, values, digest, seconds=10, value=1.0, **more):
    """What a run writes: an executed notebook with its card, and results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    own = {"parameters": values, "digest": digest, "seconds": seconds} | more
    file.write_text(json.dumps({"metadata": {"provenance": own}, "cells": []}))
    table = pd.DataFrame([["sum", "B", value, value - 1, value + 1, 5]])
    table.columns = ["key", "arm", "value", "low", "high", "n"]
    folder = paths.RESULTS if file.parent == paths.RUNS else file.parent
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{file.stem}.csv", index=False)


def make(cell, **more):
    digest = origin.notebook_digest(cell.notebook, cell.values)
    made(cell.file, cell.values, digest, **more)


def states_of(found):
    return {name: state.state for name, state in status_of_runs.known(found).items()}


# --- the grid ---


def test_a_grid_is_every_combination_of_what_varies_each_once():
    found = cells(
        {"notebook": "small", "profile": "laptop", "vary": {"seed": [0, 1], "loud": [True, False]}},
        {"notebook": "all", "profile": "laptop", "vary": {"seed": [0, 1]}},
    )

    wanted = [
        (cell.notebook, cell.values["seed"], cell.values.get("loud")) for cell in found.values()
    ]
    assert sorted(wanted, key=str) == [
        ("other", 0, None), ("other", 1, None),
        ("small", 0, False), ("small", 0, True), ("small", 1, False), ("small", 1, True),
    ]  # fmt: skip
    assert len({cell.file for cell in found.values()}) == 6


def test_a_run_has_the_file_that_the_same_command_by_hand_writes():
    (cell,) = cells({"notebook": "small", "vary": {"seed": 3}}).values()

    from helpers.run import targets

    assert cell.file == targets.target("small", cell.values)
    assert cell.command() == "python -m helpers.run small --profile laptop -p seed 3"
    assert cell.process()[1:] == [*cell.command().split()[1:], "--output", str(cell.file)]


def test_another_profile_takes_the_place_of_all_that_the_grid_names():
    found = cells({"notebook": "all", "profile": "paper"}, profile="smoke", only="other")

    assert list(found) == ["smoke/other"]


def test_shards_come_first_and_the_whole_needs_them():
    *parts, whole = cells({"notebook": "small", "shards": 3}).values()

    assert [part.values["shard"] for part in parts] == ["1/3", "2/3", "3/3"]
    assert whole.values["shard"] == ""
    assert whole.needs == tuple(part.name for part in parts)
    assert {part.part_of for part in parts} == {whole.name}


def test_a_shard_stands_apart_from_runs_by_hand_and_in_the_grid():
    from helpers.run import targets

    part, *_ = cells({"notebook": "small", "shards": 3, "vary": {"seed": 4}}).values()

    assert part.file == targets.target("small", part.values)
    assert part.file.is_relative_to(paths.BOOK / "_made/parts/laptop")  # which the book leaves out


def test_the_book_shows_no_folder_of_parts(monkeypatch):
    monkeypatch.undo()

    shown = yaml.safe_load((paths.ROOT / "_toc.yml").read_text())

    globs = [
        entry["glob"] for part in shown["parts"] for entry in part["chapters"] if "glob" in entry
    ]
    assert globs
    assert not any("parts" in glob or "**" in glob for glob in globs)


def test_runs_beside_one_another_have_the_same_parameters_and_no_order():
    *beside, whole = cells({"notebook": "other", "together": 3}).values()

    assert len(beside) == 2
    assert all(cell.values == whole.values for cell in beside)
    assert whole.needs == ()
    assert len({whole.file, *(cell.file for cell in beside)}) == 3


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"notebook": "smal"}, "there is no notebook 'smal'"),
        ({"notebook": "small", "profile": "large"}, "there is no profile 'large'"),
        ({"notebook": "small", "vary": {"seeds": [1]}}, "no parameter 'seeds'"),
        ({"notebook": "small", "vary": {"seed": [100]}}, "a whole number from 0 to 99"),
        ({"notebook": "small", "vary": [1]}, "vary is no table"),
        (
            {"notebook": "small", "seed": 1},
            "an entry has notebook, profile, shards, together, vary",
        ),
        ({"profile": "smoke"}, "has no notebook"),
        ({"notebook": "other", "shards": 2}, "other has no parameter 'shard'"),
        ({"notebook": "small", "shards": 0}, "a number from 1 to 10000"),
        ({"notebook": "small", "vary": {"shard": ["1/2"]}}, "give shards: 8"),
        ({"notebook": "small", "together": True}, "a number from 1 to 10000"),
    ],
)
def test_a_wrong_entry_is_refused_before_anything_runs(entry, says):
    with pytest.raises(parameters.WrongParameter, match=says):
        cells(entry)


@pytest.mark.parametrize("text", ["", "a: 1", "- 1", "- {", "\tx"])
def test_a_file_that_is_no_grid_is_refused(text, project):
    grid.GRID.write_text(text)

    with pytest.raises(parameters.WrongParameter, match="matrix"):
        grid.cells(grid.GRID)


def test_the_grid_of_the_project_can_be_read(monkeypatch):
    monkeypatch.undo()

    found = grid.cells()

    assert {cell.notebook for cell in found.values()} == set(parameters.notebooks())
    assert all(0 in {c.values["seed"] for c in found.values() if c.notebook == name}
               for name in parameters.notebooks())  # fmt: skip


# --- states ---

SEEDS = {"notebook": "small", "profile": "laptop", "vary": {"seed": [0, 1, 2, 3, 4]}}


def test_runs_are_fresh_stale_failed_missing_or_under_way():
    found = cells(SEEDS)
    fresh, stale, failed, missing, under_way = found.values()
    make(fresh)
    made(stale.file, stale.values, "older code")
    failed.state_file(".failed").parent.mkdir(parents=True)
    failed.state_file(".failed").write_text('{"code": 1}')
    failed.state_file(".log").write_text("loading\nhelpers.run: small failed: no luck\n  at last\n")

    with locks.claimed(under_way.state_file(".lock")):
        states = status_of_runs.known(found)

    assert [state.state for state in states.values()] == [
        "fresh", "stale", "failed", "missing", "under way",
    ]  # fmt: skip
    text = status_of_runs.table(states, "make it so")
    assert "helpers.run: small failed: no luck" in text
    assert text.count("\n          $ python -m helpers.run small") == 3
    assert "1 fresh, 1 under way, 1 stale, 1 failed, 1 missing." in text
    assert "takes up to 30 s one after the other" in text  # three times the one that is known
    assert text.endswith("make it so")
    assert missing.file.exists() is False


def test_a_run_that_failed_before_and_is_fresh_by_now_is_fresh():
    found = cells({"notebook": "small"})
    (cell,) = found.values()
    cell.state_file(".failed").parent.mkdir(parents=True)
    cell.state_file(".failed").write_text("{}")
    make(cell)

    assert states_of(found) == {cell.name: "fresh"}


@pytest.mark.parametrize("carried", [False, True])
def test_the_committed_run_counts_as_the_run_with_its_command(carried):
    found = cells({"notebook": "small"})
    (cell,) = found.values()
    digests = {"digest": "older", "carried": {"digest": "code of small 0"}}
    more = digests if carried else {"digest": "code of small 0"}
    made(paths.RUNS / "small.ipynb", cell.values, **{"command": cell.command()} | more)

    (state,) = status_of_runs.known(found).values()

    assert state.state == "fresh"
    assert state.results == paths.RESULTS / "small.csv"


def test_a_committed_run_with_another_command_does_not_count():
    found = cells({"notebook": "small", "profile": "laptop"})
    (cell,) = found.values()
    command = "python -m helpers.run small --profile smoke"
    made(paths.RUNS / "small.ipynb", cell.values, "code of small 0", command=command)

    assert states_of(found) == {cell.name: "missing"}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"metadata": {}}'])
def test_a_run_that_is_not_whole_is_missing(broken):
    found = cells({"notebook": "small"})
    (cell,) = found.values()
    make(cell)
    cell.file.write_text(broken)

    assert states_of(found) == {cell.name: "missing"}


def test_parts_of_a_fresh_run_are_needed_no_more():
    found = cells({"notebook": "small", "shards": 2})
    *parts, whole = found.values()
    assert list(states_of(found).values()) == ["missing"] * 3
    make(parts[0])
    assert list(states_of(found).values()) == ["fresh", "missing", "missing"]
    make(whole)

    assert states_of(found) == {whole.name: "fresh"}


def test_what_a_missing_run_takes_is_the_longest_of_its_kind_that_is_known(monkeypatch):
    found = cells(SEEDS)
    one, two, *_ = found.values()
    make(one, seconds=5)
    make(two, seconds=7)
    states = status_of_runs.known(found)
    assert status_of_runs.expected_seconds(states.values()) == {("small", "laptop"): 7}

    rows = [("small", "laptop", 90), ("other", "smoke", 4)]
    table = [dict(zip(("notebook", "profile", "seconds"), row, strict=True)) for row in rows]
    monkeypatch.setattr(counted, "measured", lambda: table)

    expected = status_of_runs.expected_seconds(states.values())
    assert expected == {("small", "laptop"): 90, ("other", "smoke"): 4}


def test_a_run_of_a_kind_that_never_ran_takes_what_its_counted_work_takes(monkeypatch):
    monkeypatch.setattr(counted, "hours", lambda name, values: 3.0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    text = status_of_runs.table(status_of_runs.known(cells(SEEDS)), "make it so")

    assert text.count("about 90 min by counted work") == 5
    assert "takes up to 7.5 h one after the other.\n" in text


@pytest.mark.parametrize(("seconds", "said"), [(45, "45 s"), (720, "12 min"), (12240, "3.4 h")])
def test_times_are_told_in_the_unit_that_fits(seconds, said):
    assert status_of_runs.duration(seconds) == said


# --- the plan for another engine ---


def test_a_plan_has_a_stamp_for_what_is_fresh_and_takes_it_away_when_it_is_not(project):
    found = cells({"notebook": "small", "shards": 2})
    *parts, whole = found.values()
    make(parts[0])

    rows = matrix.plan(status_of_runs.known(found))

    assert [row["name"] for row in rows] == list(found)
    assert [(project / row["stamp"]).exists() for row in rows] == [True, False, False]
    assert rows[2]["needs"] == [part.name for part in parts]
    parts[0].file.unlink()
    rows = matrix.plan(status_of_runs.known(found))
    assert not any((project / row["stamp"]).exists() for row in rows)
    make(whole)
    (row,) = matrix.plan(status_of_runs.known(found))
    assert row["needs"] == []


def test_a_job_is_done_as_soon_as_a_run_with_its_digest_is_there():
    found = cells({"notebook": "small"})
    (state,) = status_of_runs.known(found).values()
    job = matrix.job(state)
    assert not job.is_done()

    make(state.cell)

    assert job.is_done()
    assert workers.run_one(job) == "fresh"


# --- seeds ---


def test_fresh_runs_that_differ_in_their_seed_alone_are_pooled(project):
    found = cells(
        {"notebook": "small", "vary": {"seed": [0, 1, 2], "loud": [False, True]}},
        {"notebook": "other", "vary": {"seed": [0]}},
    )
    for cell in found.values():
        make(cell, value=float(cell.values["seed"]))
    quiet = next(c for c in found.values() if c.values["seed"] == 2 and not c.values.get("loud"))
    quiet.file.unlink()
    paths.RESULTS.mkdir()
    (paths.RESULTS / "small.json").write_text('{"profile": "laptop"}')

    states = status_of_runs.known(found)
    written = seeds_of_runs.write(states.values())

    tables = {file.relative_to(project).as_posix(): pd.read_csv(file) for file in written}
    committed = tables.pop("RESULTS/small-seeds.csv")  # the profile's own parameters
    assert committed.seeds.tolist() == [2]
    assert committed.value.tolist() == [0.5]
    ((name, own),) = tables.items()
    assert name.startswith("BOOK/_made/laptop/small-loud-True-")
    assert own.seeds.tolist() == [3]
    assert own.spread.tolist() == [1]
    assert "seeds 0, 1 pooled, 1 numbers" in seeds_of_runs.told(states.values())
    assert seeds_of_runs.write(states.values()) == []  # nothing has changed
    assert "2 |" in costs.seeds_page(paths.RESULTS)
    told = json.loads((paths.RESULTS / "small-seeds.json").read_text())
    assert [run["seed"] for run in told["runs"]] == [0, 1]
    assert all(run["digest"].startswith("code of small") for run in told["runs"])


def test_seeds_of_a_profile_that_is_not_the_committed_ones_stay_beside_their_runs(project):
    found = cells({"notebook": "small", "profile": "smoke", "vary": {"seed": [0, 1]}})
    for cell in found.values():
        make(cell)
    paths.RESULTS.mkdir()
    (paths.RESULTS / "small.json").write_text('{"profile": "laptop"}')

    (file,) = seeds_of_runs.write(status_of_runs.known(found).values())

    assert file == project / "BOOK/_made/smoke/small-seeds.csv"


# --- the command line, with real runs ---


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--status", "--grid", "gone.yaml"], "the grid gone.yaml cannot be read"),
        (["--status", "nothing"], "has no runs of nothing"),
        (
            ["--cell", "laptop/nothing"],
            "the grid has no run 'laptop/nothing'; it has: laptop/small",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(words, says, capsys):
    cells({"notebook": "small"})

    assert matrix.main(words if "--grid" in words else [*words, "--grid", str(grid.GRID)]) == 2

    assert says in capsys.readouterr().err


def cut(root):
    """The small notebook with a shard: it keeps the numbers of its part, and adds them up."""
    source = root / "notebooks/small.py"
    text = source.read_text()
    text = text.replace("loud: bool = None", "shard: str = None  # a part\nloud: bool = None")
    text = text.replace(
        "from helpers.store import cache", "from helpers.store import shards, together"
    )
    text = text.replace("import os\nimport warnings", "# a comment\nimport os\nimport warnings")
    text = text.replace("# %%\n# a comment", '# %% tags=["parts"]')
    text = text.replace('{"sum": torch.arange(count).sum()}', '{"sum": torch.tensor(count)}')
    text = text.replace(
        'total = cache.kept("small/sum", summed, count)["sum"].item()',
        "mine = shards.part_of([(number,) for number in range(count)], shard)\n"
        'total = sum(t["sum"].item() for _, t in together.kept("small/sum", summed, mine))',
    )
    source.write_text(text)
    settings = root / "notebooks/parameters.yaml"
    text = settings.read_text().replace("small:\n  parameters:", f"small:\n  parameters:{SHARD}", 1)
    settings.write_text(text.replace("{seed: 0,", '{shard: "", seed: 0,'))


SHARD = (
    "\n    shard: {type: string, format: shard, title: a part, examples: [2/8], description: part}"
)


@pytest.mark.slow
def test_shards_of_a_real_notebook_are_merged_make_nothing_twice_and_are_no_results(tmp_path):
    root = small_project.write(tmp_path / "real")
    cut(root)
    (root / "notebooks/matrix.yaml").write_text("- {notebook: small, profile: laptop, shards: 2}\n")

    whole = small_project.run(
        root, "-m", "helpers.run", "small", "--profile", "laptop", "--output", "whole.ipynb"
    )
    (root / "data/cache/small").rename(root / "of the whole run")
    done = small_project.run(root, "-m", "helpers.run", "--matrix", "--jobs", "2")
    status = small_project.run(root, "-m", "helpers.run", "--status")
    alone = small_project.run(root, "-m", "helpers.run", "small", "-p", "shard", "1/2")

    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "3 run, 0 were fresh, 0 not done" in done.stdout, done.stdout + done.stderr
    assert "1 fresh." in status.stdout  # its shards are needed no more
    made = root / "book/_made/laptop/small"
    committed = root / "book/runs/small.ipynb"
    merged = committed if committed.exists() else made.with_suffix(".ipynb")
    table = root / "data/results/small.csv" if committed.exists() else made.with_suffix(".csv")
    assert table.read_bytes() == (root / "whole.csv").read_bytes()
    assert json.loads(merged.read_text())["metadata"]["provenance"]["kept"] == {"read": 5}
    assert alone.returncode == 0, alone.stdout + alone.stderr
    parts = {file.relative_to(root / "book/_made/parts").as_posix()
             for file in (root / "book/_made/parts").rglob("*.*")}  # fmt: skip
    grid_parts = {f"laptop/small-{n}-of-2.{end}" for n in (1, 2) for end in ("ipynb", "json")}
    assert parts == grid_parts | {f"smoke/small-1-of-2.{end}" for end in ("ipynb", "json")}
    assert not (root / "book/_made/smoke").exists()


@pytest.mark.slow
def test_a_matrix_of_real_notebooks_runs_what_is_missing_and_pools_its_seeds(tmp_path):
    root = small_project.write(tmp_path / "real")
    entry = "- {notebook: small, profile: smoke, vary: {seed: [0, 1]}}\n"
    (root / "notebooks/matrix.yaml").write_text(entry)
    matrix_ = ["-m", "helpers.run", "--matrix", "--jobs", "2"]

    first = small_project.run(root, *matrix_)
    second = small_project.run(root, "-m", "helpers.run", "--status")
    source = root / "notebooks/small.py"
    source.write_text(source.read_text().replace("torch.arange(count)", "torch.arange(count + 1)"))
    third = small_project.run(root, "-m", "helpers.run", "--status", "small")

    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 run, 0 were fresh, 0 not done" in first.stdout
    assert second.stdout.count("fresh     smoke/small") == 2
    assert "GB of memory" in second.stdout
    assert "seeds 0, 1 pooled, 1 numbers" in second.stdout
    assert third.stdout.count("stale     smoke/small") == 2
    table = pd.read_csv(root / "book/_made/smoke/small-seeds.csv")
    assert table[["key", "value", "seeds"]].to_numpy().tolist() == [["sum", 3.0, 2]]
    assert not list((root / "data/cache/matrix").rglob("*.lock"))
