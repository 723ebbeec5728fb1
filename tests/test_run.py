import subprocess
import sys

import nbformat
import pytest

from helpers.run import __main__, execute, parameters
from helpers.store import paths

NAME = "lrp_adversarial"


def test_given_parameters_replace_the_profiles():
    values = parameters.resolve(NAME, "laptop", [("seed", "3")])

    assert values["seed"] == 3
    assert values["profile"] == "laptop"
    assert values["arm_a_groups"] == 50


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("sede", "3"), "no parameter 'sede'; it has: seed"),
        (("seed", "three"), "seed is 'three'; expected a whole number from 0 to 1000000"),
        (("seed", "0.5"), "expected a whole number"),
        (("arm_a_groups", "51"), "arm_a_groups is 51; expected a whole number from 0 to 50"),
        (("download", "perhaps"), "expected true or false"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(given, says):
    with pytest.raises(parameters.WrongParameter, match=says):
        parameters.resolve(NAME, "smoke", [given])


def test_an_unknown_notebook_or_profile_is_named():
    with pytest.raises(parameters.WrongParameter, match="no notebook 'nothing'"):
        parameters.resolve("nothing", "smoke", [])
    with pytest.raises(parameters.WrongParameter, match="no profile 'huge'"):
        parameters.resolve(NAME, "huge", [])


def test_command_line_refuses_with_exit_code_2_and_writes_nothing(tmp_path):
    command = [sys.executable, "-m", "helpers.run", NAME, "-p", "seed", "-1"]

    done = subprocess.run(
        [*command, "--output", tmp_path / "o"], cwd=paths.ROOT, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert "seed is -1; expected a whole number from 0 to 1000000" in done.stderr
    assert not list(tmp_path.iterdir())


def test_parameters_are_checked_before_anything_slow_is_imported():
    code = (
        "import sys; from helpers import run; run.main(['lrp_adversarial', '-p', 'seed', '-1']); "
        "print(sorted({'torch', 'papermill', 'pandas'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    assert __main__.main([NAME, "--output", str(tmp_path)]) == 2


def write_run(file, profile):
    notebook = nbformat.v4.new_notebook(metadata={"provenance": {"profile": profile}})
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, file)


def test_a_smaller_run_never_replaces_a_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "BOOK", tmp_path)
    file = tmp_path / "runs" / f"{NAME}.ipynb"
    assert execute.target(NAME, "smoke", None) == file

    write_run(file, "laptop")

    assert execute.target(NAME, "smoke", None) == tmp_path / "_made/smoke" / file.name
    assert execute.target(NAME, "laptop", None) == file
    assert execute.target(NAME, "paper", None) == file
    assert execute.target(NAME, "smoke", file) == file  # asked for by name


def a_notebook(tmp_path, monkeypatch, code):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(paths, "FAILED", tmp_path / "failed")
    text = f'# %% [markdown]\n# # Title\n\n# %% tags=["parameters"]\nx = 1\n\n# %%\n{code}\n'
    (tmp_path / "small.py").write_text(text + '\n# %% tags=["verdict"]\nprint("the verdict", x)\n')
    settings = {"parameters": {"x": {"type": "int", "low": 0, "high": 9}}}
    settings["profiles"] = {name: {"x": 1} for name in parameters.PROFILES}
    monkeypatch.setattr(parameters, "settings", lambda name: settings)


def test_a_run_is_whole_and_carries_its_card_and_results(tmp_path, monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "7")  # what is set already stays
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    code = (
        "import os, warnings\nimport pandas as pd\nfrom helpers import claims\n"
        "warnings.warn('in a file of this machine')\n"
        "print([value for key, value in sorted(os.environ.items()) if key.startswith('MALLOC_')])\n"
        "measured = pd.DataFrame([claims.measurement('k', 'B', 2, 1, 3, 9)])\n"
        "claims.publish(measured, {'-more.csv': 'a,b'})"
    )
    a_notebook(tmp_path, monkeypatch, code)
    file = tmp_path / "out" / "small.ipynb"

    execute.execute("small", {"profile": "smoke", "x": 7}, file)

    notebook = nbformat.read(file, as_version=4)
    card = notebook.metadata.provenance
    assert card.parameters.x == 7
    assert card.command == "python -m helpers.run small --profile smoke -p x 7"
    assert len(card.digest) == 16
    assert "papermill" not in notebook.metadata
    assert notebook.cells[1].outputs[0].text == "the verdict 7\n"  # moved below the title
    assert "Run card" in notebook.cells[2].source
    assert "['4294967296', '7']" in [
        o.text.strip() for o in notebook.cells[-1].outputs if "text" in o
    ]
    assert "k,B,2.0,1.0,3.0,9" in (tmp_path / "out/small.csv").read_text()
    assert (tmp_path / "out/small-more.csv").read_text() == "a,b"
    assert card.digest in (tmp_path / "out/small.json").read_text()
    assert "results+json" not in file.read_text()
    assert not [o for o in notebook.cells[-1].outputs if o.get("name") == "stderr"]


def test_a_failed_run_is_kept_elsewhere_and_the_old_one_stays(tmp_path, monkeypatch):
    a_notebook(tmp_path, monkeypatch, "1 / 0")
    file = tmp_path / "out" / "small.ipynb"
    write_run(file, "paper")
    before = file.read_bytes()

    with pytest.raises(RuntimeError, match="broken run is kept in"):
        execute.execute("small", {"profile": "smoke", "x": 1}, file)

    assert file.read_bytes() == before
    assert "ZeroDivisionError" in (tmp_path / "failed/small.ipynb").read_text()


def test_a_run_that_was_killed_or_ran_out_of_time_is_not_whole():
    cell = nbformat.v4.new_code_cell("1")
    cell.metadata["papermill"] = {"status": "completed"}
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert "broke off" in execute.unfinished(notebook)  # killed: no end

    notebook.metadata["papermill"] = {"exception": None, "end_time": "now"}
    assert execute.unfinished(notebook) == ""
    cell.outputs = [nbformat.v4.new_output("error", ename="KeyboardInterrupt", evalue="")]
    assert "ended in an error" in execute.unfinished(
        notebook
    )  # out of time: completed, with an error
    cell.metadata["papermill"]["status"] = "pending"
    assert "was not run" in execute.unfinished(notebook)
