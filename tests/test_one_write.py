"""The runner's engine of Papermill writes the notebook at the end, whole or as far as it came."""

import nbformat
import papermill
import pytest
from papermill import engines, iorw
from papermill.exceptions import PapermillExecutionError

from helpers.run import one_write


@pytest.fixture
def written(monkeypatch):
    """The number of times that a notebook was written while it ran."""
    count = []
    write = iorw.write_ipynb
    monkeypatch.setattr(engines, "write_ipynb", lambda *given: count.append(1) or write(*given))
    return count


def notebook(folder, *cells):
    file = folder / "in.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)]), file)
    return file


def run(folder, *cells, engine=one_write.NAME):
    papermill.execute_notebook(
        notebook(folder, *cells), folder / "out.ipynb", kernel_name="python3", language="python",
        engine_name=engine, progress_bar=False,
    )  # fmt: skip


@pytest.mark.parametrize(("engine", "times"), [(one_write.NAME, 2), (None, 6)])
def test_two_cells_are_written_before_and_after_not_each(tmp_path, written, engine, times):
    run(tmp_path, "1 + 1", "2 + 2", engine=engine)

    assert len(written) == times


def test_outputs_are_those_of_papermills_own_engine(tmp_path):
    made = []
    for engine in (one_write.NAME, None):
        run(tmp_path, "print(1)", "2 + 2", engine=engine)
        made.append([c.outputs for c in nbformat.read(tmp_path / "out.ipynb", 4).cells])

    assert made[0] == made[1]


def test_a_run_that_breaks_off_leaves_what_was_executed(tmp_path):
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        run(tmp_path, "print('before')", "1 / 0", "print('after')")

    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    texts = [o.get("text", "") for cell in cells for o in cell.get("outputs", [])]
    assert "before\n" in texts
    assert "after\n" not in texts
