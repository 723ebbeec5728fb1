import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.store import cache, locks, paths, shards, together

# --- parts ---


@pytest.mark.parametrize(
    ("shard", "expected"),
    [("1/3", [0, 3, 6]), ("2/3", [1, 4]), ("3/3", [2, 5]), ("", [0, 1, 2, 3, 4, 5, 6])],
)
def test_a_shard_is_every_kth_item_from_the_ith_on(shard, expected):
    assert shards.part_of(range(7), shard) == expected


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("total", [0, 1, 7, 8])
def test_merging_undoes_the_cut(count, total):
    items = [f"item {number}" for number in range(total)]

    parts = [shards.part_of(items, name) for name in shards.names(count)]

    assert shards.merged(parts) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_parts_of_which_one_is_cut_short_are_not_merged():
    with pytest.raises(ValueError, match="have 3, 1, 2 items; of 6 items they have 2, 2, 2"):
        shards.merged([[0, 3, 6], [1], [2, 5]])


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/3", "1/3\n"])
def test_what_is_no_shard_is_refused(shard):
    with pytest.raises(ValueError, match="expected a part of a number of parts"):
        shards.part_of([1, 2, 3], shard)


# --- what is kept by several at once ---


def squared(number, folder):
    """The square of a number; it notes in a file that it was made."""
    with (Path(folder) / "made").open("a") as file:
        print(number, file=file)
    return {"square": torch.tensor(number**2)}


def made(folder):
    return sorted(map(int, (folder / "made").read_text().split()))


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


@pytest.mark.usefixtures("empty_cache")
def test_what_is_kept_together_is_made_once_and_given_with_its_number(tmp_path):
    calls = [(number, str(tmp_path)) for number in range(5)]
    list(together.kept("test/squares", squared, calls[1:3]))

    found = {n: int(part["square"]) for n, part in together.kept("test/squares", squared, calls)}

    assert found == {number: number**2 for number in range(5)}
    assert made(tmp_path) == [0, 1, 2, 3, 4]
    assert not list(paths.CACHE.rglob("*.lock"))


@pytest.mark.usefixtures("empty_cache")
def test_what_is_kept_together_can_be_had_in_the_order_of_the_calls(tmp_path, monkeypatch):
    calls = [(number, str(tmp_path)) for number in (4, 1, 3)]
    reversed_ = [(n, {"square": torch.tensor(c[0] ** 2)}) for n, c in reversed([*enumerate(calls)])]
    monkeypatch.setattr(together, "kept", lambda *_: iter(reversed_))  # as others hold the first

    found = together.listed("test/squares", squared, calls)

    assert [int(part["square"]) for part in found] == [16, 1, 9]


@pytest.mark.usefixtures("empty_cache")
def test_what_another_process_makes_comes_last(tmp_path):
    calls = [(number, str(tmp_path)) for number in range(3)]
    lock = paths.CACHE / f"test/squares-{cache.key_of(squared, *calls[0])}.lock"
    held = contextlib.ExitStack()
    held.enter_context(locks.claimed(lock))
    given = together.kept("test/squares", squared, calls)

    before = [next(given)[0], next(given)[0]]
    held.close()
    after = [number for number, _ in given]

    assert (before, after) == ([1, 2], [0])


# --- claims ---


def test_one_claim_excludes_another_until_it_ends(tmp_path):
    file = tmp_path / "deep/cell.lock"

    with locks.claimed(file) as first, locks.claimed(file) as second:
        assert first is not None
        assert second is None
        assert locks.holder(file).startswith(f"process {os.getpid()} on ")
    with locks.claimed(file) as third:
        assert third is not None
    assert not file.exists()
    assert locks.holder(file) == ""


HOLDS = "import sys, time, pathlib; from helpers.store import locks\n"
HOLDS += "with locks.claimed(pathlib.Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"


def holding(file):
    """A process that holds a claim."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(file)], stdout=subprocess.PIPE, text=True, cwd=paths.ROOT
    )
    assert process.stdout.readline() == "mine\n"
    return process


def test_a_killed_process_leaves_no_claim(tmp_path):
    file = tmp_path / "cell.lock"
    process = holding(file)
    assert locks.holder(file).startswith(f"process {process.pid} on ")

    process.kill()
    process.wait()

    assert file.exists()  # the file is left, the claim is not
    assert locks.holder(file) == ""
    with locks.claimed(file) as mine:
        assert mine is not None


def test_a_claim_that_is_waited_for_comes_when_the_other_ends(tmp_path):
    file = tmp_path / "cell.lock"
    process = holding(file)
    killed = tmp_path / "killed"
    subprocess.Popen(["sh", "-c", f"sleep 0.5; touch '{killed}'; kill -9 {process.pid}"])

    with locks.claimed(file, wait=True) as mine:
        assert mine is not None
        assert killed.exists()
    process.wait()


def test_a_claim_handed_to_a_child_lasts_until_the_child_ends(tmp_path):
    file = tmp_path / "cell.lock"
    with contextlib.suppress(KeyboardInterrupt), locks.claimed(file) as mine:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[mine])
        raise KeyboardInterrupt

    assert locks.holder(file)
    child.kill()
    child.wait()
    assert locks.holder(file) == ""


def test_where_the_file_system_has_no_locks_everyone_claims(tmp_path, monkeypatch):
    def refuses(handle, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuses)

    with locks.claimed(tmp_path / "a.lock") as first, locks.claimed(tmp_path / "a.lock") as second:
        assert None not in (first, second)
