"""The three lists of packages are one: pip's, the project's and conda's."""

import importlib.metadata
import tomllib

import pytest
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
