"""The three lists of packages are one: pip's, the project's and conda's."""

import ast
import importlib.metadata
import sys
import tomllib

import pytest
import setuptools
import small_project
import yaml

from helpers.store import paths


def pip():
    lines = (paths.ROOT / "requirements.txt").read_text().splitlines()
    return sorted(line for line in lines if line and not line.startswith("#"))


def project():
    return sorted(
        tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    )


def conda():
    listed = yaml.safe_load((paths.ROOT / "environment.yml").read_text())["dependencies"]
    return sorted(next(entry["pip"] for entry in listed if isinstance(entry, dict)))


def test_pip_and_project_name_the_same_packages_and_versions():
    assert pip() == project()


def test_pip_and_conda_name_the_same_packages_and_versions():
    assert pip() == conda()


def test_every_package_has_one_exact_version():
    assert [line for line in pip() if line.count("==") != 1] == []


@pytest.mark.parametrize("line", pip())
def test_installed_version_is_the_pinned_one(line):
    name, version = line.split("==")

    assert importlib.metadata.version(name).split("+")[0] == version


# What needs no pin: Python itself, ours, and what builds packages.
STANDARD = (
    {"setuptools"}
    | sys.stdlib_module_names
    | {"helpers"}
    | {f.stem for f in (paths.ROOT / "tests").glob("*.py")}
    | {f.parent.name for f in (paths.ROOT / "tests").glob("*/__init__.py")}
)
DISTRIBUTIONS = {  # where the package's name is not the module's
    "PIL": "pillow", "yaml": "pyyaml", "IPython": "ipython", "sklearn": "scikit-learn",
    "skimage": "scikit-image", "pytorch_grad_cam": "grad-cam", "websocket": "websocket-client",
    "vl_convert": "vl-convert-python", "bs4": "beautifulsoup4",
}  # fmt: skip


def imported_packages(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_every_package_that_is_imported_is_declared():
    declared = {line.split("==")[0].replace("-", "_") for line in pip()}
    sources = [
        f for room in ("helpers", "notebooks", "tests") for f in (paths.ROOT / room).rglob("*.py")
    ]
    used = {(name, file.name) for file in sources for name in imported_packages(file)}

    names = {
        (DISTRIBUTIONS.get(n, n).replace("-", "_"), file) for n, file in used if n not in STANDARD
    }
    assert {(name, file) for name, file in names if name not in declared} == set()


def test_the_pins_hold_every_package_that_is_declared():
    pins = (paths.ROOT / "constraints.txt").read_text().splitlines()

    assert [line for line in pip() if line not in pins] == []


def test_the_project_is_installed_with_all_rooms_and_nothing_else():
    setup = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

    found = setuptools.find_packages(paths.ROOT, include=setup["packages"]["find"]["include"])
    rooms = {f.parent.relative_to(paths.ROOT).as_posix().replace("/", ".")
             for f in paths.HELPERS.rglob("*.py")}  # fmt: skip
    assert set(found) == rooms


def test_charts_do_not_compile_the_grammar_of_links_and_a_user_may_still_import_it():
    code = (
        "import sys, helpers.report.theme; print('rfc3987_syntax' in sys.modules); "
        "import jsonschema, rfc3987_syntax; print(rfc3987_syntax.is_valid_syntax('iri', 'a:b'))"
    )

    done = small_project.run(paths.ROOT, "-c", code)

    assert done.stdout.split() == ["False", "True"], done.stderr
