import pytest
import small_project

from helpers.store import files, paths


def test_writing_leaves_the_old_file_where_it_fails(tmp_path):
    file = tmp_path / "results.csv"
    files.write_atomically(file, b"old")

    with pytest.raises(TypeError):
        files.write_atomically(file, "not bytes")

    assert [f.name for f in tmp_path.iterdir()] == ["results.csv"]
    assert file.read_bytes() == b"old"


@pytest.mark.parametrize("start", [".", "notebooks", "notebooks/ipynb", "elsewhere"])
def test_the_root_is_the_projects_wherever_one_starts(tmp_path, start):
    """As after an editable installation, which puts the project's folder on Python's path."""
    folder = paths.ROOT / start
    code = "from helpers.store import paths; print(paths.ROOT)"

    done = small_project.run(paths.ROOT, "-c", code, cwd=folder if folder.is_dir() else tmp_path)

    assert done.stdout.strip() == str(paths.ROOT), done.stderr


def test_the_root_of_a_copy_in_site_packages_is_the_folder_around_the_start(tmp_path):
    package = tmp_path / "site-packages" / "helpers"
    package.mkdir(parents=True)
    (tmp_path / "clone/notebooks/ipynb").mkdir(parents=True)
    (tmp_path / "clone/notebooks/parameters.yaml").write_text("")

    assert paths.project_root(tmp_path / "clone/notebooks/ipynb", package) == tmp_path / "clone"
    assert paths.project_root(tmp_path, package) == tmp_path


def test_the_data_folder_counts_from_the_root_and_must_be_there(monkeypatch):
    monkeypatch.setenv("XAI_DATA", "book")
    assert paths.xai_data() == paths.ROOT / "book"
    monkeypatch.setenv("XAI_DATA", "nowhere")
    with pytest.raises(FileNotFoundError, match="XAI_DATA names nowhere, which is no folder"):
        paths.xai_data()
    monkeypatch.setenv("XAI_DATA", "")
    assert paths.xai_data() is None


def test_a_file_that_is_written_can_be_read_by_all(tmp_path):
    files.write_atomically(tmp_path / "a.csv", b"x")

    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o644
