import json
import re

import jupytext
import nbformat
import pandas as pd
import pytest

from helpers.report import claims, leaderboard, readme, registration
from helpers.run import carry, execute, origin, parameters
from helpers.store import paths
from helpers.trials import battery
from helpers.trials import matrix as trials_matrix

NAMES = list(parameters.notebooks())
COMMITTED = [name for name in NAMES if (paths.RUNS / f"{name}.ipynb").exists()]


@pytest.fixture(scope="session", params=NAMES)
def smoke(request, tmp_path_factory):
    """Each notebook, run small; with two threads, as sums in another order have other roundings."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        patch.setenv(paths.ALONE, "1")
        execute.execute(name, parameters.resolve(name, "smoke", []), folder / f"{name}.ipynb")
    return name, folder


@pytest.mark.slow
def test_notebook_runs_small(smoke):
    name, folder = smoke
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)

    made = notebook.metadata.provenance
    assert made.profile == "smoke"
    assert made.command == f"python -m helpers.run {name} --profile smoke"
    assert made.finding
    assert "edited" not in made
    assert "Run card: profile smoke" in str(notebook.cells)


@pytest.mark.slow
def test_smoke_run_measures_claims_with_intervals_that_hold_the_value(smoke):
    name, folder = smoke
    measured = pd.read_csv(folder / f"{name}.csv")

    known = {*claims.reported(name).index, *registration.withdrawn(name)}
    assert len(measured) > 3
    assert set(measured.key) <= known
    assert ((measured.low <= measured.value) & (measured.value <= measured.high)).all()
    assert (measured.n > 0).all()


@pytest.mark.slow
def test_smoke_run_gives_the_values_that_stand_in_the_repository(smoke):
    name, folder = smoke

    known, made = carry.values(name), pd.read_csv(folder / f"{name}.csv")

    count, changed = carry.differences(known, made)
    if carry.made_on(name) != carry.processor():  # which rounds otherwise
        changed = carry.apart(known, made)

    assert count >= 3
    assert not changed, (
        f"if these numbers of {name} are meant to change, say so in CHANGES.md, and write them: "
        f"python -m helpers.run {name} --carry --because ..."
    )


@pytest.mark.slow
def test_outputs_of_a_run_are_small(smoke):
    name, folder = smoke

    assert (folder / f"{name}.ipynb").stat().st_size < 3_000_000


SOMEBODYS = """
import torch
from torch import nn


class Branching(nn.Module):  # on its input, so that LRP's five rows must be gaps
    def __init__(self):
        super().__init__()
        self.maps, self.act = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()
        self.head = nn.Linear(128, 10)

    def forward(self, images):
        maps = self.maps(images) if images.sum() > 0 else self.maps(-images)
        return self.head(nn.functional.adaptive_avg_pool2d(self.act(maps), 4).flatten(1))


def network():
    torch.manual_seed(0)
    return Branching()


def explain(model, images, classes):
    return images.mean(1)
"""


@pytest.mark.slow
def test_a_method_and_a_network_that_nobody_knows_go_through_all_tests(tmp_path, monkeypatch):
    (tmp_path / "somebodys.py").write_text(SOMEBODYS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # of the kernel
    monkeypatch.syspath_prepend(tmp_path)  # of this process, which looks before it starts
    given = [("method", "somebodys:explain"), ("model", "somebodys:network"), ("side", "64")]
    given.append(("attack_size", "0.05"))  # else this network never changes its mind
    name = "cross_examination"

    execute.execute(name, parameters.resolve(name, "smoke", given), tmp_path / f"{name}.ipynb")

    matrix = leaderboard.matrix(tmp_path)
    yours = matrix[(matrix.method == "Yours") & matrix.decides].set_index("test")
    assert len(yours) == 7
    assert not yours.gap.any()
    assert (yours.n > 0).all()
    assert (yours.low <= yours.value).all()
    assert (yours.value <= yours.high).all()
    same = matrix[(matrix.method == "brightness") & matrix.decides].set_index("test").value
    assert yours.value.drop("cost").tolist() == same[yours.index].drop("cost").tolist()

    gaps = matrix[matrix.gap != ""]
    constant = gaps.gap.isin([battery.ALL_CONSTANT, trials_matrix.NO_IMAGE])
    assert set(gaps[constant].kind) <= {"black box"}  # this network is nearly blind to superpixels
    gaps = gaps[~constant]
    assert set(gaps.kind) == {"relevance"}
    assert len(gaps) == 5 * 7
    assert gaps.gap.str.startswith("Branching cannot be traced").all()
    assert "LRP-0" in leaderboard.leaderboard_page(matrix, {})


@pytest.mark.parametrize("name", NAMES)
def test_notebook_survives_the_way_to_ipynb_and_back(name):
    text = (paths.NOTEBOOKS / f"{name}.py").read_text()
    notebook = jupytext.reads(text, fmt="py:percent")

    again = jupytext.reads(jupytext.writes(notebook, fmt="ipynb"), fmt="ipynb")

    assert [c.source for c in again.cells] == [c.source for c in notebook.cells]


@pytest.mark.parametrize("name", COMMITTED)
def test_links_lead_to_pages_from_wherever_the_run_is_put(name):
    text = (paths.NOTEBOOKS / f"{name}.py").read_text()

    links = re.findall(r"\]\(([^)]+\.(?:md|ipynb))\)", text)
    assert all(link.startswith("/") and (paths.ROOT / link[1:]).exists() for link in links), links


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_run_was_made_by_this_code(name):
    made = claims.run_card(name)
    shown = json.loads((paths.RUNS / f"{name}.ipynb").read_text())["metadata"]["provenance"]

    assert shown == made
    assert "edited" not in made
    fitting = {made["digest"], made.get("carried", {}).get("digest")}
    assert origin.notebook_digest(name, made["parameters"]) in fitting, (
        f"the code changed since the committed run of {name}; run again: {made['command']}; or, if "
        f"no number may have changed: python -m helpers.run {name} --carry"
    )


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_page_shows_no_error_and_stays_small(name):
    file = paths.RUNS / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)

    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert "site-packages" not in str(outputs)  # a path of the machine that made it
    assert file.stat().st_size < 3_000_000


def test_readme_shows_a_picture_of_the_committed_run():
    name = readme.PICTURED
    shown = readme.picture(json.loads((paths.RUNS / f"{name}.ipynb").read_text()))

    assert (paths.BOOK / "images" / f"{name}.png").read_bytes() == shown
