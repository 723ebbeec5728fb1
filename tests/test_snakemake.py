"""The grid by Snakemake, where it is installed: here, and on a toy cluster that takes real jobs.

A script stands in for ``python -m helpers.run``, whose runs take too long; what it says and does is
checked against the real one in test_matrix.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_cluster
import yaml

from helpers.store import paths

WORKFLOW = paths.HELPERS / "run/workflow"
SNAKEMAKE = os.environ.get("SNAKEMAKE") or shutil.which("snakemake")
STAND_IN = f"""#!{sys.executable} -S
import json, os, pathlib, sys, time
words = dict(zip(sys.argv[1:], [*sys.argv[2:], ""]))
state = pathlib.Path("data/cache/matrix")
needs = {{"laptop/a": [], "laptop/b": [], "laptop/whole": ["laptop/a", "laptop/b"]}}
if "--plan" in words:
    rows = [
        {{"name": name, "stamp": str(state / (name + ".0123456789abcdef.fresh")), "needs": first}}
        for name, first in needs.items()
    ]
    pathlib.Path(words["--plan"]).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(words["--plan"]).write_text(json.dumps(rows))
elif "--cell" in words:
    time.sleep(0.3)
    with open("ran", "a") as file:
        print(words["--cell"], os.environ.get("CUDA_VISIBLE_DEVICES"), file=file)
    sys.exit(pathlib.Path("unlucky").exists() and words["--cell"] == "laptop/b")
elif "--seeds" in words:
    pathlib.Path("seeds").touch()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SNAKEMAKE, reason="Snakemake is an optional extra: `pip install .[matrix]`"
    ),
]


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "a project"
    shutil.copytree(WORKFLOW, root / "helpers/run/workflow")
    (root / "stand_in").write_text(STAND_IN)
    (root / "stand_in").chmod(0o755)
    return root


def snakemake(root, *words, **environment):
    program = [SNAKEMAKE, "--snakefile", "helpers/run/workflow/Snakefile", *words]
    python = ["--config", "python=./stand_in"]
    return subprocess.run(
        [*program, *python], cwd=root, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def ran(root):
    return [line.split()[0] for line in (root / "ran").read_text().splitlines()]


def test_missing_runs_are_run_merges_last_and_a_second_call_runs_none(project):
    first = snakemake(project, "--cores", "2")
    after_first = ran(project)
    second = snakemake(project, "--cores", "2")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert sorted(after_first) == ["laptop/a", "laptop/b", "laptop/whole"]
    assert after_first[-1] == "laptop/whole"
    assert ran(project) == after_first
    assert (project / "seeds").exists()


def test_seeds_are_pooled_by_the_next_call_where_another_process_finished_the_last_run(project):
    state = project / "data/cache/matrix"
    state.mkdir(parents=True)
    for name in ("a", "b", "whole"):
        (state / "laptop").mkdir(exist_ok=True)
        (state / f"laptop/{name}.0123456789abcdef.fresh").touch()

    done = snakemake(project, "--cores", "1")

    assert done.returncode == 0, done.stderr
    assert not (project / "ran").exists()
    assert (project / "seeds").exists()


def test_a_failed_run_leaves_the_others_and_only_what_failed_runs_next_time(project):
    (project / "unlucky").touch()
    assert snakemake(project, "--cores", "1").returncode == 1
    assert sorted(ran(project)) == ["laptop/a", "laptop/b"]
    (project / "unlucky").unlink()

    assert snakemake(project, "--cores", "1").returncode == 0

    assert sorted(ran(project)) == ["laptop/a", "laptop/b", "laptop/b", "laptop/whole"]


def plugin(name):
    python = Path(SNAKEMAKE).resolve().with_name("python") if SNAKEMAKE else ""
    code = f"import snakemake_executor_plugin_{name}"
    return not subprocess.run([python, "-c", code], capture_output=True).returncode


def on_toy_cluster(project, tmp_path, name):
    """Run the grid by a profile on a toy cluster; give the folder of its jobs and the settings."""
    programs, spool = toy_cluster.write(tmp_path)
    profile = f"helpers/run/workflow/profiles/{name}"
    settings = yaml.safe_load((project / profile / "config.yaml").read_text())
    soon = ["--latency-wait", "20", "--seconds-between-status-checks", "1"]
    soon += ["--slurm-init-seconds-before-status-checks", "1"] if name == "slurm" else []
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    done = snakemake(project, "--profile", profile, *soon, PATH=path)

    assert done.returncode == 0, done.stderr
    assert sorted(ran(project)) == ["laptop/a", "laptop/b", "laptop/whole"]
    return spool, dict(text.split(":", 1)[1].split("=") for text in settings["set-resources"])


def test_a_toy_slurm_runs_the_profiles_jobs_each_with_memory_time_and_a_gpu(project, tmp_path):
    if not plugin("slurm"):
        pytest.skip("Snakemake's plugin for Slurm is not installed")

    spool, wanted = on_toy_cluster(project, tmp_path, "slurm")

    calls = [file.read_text().split("\n") for file in sorted(spool.glob("*.call"))]
    assert len(calls) == 3
    for call in calls:
        assert call[call.index("--mem") + 1] == wanted["mem_mb"]
        assert call[call.index("-t") + 1] == wanted["runtime"]
        assert "--gpus=1" in call
    assert {file.read_text().strip() for file in spool.glob("*.state")} == {"COMPLETED"}


def test_a_toy_kubernetes_runs_the_profiles_jobs_each_with_memory_and_a_gpu(project, tmp_path):
    if not plugin("cluster_generic"):
        pytest.skip("Snakemake's plugin cluster-generic is not installed")

    spool, wanted = on_toy_cluster(project, tmp_path, "kubernetes")

    jobs = [json.loads(file.read_text()) for file in spool.glob("*.job")]
    assert len(jobs) == 3
    for job in jobs:
        pod = job["spec"]["template"]["spec"]
        (run,) = pod["containers"]
        limits = {"memory": f"{wanted['mem_mb']}M", "cpu": "4", "nvidia.com/gpu": wanted["gpu"]}
        assert run["resources"]["limits"] == limits
        assert run["workingDir"] == str(project)
        assert "@" not in json.dumps(job)
        assert pod["volumes"][0]["name"] == run["volumeMounts"][0]["name"]
    assert len(list(spool.glob("*.ended"))) == 3


@pytest.mark.parametrize(("name", "needs"), [("slurm", "slurm"), ("kubernetes", "cluster_generic")])
def test_a_profile_passes_a_dry_run(project, name, needs):
    if not plugin(needs):
        pytest.skip(f"Snakemake's plugin {needs} is not installed")

    done = snakemake(project, "--profile", f"helpers/run/workflow/profiles/{name}", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "gpu=1" in done.stdout + done.stderr
    assert "mem_mb=16000" in done.stdout + done.stderr
    assert not (project / "ran").exists()
    assert json.loads((project / "data/cache/matrix/plan.json").read_text())
