import pytest

from helpers import paths


def test_writing_leaves_the_old_file_where_it_fails(tmp_path):
    file = tmp_path / "results.csv"
    paths.write_atomically(file, b"old")

    with pytest.raises(TypeError):
        paths.write_atomically(file, "not bytes")

    assert [f.name for f in tmp_path.iterdir()] == ["results.csv"]
    assert file.read_bytes() == b"old"
