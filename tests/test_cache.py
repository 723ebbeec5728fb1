"""What was kept is used only if nothing that made it has changed."""

import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch

from helpers.store import cache, digests, files, paths, rooms


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def counted(count):
    os.environ["TEST_CALLS"] = os.environ.get("TEST_CALLS", "") + "x"
    return {"second": torch.arange(count), "first": torch.ones(2)[:1]}


@pytest.fixture(autouse=True)
def no_calls(monkeypatch):
    monkeypatch.setenv("TEST_CALLS", "")


def calls():
    return len(os.environ["TEST_CALLS"])


def test_a_result_is_made_once_and_read_as_it_was_made(folder):
    first = cache.kept("a/b", counted, 3)
    second = cache.kept("a/b", counted, 3)

    assert calls() == 1
    assert list(first) == list(second) == ["second", "first"]
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert cache.kept("a/b", counted, 4)["second"].tolist() == [0, 1, 2, 3]
    assert calls() == 2


def test_tensors_that_share_memory_are_kept(folder):
    def views():
        whole = torch.arange(6)
        return {"whole": whole, "part": whole[::2], "turned": whole.view(2, 3).T}

    made, read = cache.kept("views", views), cache.kept("views", views)

    assert read["part"].tolist() == [0, 2, 4]
    assert read["turned"].stride() == made["turned"].stride() == (2, 1)


def test_whatever_bit_of_a_kept_file_flips_it_is_made_again_with_a_message(folder, capsys):
    cache.kept("a", counted, 3)
    (file,) = folder.rglob("*.safetensors")
    content = file.read_bytes()

    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=file.name):
            files.read_tensors(file)
    assert cache.kept("a", counted, 3)["second"].tolist() == [0, 1, 2]

    assert calls() == 2
    assert "made again" in capsys.readouterr().err
    assert files.read_tensors(file)[0]["second"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("content", [b"", b"broken", b"\xff" * 64])
def test_a_file_cut_short_or_of_another_kind_is_made_again(folder, content):
    cache.kept("a", counted, 3)
    (file,) = folder.rglob("*.safetensors")
    file.write_bytes(content)

    assert cache.kept("a", counted, 3)["second"].tolist() == [0, 1, 2]
    assert calls() == 2


def test_an_interrupted_result_leaves_nothing_behind(folder):
    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept("x", broken)

    assert not list(folder.parent.iterdir())


def test_what_was_kept_before_a_fresh_run_is_not_used_what_it_keeps_is(folder, monkeypatch):
    cache.kept("a", counted, 3)
    (file,) = folder.rglob("*.safetensors")
    os.utime(file, (time.time() - 60, time.time() - 60))
    monkeypatch.setenv(cache.FRESH, str(time.time() - 1))

    cache.kept("a", counted, 3)
    assert calls() == 2
    cache.kept("a", counted, 3)
    assert calls() == 2


def test_what_is_no_dictionary_of_tensors_is_refused(folder):
    with pytest.raises(TypeError, match="x gives list; expected a dictionary of tensors"):
        cache.kept("x", lambda: [torch.ones(1)])


def test_another_version_of_a_library_makes_another_result(folder, monkeypatch):
    before = cache.key_of(counted, 3)
    monkeypatch.setattr(digests, "versions", lambda: {"torch": "9"})

    assert cache.key_of(counted, 3) != before


def test_another_precision_of_torch_makes_another_result():
    before = cache.key_of(counted, 3)
    torch.set_float32_matmul_precision("medium")
    try:
        assert cache.key_of(counted, 3) != before
    finally:
        torch.set_float32_matmul_precision("highest")


def test_nothing_is_kept_once_a_helper_was_edited_under_the_running_process(
    folder, monkeypatch, capsys
):
    file = next(iter(rooms.AT_START))
    monkeypatch.setitem(rooms.AT_START, file, "another")

    cache.kept("a", counted, 3)
    cache.kept("a", counted, 3)

    assert calls() == 2
    assert "restart the kernel" in capsys.readouterr().err
    assert not folder.exists()


# A notebook's function calls a user's module, which calls another, which calls a third.

NOTEBOOK = """
import sys
import torch
from helpers.store import cache, paths
from pathlib import Path
paths.CACHE = Path("cache")
import first
{global_line}
def near(x):
    return {near}
def make(x):
    {comment}
    return {{"y": near(x) + first.call(x) * STEP}}
cache.kept("result", make, torch.ones(2))
print(dict(cache.counts))
"""
THIRD = (
    'def call(x):\n    """Words."""\n    return _deep(x)\n\n\ndef _deep(x):\n    return x * {}\n'
)


def run(tmp_path, third="2", comment="# words", global_line="STEP = 3", near="x + 1"):
    (tmp_path / "first.py").write_text("import second\n\n\ndef call(x):\n    return second.call(x)")
    (tmp_path / "second.py").write_text(
        "from third import call as other\ncall = lambda x: other(x)"
    )
    (tmp_path / "third.py").write_text(THIRD.format(third))
    text = NOTEBOOK.format(comment=comment, global_line=global_line, near=near)
    (tmp_path / "notebook.py").write_text(textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": f"{paths.ROOT}:{tmp_path}"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # else a file of the same second looks unchanged
    done = subprocess.run(
        [sys.executable, "notebook.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "made" if "'made': 1" in done.stdout else "read"


@pytest.mark.slow
def test_an_edit_three_calls_away_makes_the_result_again_and_words_do_not(tmp_path):
    assert run(tmp_path) == "made"
    assert run(tmp_path) == "read"
    assert run(tmp_path, comment="# other words") == "read"
    assert run(tmp_path, third="2  # a remark") == "read"
    assert run(tmp_path, third="3") == "made"
    assert run(tmp_path, near="x + 2") == "made"
    assert run(tmp_path, global_line="STEP = 4") == "made"
    assert run(tmp_path) == "read"


HELPER_CALLER = """
import sys
sys.path.insert(0, {root!r})
import torch
from helpers.saliency import gradients
from helpers.store import cache
def make(x):
    return {{"y": gradients.gradient(None, x, None)}}
print(cache.key_of(make, torch.ones(1)))
"""


@pytest.mark.slow
def test_an_edit_in_a_room_below_the_one_that_is_called_makes_another_key(tmp_path):
    import shutil

    root = tmp_path / "a copy"
    shutil.copytree(paths.HELPERS, root / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    script = tmp_path / "caller.py"
    script.write_text(HELPER_CALLER.format(root=str(root)))

    def key():
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, script]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        return done.stdout.strip()

    def append(file, text):
        with (root / "helpers" / file).open("a") as opened:
            opened.write(text)

    before = key()
    append("papers/cams.py", "\n# words\n")
    append("report/charts.py", "\nUNRELATED = 1\n")
    assert key() == before
    append("papers/cams.py", "\n\ndef _unused():\n    return 1\n")
    assert key() != before


def test_a_numpy_array_and_a_list_of_the_same_numbers_have_two_keys():
    assert cache.key_of(counted, np.arange(3)) != cache.key_of(counted, [0, 1, 2])
