"""A project like ours with one small notebook, in a folder with a space in its name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext

from helpers.store import paths

SMALL = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small notebook
#
# It adds.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper
seed: int = None  # of nothing
count: int = None  # how many are added
text: str = None  # that is printed
loud: bool = None  # whether it is printed in capitals

# %%
from helpers.run import notebook

session = notebook.begin("small", globals())

# %% [markdown]
# ## Sum

# %%
import os
import warnings

import torch

from helpers.report import claims
from helpers.store import cache

warnings.warn("in a file of this machine", stacklevel=1)


def summed(count):
    return {"sum": torch.arange(count).sum()}


total = cache.kept("small/sum", summed, count)["sum"].item()
measured = claims.Measurements()
print("MALLOC", [value for key, value in sorted(os.environ.items()) if key.startswith("MALLOC_")])

# %%
measured["sum"] = [claims.measurement("sum", "B", total, total, total, count)]
print(text.upper() if loud else text)

# %% tags=["verdict"]
notebook.finish(
    session,
    measured.table(),
    [f"The sum is {total}."],
    finding=f"It adds up to {total}.",
    files={"-more.csv": "a,b"},
)

# %%
print("after the verdict")
"""
SETTINGS = """\
small:
  parameters:
    seed: {type: integer, minimum: 0, maximum: 9, description: of nothing}
    count: {type: integer, minimum: 1, maximum: 1000, description: how many are added}
    text: {type: string, description: that is printed}
    loud: {type: boolean, description: whether it is printed in capitals}
  profiles:
    smoke: {seed: 0, count: 3, text: small, loud: false}
    laptop: {seed: 0, count: 5, text: larger, loud: false}
    paper: {seed: 0, count: 9, text: largest, loud: true}
"""
CLAIMS = """\
key,group,says,where,unit,reported,tolerance,tolerance_b,reason
sum,Sums,the sum,Table 1,,3,,0,exact
"""


def write(folder: Path, **changes: str) -> Path:
    """The project's root, with texts of the notebook replaced: old text by new text."""
    root = folder / "a project"
    shutil.copytree(paths.HELPERS, root / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "notebooks/ipynb").mkdir(parents=True)
    (root / "data/reported").mkdir(parents=True)
    (root / "notebooks/small.py").write_text(SMALL)
    (root / "notebooks/parameters.yaml").write_text(SETTINGS)
    (root / "data/reported/small.csv").write_text(CLAIMS)
    jupytext.write(jupytext.reads(SMALL, fmt="py:percent"), root / "notebooks/ipynb/small.ipynb")
    return root


def run(
    root: Path, *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Run Python in the project, as one does where it is installed."""
    everything = {**os.environ, "PYTHONPATH": str(root), **environment}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd or root, env=everything, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
