"""Several processes that fill one matrix of cells."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from helpers.store import locks, paths, shards
from helpers.trials import conditions, engine, methods
from helpers.trials.settings import CHAPTER

FOLDER = None  # where the methods note their calls


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(sys.modules[__name__], "FOLDER", tmp_path)


def cases():
    """A network of one layer under four conditions, one of them a second draw."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 4, 3))
    network = network.eval().requires_grad_(False)
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    clean = conditions.clean(network, images)
    more = {name: clean._replace(name=name, images=images * 0.5) for name in ("dark", "darker")}
    return {"clean": clean, "draw 2": clean._replace(name="draw 2", draw=1), **more}


def compared(seconds):
    """Six methods that note each call; three draw random numbers."""

    def method(number):
        def explain(model, images, classes):
            with (FOLDER / "calls").open("a") as file:
                file.write(f"{number}\n")
            time.sleep(seconds)
            return images.mean(1) * number + (torch.rand(images[:, 0].shape) if number % 2 else 0)

        return methods.Method(f"method {number}", "gradient", explain, key=f"key {number}")

    return [method(number) for number in range(1, 7)]


def calls(folder):
    return (folder / "calls").read_text().split()


def same(one, other):
    assert list(one) == list(other)
    for key, cell in one.items():
        assert torch.equal(cell.maps, other[key].maps), key
    return True


def fill(folder, seconds):
    """What each process does: all cells, and their maps as one file."""
    cells = dict(engine.run_cells(compared(seconds), cases(), 0))
    torch.save({"/".join(key): cell.maps for key, cell in cells.items()}, folder)


PROCESS = """
import sys, pathlib
sys.path[:0] = [sys.argv[1]]
import test_trials_together as test
from helpers.store import paths
test.FOLDER = pathlib.Path(sys.argv[2])
paths.CACHE = test.FOLDER / "cache"
print("ready", flush=True)
sys.stdin.readline()
test.fill(test.FOLDER / f"{sys.argv[3]}.pt", 0.3)
"""


@pytest.mark.slow
def test_two_processes_fill_one_matrix_and_no_cell_is_lost_or_made_twice(tmp_path):
    here = str(Path(__file__).parent)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, here, str(tmp_path), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=paths.ROOT,
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(timeout=300) for process in processes] == [0, 0]

    one, two = (torch.load(tmp_path / f"{name}.pt") for name in ("one", "two"))

    # six methods under three conditions, and three that draw a second time
    assert len(calls(tmp_path)) == 6 * 3 + 3
    alone = dict(engine.run_cells(compared(0), cases(), 0))  # reads all that was kept
    assert len(calls(tmp_path)) == 6 * 3 + 3
    for maps in (one, two):
        assert list(maps) == ["/".join(key) for key in alone]
        assert all(torch.equal(maps["/".join(key)], cell.maps) for key, cell in alone.items())
    assert not list((tmp_path / "cache").rglob("*.lock"))


@pytest.mark.parametrize("count", [2, 5])
def test_shards_make_each_cell_once_and_the_merging_run_makes_none(count, tmp_path):
    unbroken = dict(engine.run_cells(compared(0), cases(), 0))
    made = sorted(calls(tmp_path))
    (tmp_path / "calls").unlink()
    (tmp_path / "cache").rename(tmp_path / "of the unbroken run")

    parts = [dict(engine.run_cells(compared(0), cases(), 0, s)) for s in shards.names(count)]
    assert sorted(calls(tmp_path)) == made
    merged = dict(engine.run_cells(compared(0), cases(), 0))

    assert sorted(calls(tmp_path)) == made
    assert same(unbroken, merged)
    assert sorted(key for part in parts for key in part) == sorted(merged)
    assert max(map(len, parts)) < len(merged)


def test_a_cell_under_way_elsewhere_is_put_off_and_read_when_it_is_there(tmp_path):
    methods_, unbroken = compared(0), dict(engine.run_cells(compared(0), cases(), 0))
    folder = paths.CACHE / CHAPTER
    kept = {file: file.read_bytes() for file in folder.glob("cells-*")}
    claimed = locks.claimed(claim_of(methods_[0], cases()["clean"]))
    for file in kept:
        file.unlink()

    claimed.__enter__()
    run = engine.run_cells(methods_, cases(), 0)
    seen = [next(run)]
    while seen[-1][0] != ("method 6", "darker"):
        seen.append(next(run))
    for file, content in kept.items():  # the other process has made it, and lets go
        file.write_bytes(content)
    claimed.__exit__(None, None, None)
    seen += run

    off = [key for key, cell in seen if cell is engine.ELSEWHERE]
    assert off == [("method 1", "clean"), ("method 1", "draw 2")]
    assert same(dict(seen), unbroken)  # in the same order, too
    assert calls(tmp_path).count("1") == 2 * (4 + 0) - 2  # the other one's two were read


def claim_of(method, condition):
    """The claim of a cell, found by running it where it can be seen."""
    found = []

    def explain(model, images, classes):
        found.extend(paths.CACHE.rglob("*.lock"))
        return images.mean(1)

    seen = method._replace(explain=explain)
    cell = engine._run_unless_elsewhere(seen, condition._replace(memory=False), 0, wait=False)
    assert isinstance(cell, engine.Maps)
    (file,) = found
    return file


def test_a_folder_that_cannot_be_written_still_serves_what_is_kept(tmp_path, monkeypatch):
    before = dict(engine.run_cells(compared(0), cases(), 0))
    count = len(calls(tmp_path))
    (paths.CACHE / CHAPTER / "claims").rmdir()
    (paths.CACHE / CHAPTER / "claims").write_text("a file where the folder should be")

    assert same(dict(engine.run_cells(compared(0), cases(), 0)), before)

    assert len(calls(tmp_path)) == count
