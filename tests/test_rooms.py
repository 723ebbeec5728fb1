"""What was found in the files of helpers holds for the next walk, and not a moment too long."""

import os
from pathlib import Path

import pytest

from helpers.store import rooms


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of a room, in a house of its own whose files have long been as they are."""
    made = tmp_path / "papers" / "rule.py"
    made.parent.mkdir()
    made.write_text("STEP = 1\n")
    monkeypatch.setattr(rooms, "HELPERS", tmp_path)
    monkeypatch.setattr(rooms, "AT_START", {})
    monkeypatch.setattr(rooms, "_latest", ((), {}))
    monkeypatch.setattr(rooms, "_SETTLED", 0)
    return made


@pytest.fixture
def reads(monkeypatch):
    """The files that are read, in order."""
    found, read = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda file: found.append(file) or read(file))
    return found


def code():
    with rooms.snapshot():
        return rooms.code("papers")


def test_a_second_walk_reads_no_file_again(file, reads):
    first, second = code(), code()

    assert first == second
    assert reads == [file]


def test_a_change_that_leaves_size_and_date_is_seen_by_the_next_walk(file):
    before, stood = code(), file.stat()
    file.write_text("STEP = 2\n")
    os.utime(file, ns=(stood.st_atime_ns, stood.st_mtime_ns))

    assert file.stat().st_size == stood.st_size
    assert code() != before


def test_a_new_and_a_removed_file_are_seen_by_the_next_walk(file):
    before = code()
    other = file.with_name("other.py")
    other.write_text("")
    more = code()
    other.unlink()

    assert more != before
    assert code() == before


def test_what_files_held_when_the_process_began_is_asked_anew(file, monkeypatch):
    before = code()
    monkeypatch.setitem(rooms.AT_START, file, "another")

    assert code() != before


def test_files_that_were_just_written_are_read_by_each_walk(file, reads, monkeypatch):
    monkeypatch.setattr(rooms, "_SETTLED", 10**12)

    assert code() == code()
    assert reads == [file, file]


def test_a_file_outside_of_helpers_is_read_by_each_walk(file, tmp_path_factory):
    (file.parent / "__init__.py").touch()
    notebook = tmp_path_factory.mktemp("notebooks") / "n.py"

    def reached(text):
        notebook.write_text(text)
        with rooms.snapshot():
            return rooms.reached_from(notebook)

    assert reached("x = 1\n") == set()
    assert reached("from helpers.papers import rule\n") == {"papers"}
