"""Old bytecode never stands for an edited source."""

import os
import subprocess
import sys

import pytest

from helpers.run import bytecode, execute
from helpers.store import paths


def value(folder):
    done = subprocess.run(
        [sys.executable, "-c", "import a; print(a.value)"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """A module that was imported, then edited in a way that leaves its size and time."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    source = tmp_path / "a.py"
    source.write_text("value = 1\n")
    assert value(tmp_path) == "1"
    time = source.stat().st_mtime_ns
    source.write_text("value = 2\n")
    os.utime(source, ns=(time, time))
    return tmp_path


def test_python_itself_takes_old_bytecode_where_size_and_time_are_the_same(edited):
    assert value(edited) == "1"


def test_after_the_check_the_edited_source_runs_and_later_edits_are_seen_too(edited):
    assert bytecode.check_by_content(edited) == [edited / "a.py"]

    assert value(edited) == "2"
    time = (edited / "a.py").stat().st_mtime_ns
    (edited / "a.py").write_text("value = 3\n")
    os.utime(edited / "a.py", ns=(time, time))
    assert value(edited) == "3"
    assert bytecode.check_by_content(edited) == []


def test_a_source_that_cannot_be_compiled_is_left_to_the_import(edited):
    (edited / "a.py").write_text("value = \n")

    assert bytecode.check_by_content(edited) == []


def test_a_run_checks_the_bytecode_of_helpers_before_its_notebook_starts(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(bytecode, "check_by_content", called.append)
    monkeypatch.setattr(execute, "_executed", lambda *_: (None, str(called)))

    with pytest.raises(RuntimeError, match="did not start") as told:
        execute.execute("decam", {"profile": "smoke"}, tmp_path / "o.ipynb")

    assert str(paths.HELPERS) in str(told.value)
