import ast

import pytest
import yaml

from helpers.run import parameters
from helpers.store import paths

# A module may import those above it, never those below: low ones know nothing of high ones.
LAYERS = [
    {"paths"},
    {"data", "lrp", "attacks", "metrics", "stats", "claims", "boxes", "evolve"},
    {"models", "plots", "cams", "corruptions", "faces"},
    {"training", "provenance", "methods", "pages", "trials"},
    {"own"},
    {"book", "run"},
]


def imports(file):
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            names |= {alias.name for alias in node.names}
    return names


def test_every_helper_has_its_layer():
    modules = {file.stem for file in paths.HELPERS.glob("*.py")} - {"__init__"}

    assert modules == set().union(*LAYERS)


@pytest.mark.parametrize("level", range(len(LAYERS)))
def test_helpers_import_only_downwards(level):
    below = set().union(*LAYERS[:level])

    for module in LAYERS[level]:
        assert imports(paths.HELPERS / f"{module}.py") <= below, module


def test_plots_know_arrays_and_tables_only():
    source = (paths.HELPERS / "plots.py").read_text()

    assert "torch" not in source


@pytest.mark.parametrize("name", yaml.safe_load(parameters.SETTINGS.read_text()))
def test_every_profile_sets_every_parameter_and_the_notebook_defaults_to_smoke(name):
    chosen = parameters.settings(name)
    tree = ast.parse((paths.NOTEBOOKS / f"{name}.py").read_text())
    literals = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }

    assert list(chosen["profiles"]) == list(parameters.PROFILES)
    for values in chosen["profiles"].values():
        assert set(values) == set(chosen["parameters"])
    smoke = chosen["profiles"]["smoke"]
    assert {key: literals[key] for key in smoke} == smoke
