"""A notebook does and says the same by the runner, by plain Papermill and cell by cell."""

import json
import types

import jupytext
import nbformat
import papermill
import pytest
import small_project

from helpers.run import history, notebook, parameters
from helpers.store import paths

NAMES = list(parameters.notebooks())
NONE = dict.fromkeys(parameters.settings("decam")["parameters"])


@pytest.fixture
def kernel(monkeypatch):
    """A kernel without IPython: `ran` lists executed cells, `shown` what was displayed."""
    kernel = types.SimpleNamespace(ran=[], shown=[])
    monkeypatch.setattr(history, "executed", lambda: list(kernel.ran))
    monkeypatch.setattr(notebook, "display", lambda data, raw=False: kernel.shown.append(data))
    monkeypatch.setattr(notebook, "_latest", {})
    return kernel


def cell(**values):
    return "\n".join(f"{key} = {value!r}" for key, value in values.items())


def parameters_cell(kernel, namespace, **values):
    """Run the parameters cell, edited so."""
    everything = {"profile": "smoke", **NONE, **values}
    kernel.ran.append(cell(**everything))
    namespace.update(everything)


def test_what_is_not_given_is_as_the_profile_says(kernel):
    names = {}
    parameters_cell(kernel, names, profile="laptop", seed=3)

    session = notebook.begin("decam", names)

    assert names["images"] == 20
    assert names["seed"] == 3
    assert session.given == {"seed"}
    assert kernel.shown[0]["text/plain"].startswith("Profile laptop, with seed = 3.")


def test_running_begin_twice_changes_nothing(kernel):
    names = {}
    parameters_cell(kernel, names, seed=3)
    notebook.begin("decam", names)
    first = dict(names)

    session = notebook.begin("decam", names)

    assert names == first
    assert session.given == {"seed"}


def test_another_profile_set_by_hand_brings_its_own_values(kernel):
    names = {}
    parameters_cell(kernel, names, seed=3)
    notebook.begin("decam", names)
    names["profile"] = "laptop"

    notebook.begin("decam", names)

    assert (names["images"], names["seed"]) == (20, 3)


def test_a_value_given_in_the_edited_cell_wins_though_it_is_the_old_profiles(kernel):
    names = {}
    parameters_cell(kernel, names)
    notebook.begin("decam", names)
    assert names["images"] == 3
    parameters_cell(kernel, names, profile="laptop", images=3)

    notebook.begin("decam", names)

    assert names["images"] == 3


@pytest.mark.parametrize("first", ["# Parameters\n", ""])
def test_an_unknown_parameter_is_refused_before_any_work(kernel, first):
    names = {}
    parameters_cell(kernel, names)
    kernel.ran.append(f"{first}{'' if first else 'profile = 1; '}sede = 3")

    with pytest.raises(parameters.WrongParameter, match="decam has no parameter 'sede'; it has"):
        notebook.begin("decam", names)


def test_a_mistake_that_was_mended_is_forgotten(kernel):
    names = {}
    kernel.ran.append("profile = 'smoke'\nsede = 3")
    parameters_cell(kernel, names)

    assert notebook.begin("decam", names).given == set()


def test_a_wrong_parameter_is_shown_as_one_sentence(kernel):
    names = {}
    parameters_cell(kernel, names, seed="three")

    with pytest.raises(parameters.WrongParameter) as caught:
        notebook.begin("decam", names)

    shown = caught.value._render_traceback_()
    assert shown == ["WrongParameter: seed is 'three'; expected a whole number from 0 to 1000000"]


def test_the_folded_table_tells_value_origin_and_range_as_text(kernel):
    names = {}
    parameters_cell(kernel, names, seed=3)
    notebook.begin("decam", names)
    table = kernel.shown[0]["text/html"]

    assert "<td>seed</td><td>3</td><td>given</td><td>a whole number from 0 to 1000000</td>" in table
    assert "<td>images</td><td>3</td><td>profile</td><td>a whole number from 2 to 20</td>" in table


SOURCE = (
    '# %% tags=["parameters"]\nprofile = "smoke"\n\n# %%\nx = 1\n\n'
    '# %% tags=["verdict"]\nfinish\n\n# %%\nafter\n'
)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["profile = 'paper'", "# Parameters\nseed = 3", "x = 1\n", "finish"], ""),
        (["profile = 'smoke'", "x = 1", "x = 1", "finish", "after"], ""),
        (["profile = 'smoke'", "x = 2", "finish"],
         "1 cells ran that are not in n.py; 1 of its cells did not run as they stand"),
        (["profile = 'smoke'", "x = 1", "x + 1", "finish"], "1 cells ran that are not in n.py"),
        (["profile = 'smoke'", "finish"], "1 of its cells did not run as they stand"),
        ([], ""),
    ],
)  # fmt: skip
def test_edited_cells_are_noted(tmp_path, cells, says):
    (tmp_path / "n.py").write_text(SOURCE)

    assert history.edits(tmp_path / "n.py", cells) == says


@pytest.mark.parametrize("name", NAMES)
def test_papermill_tells_every_parameter_with_its_type_and_meaning(name, tmp_path):
    jupytext.write(jupytext.read(paths.NOTEBOOKS / f"{name}.py"), tmp_path / "n.ipynb")
    types = {"integer": "int", "number": "float", "string": "str", "boolean": "bool"}
    rules = parameters.settings(name)["parameters"]

    listed = papermill.inspect_notebook(str(tmp_path / "n.ipynb"))

    assert set(listed) == {"profile", *rules}
    assert all(parameter["help"] for parameter in listed.values())
    assert {k: listed[k]["inferred_type_name"] for k in rules} == {
        key: types[rule["type"]] for key, rule in rules.items()
    }
    assert {listed[key]["default"] for key in rules} == {"None"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_profile_alone_resolves_its_sizes_in_papermill(name, tmp_path):
    """Only the first cells, up to the one that settles the parameters, are run."""
    source = jupytext.read(paths.NOTEBOOKS / f"{name}.py")
    last = next(n for n, c in enumerate(source.cells) if "notebook.begin(" in c.source)
    probe = nbformat.v4.new_code_cell("import json; print(json.dumps(session.values))")
    source.cells = [*source.cells[: last + 1], probe]
    nbformat.write(source, tmp_path / "n.ipynb")

    done = small_project.run(
        paths.ROOT, "-m", "papermill", "n.ipynb", "o.ipynb", "-p", "profile", "laptop", cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    printed = nbformat.read(tmp_path / "o.ipynb", as_version=4).cells[-1].outputs[-1].text
    assert json.loads(printed) == parameters.resolve(name, "laptop", [])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return small_project.write(tmp_path_factory.mktemp("papermill"))


def texts(file):
    """All that a run shows, but for times and counts of kept parts."""
    cells = nbformat.read(file, as_version=4).cells
    data = [o.get("data", o) for cell in cells for o in cell.get("outputs", [])]
    lines = "\n".join(json.dumps(entry) for entry in data).split("\\n")
    return [line for line in lines if "Verdict" in line or "Profile" in line or "--profile" in line]


@pytest.mark.slow
def test_papermill_from_any_folder_says_what_the_runner_says(project, tmp_path):
    (tmp_path / "given.yaml").write_text("profile: laptop\nloud: true\n")
    small = project / "notebooks/ipynb/small.ipynb"
    ways = {
        "p": ["-p", "profile", "laptop", "-p", "loud", "true"],
        "y": ["-y", "{profile: laptop, loud: true}"],
        "f": ["-f", tmp_path / "given.yaml"],
        "r": ["-r", "profile", "laptop", "-r", "loud", "True"],
    }
    for way, words in ways.items():
        done = small_project.run(
            project, "-m", "papermill", small, tmp_path / f"{way}.ipynb", *words, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    done = small_project.run(
        project, "-m", "helpers.run", "small", "--profile", "laptop", "-p", "loud", "true",
        "--output", tmp_path / "run.ipynb",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    told = {way: texts(tmp_path / f"{way}.ipynb") for way in ways}
    for way, lines in told.items():
        assert any("Profile laptop, with loud = True." in line for line in lines), way
        command = "python -m helpers.run small --profile laptop -p loud true"
        assert any(command in line for line in lines), way
        assert any("The sum is 10." in line for line in lines), way
        assert "edited" not in "".join(lines), way


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-p", "sede", "3"], "small has no parameter 'sede'"),
        (["-p", "seed", "three"], "seed is 'three'; expected a whole number from 0 to 9"),
        (["-p", "profile", "huge"], "there is no profile 'huge'"),
    ],
)
def test_papermill_refuses_what_the_runner_refuses_in_a_sentence(project, tmp_path, words, says):
    small = project / "notebooks/ipynb/small.ipynb"

    done = small_project.run(
        project, "-m", "papermill", small, tmp_path / "o.ipynb", *words, cwd=tmp_path
    )

    assert done.returncode == 1
    assert f"WrongParameter: {says}" in done.stderr
    assert "helpers/run" not in done.stderr  # no traceback of ours
