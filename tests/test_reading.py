"""Files from outside are read by one way, which believes nothing that is damaged."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
import time

import pytest
import torch

from helpers.store import files, paths, reading, yaml_files

TABLE = b"key,value\na,1\nb,2\n"


def read(file):
    """The rows of the table above, by the strictest reading."""
    table = reading.table(file, ["key", "value"], key=["key"], numbers=["value"])
    return table.to_dict("list")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "t.csv"


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        b"\xef\xbb\xbf" + TABLE,
        TABLE.replace(b"\n", b"\r\n"),
        TABLE.replace(b"\n", b"\r"),
        TABLE[:-1],
        TABLE.replace(b"\n", b"\n\n"),
        b"key,value,more\na,1,x\nb,2,y\n",
    ],
)
def test_marks_line_ends_and_further_columns_change_nothing(file, content):
    file.write_bytes(content)

    table = read(file)

    assert table["key"] == ["a", "b"]
    assert table["value"] == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Log in</html>", "is a web page, as a network's login page"),
        (b" \n<HTML>", "is a web page"),
        (TABLE[:-3], "row 3, has 1 cells; expected 2"),
        (TABLE.replace(b"b", b"a"), "holds the key 'a' twice"),
        (TABLE.replace(b"value", b"worth"), "lacks the column 'value'"),
        (b"key,value,value\na,1,1\n", "has the column 'value' 2 times"),
        (b"key,value\na,1,9\nb,2,9\n", "row 2, has 3 cells; expected 2"),
        (TABLE.replace(b"2", b"nan"), "row 3: value is 'nan'; expected a finite number"),
        (TABLE.replace(b"2", b"inf"), "row 3: value is 'inf'"),
        (TABLE.replace(b"2", b""), "row 3: value is ''"),
        (TABLE.replace(b"2", b"two"), "row 3: value is 'two'"),
        (TABLE + b"\0\0", "null bytes"),
        (TABLE + b"\xff", "no text in UTF-8"),
        (TABLE.decode().encode("utf-16"), "no text in UTF-8"),
    ],
)
def test_a_damaged_table_is_named_with_what_came_and_how_to_mend_it(file, content, says):
    file.write_bytes(content)

    with pytest.raises(reading.Damaged, match=says) as caught:
        read(file)

    assert "t.csv" in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(file):
    with pytest.raises(FileNotFoundError, match=r"there is no .*/t\.csv"):
        read(file)
    file.mkdir()
    with pytest.raises(reading.Damaged, match=r"t\.csv is a folder; expected a file"):
        read(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1', "no whole JSON"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"b": {"a": 1, "a": 2}}', "the key 'a' stands twice"),
        (b"", "is empty"),
        (b"<html>", "web page"),
    ],
)
def test_damaged_json_is_named(tmp_path, content, says):
    (tmp_path / "c.json").write_bytes(content)

    with pytest.raises(reading.Damaged, match=rf"c\.json.*{says}"):
        reading.json_of(tmp_path / "c.json")


def test_json_is_read_with_or_without_a_mark(tmp_path):
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "c.json").write_bytes(mark + b'{"a": [1]}')
        assert reading.json_of(tmp_path / "c.json") == {"a": [1]}


def test_an_object_has_the_keys_that_are_asked_for(tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"a": 1}')

    assert reading.object_of(file, "a") == {"a": 1}
    with pytest.raises(reading.Damaged, match=r"c\.json lacks 'b'"):
        reading.object_of(file, "a", "b")
    file.write_text("null")
    with pytest.raises(reading.Damaged, match=r"c\.json holds NoneType, no object"):
        reading.object_of(file, "a")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: 1\nb: {c: 2, c: 3}\n", "the key 'c' stands twice"),
        (b"a: 1\na: 2\n", "the key 'a' stands twice"),
        (b"a: [1, 2\n", "cannot be read as YAML"),
        (b"a: 2026-13-01\n", r"cannot be read as YAML \(month"),
        (b"a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        (b"- 1\n", "holds list; expected dict"),
        (b"a: b\n", "holds str; expected a table"),
        (b"a: 1\xff\n", "no text in UTF-8"),
        (b"a: {b: 1}\n\0", "null bytes"),
        (b"", "is empty"),
        (b"<html>", "web page"),
    ],
)
def test_damaged_yaml_is_named_on_one_line(tmp_path, content, says):
    (tmp_path / "s.yaml").write_bytes(content)

    with pytest.raises(reading.Damaged, match=rf"s\.yaml.*{says}") as told:
        yaml_files.tables(tmp_path / "s.yaml")

    assert "\n" not in str(told.value)


def test_yaml_is_read_as_tables_and_one_without_content_as_none(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_bytes("\ufeffa: {b: 1}\r\nc:\r\n".encode())

    assert yaml_files.tables(file) == {"a": {"b": 1}, "c": {}}
    file.write_text("# nothing\n")
    assert yaml_files.held_by(file, list) == []
    assert yaml_files.tables(tmp_path / "none.yaml") == {}


def test_how_to_mend_follows_from_where_a_file_lies(tmp_path):
    assert reading.mend(paths.CACHE / "a") == "delete it, and it is made again"
    assert reading.mend(paths.RESULTS / "a.csv") == "restore it: git checkout -- data/results/a.csv"
    for name in ("smoke/decam.csv", "kills.json"):
        assert reading.mend(paths.DATA / name) == f"restore it: git checkout -- data/{name}"
    assert reading.mend(tmp_path / "a") == "fetch it again"


def test_a_folder_with_checksums_holds_no_other_file_and_no_altered_one(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    line = f"{hashlib.sha256(b'a').hexdigest()}  a\n"
    (tmp_path / "SHA256SUMS").write_text(line)

    assert reading.content(tmp_path / "a") == b"a"
    with pytest.raises(reading.Damaged, match="b is not in SHA256SUMS"):
        reading.content(tmp_path / "b")
    (tmp_path / "a").write_bytes(b"c")
    with pytest.raises(reading.Damaged, match="a has SHA-256"):
        reading.content(tmp_path / "a")
    (tmp_path / "SHA256SUMS").write_text(line[:-5])
    with pytest.raises(reading.Damaged, match="SHA256SUMS has the line"):
        reading.content(tmp_path / "a")


def test_every_committed_model_and_its_description_have_a_checksum_that_holds():
    found = {file.name for file in paths.MODELS.iterdir()} - {reading.SUMS}

    assert found == set(reading.sums(paths.MODELS))
    for name in found:
        reading.content(paths.MODELS / name)


RESULT = ["key", "arm", "value", "low", "high", "n"]


@pytest.mark.parametrize(
    "file",
    [
        file
        for folder in (paths.RESULTS, paths.DATA / "smoke")
        for file in sorted(folder.glob("*.csv"))
        if "-" not in file.stem and file.stem not in ("scorecard", "processors")
    ],
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_committed_numbers_are_measured_once_of_a_known_arm_and_lie_in_their_interval(file):
    table = reading.table(file, RESULT, key=["key", "arm"], numbers=["n"])

    assert set(table.arm) <= {"A", "B"}
    assert (table.n == table.n.round()).all()
    assert (table.n >= 0).all()
    observed = table[table.n > 0]
    assert observed[["value", "low", "high"]].notna().all(axis=None)
    assert (observed.low <= observed.value).all()
    assert (observed.value <= observed.high).all()
    assert table[table.n == 0].value.isna().all()


@pytest.mark.parametrize("file", sorted(paths.REPORTED.glob("*.csv")), ids=lambda file: file.name)
def test_committed_claims_have_one_key_each_and_no_tolerance_that_holds_anything(file):
    table = reading.table(file, ["key", "tolerance", "tolerance_b"], key=["key"])

    for column in ("tolerance", "tolerance_b"):
        given = table[column].dropna()
        assert ((given >= 0) & (given < float("inf"))).all()


# --- writing ---


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    files.write_atomically(file, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.Path, "replace", full)
    with pytest.raises(files.CannotWrite, match=r"a\.txt cannot be written: No space left") as told:
        files.write_atomically(file, b"new")

    assert told.value.errno == errno.ENOSPC
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a.txt", b"old")]
    assert told.value._render_traceback_() == [f"CannotWrite: {told.value}"]


def test_a_file_reaches_the_disk_before_its_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    order, real = [], files.Path.replace

    def synced(number):
        order.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")

    def renamed(self, target):
        order.append("name")
        return real(self, target)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.Path, "replace", renamed)

    files.write_atomically(tmp_path / "a.txt", b"content")

    assert order == ["file", "name", "folder"]


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    def synced(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(files.os, "fsync", synced)

    files.write_atomically(tmp_path / "a.txt", b"content")

    assert (tmp_path / "a.txt").read_bytes() == b"content"


def test_tensors_under_another_name_are_named(tmp_path):
    """A part that was copied over another one has a checksum that holds."""
    files.write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(2)})
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes())

    with pytest.raises(reading.Damaged, match=r"b\.safetensors holds what belongs to a\.safe"):
        files.read_tensors(tmp_path / "b.safetensors")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")  # noqa: PTH110
def test_a_small_file_on_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    """The error of a small write comes when the file is closed."""
    opened = files.tempfile.NamedTemporaryFile

    def on_full(**more):
        made = opened(**more)
        os.dup2(os.open("/dev/full", os.O_WRONLY), made.fileno())
        return made

    monkeypatch.setattr(files.tempfile, "NamedTemporaryFile", on_full)
    with pytest.raises(files.CannotWrite, match="No space left"):
        files.write_atomically(tmp_path / "a.txt", b"small")

    assert not list(tmp_path.iterdir())


def test_links_and_rights_stay_and_devices_are_refused(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)

    files.write_atomically(link, b"new")

    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new", 0o600)
    for wrong in ("/dev/null", tmp_path):
        with pytest.raises(files.CannotWrite, match="give the name of a file"):
            files.write_atomically(files.Path(wrong), b"new")


KILLED = """
import os, signal, sys
from pathlib import Path
from helpers.store import files
files.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomically(Path(sys.argv[1]), b"x" * 10)
"""


def test_what_a_killed_process_left_goes_at_the_next_start_and_what_is_written_now_stays(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "sub" / "a"], cwd=paths.ROOT)
    (left,) = (tmp_path / "sub").iterdir()
    mine = tmp_path / f"a.{files._machine()}.{os.getpid()}.xyz.tmp"
    elsewhere = tmp_path / "a.elsewhere.1.xyz.tmp"
    old = tmp_path / "b.elsewhere.1.xyz.tmp"
    users = tmp_path / "notes.tmp"
    for file in (mine, elsewhere, old, users):
        file.write_text("x")
    os.utime(old, (time.time() - 2 * files.FORGOTTEN,) * 2)

    gone = files.clear_unfinished(tmp_path)

    assert sorted(gone) == sorted([left, old])
    assert {file.name for file in tmp_path.glob("*.tmp")} == {mine.name, elsewhere.name, users.name}
