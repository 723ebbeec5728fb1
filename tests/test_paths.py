import pytest

from helpers.store import files


def test_writing_leaves_the_old_file_where_it_fails(tmp_path):
    file = tmp_path / "results.csv"
    files.write_atomically(file, b"old")

    with pytest.raises(TypeError):
        files.write_atomically(file, "not bytes")

    assert [f.name for f in tmp_path.iterdir()] == ["results.csv"]
    assert file.read_bytes() == b"old"
