"""A cluster of one machine: programs of Slurm and Kubernetes that run jobs for real."""

import sys
from pathlib import Path

SBATCH = """#!/bin/bash
# Takes a job as sbatch does: notes its options, starts it in the background, prints its number.
spool={spool}
number=101
until mkdir "$spool/$number.taken" 2> /dev/null; do number=$((number + 1)); done
printf '%s\\n' "$@" > "$spool/$number.call"
while [ $# -gt 0 ]; do
  case "$1" in
    --wrap=*) command="${{1#--wrap=}}" ;;
    -D) folder="$2"; shift ;;
    --output) log="${{2//%j/$number}}"; shift ;;
  esac
  shift
done
echo RUNNING > "$spool/$number.state"
(
  cd "$folder" || exit 1
  if SLURM_JOB_ID=$number CUDA_VISIBLE_DEVICES=0 bash -c "$command" > "$log" 2>&1
  then echo COMPLETED > "$spool/$number.state"
  else echo FAILED > "$spool/$number.state"
  fi
) > /dev/null 2>&1 < /dev/null &
echo "$number"
"""
SACCT = """#!/bin/bash
for file in {spool}/*.state; do
  [ -e "$file" ] && echo "$(basename "$file" .state)|$(cat "$file")"
done
"""
SRUN = """#!/bin/bash
# Runs a job step where it stands, without srun's own options.
while [[ "$1" == -* ]]; do shift; done
exec "$@"
"""
SINFO = """#!/bin/bash
echo PARTITION; echo 'toy*'
"""
KUBECTL = """#!{python}
# Takes jobs as `kubectl create -f -` does, runs their command, and tells how they ended.
import json, os, pathlib, subprocess, sys, yaml
spool = pathlib.Path("{spool}")
if sys.argv[1] == "create":
    job = yaml.safe_load(sys.stdin)
    name = job["metadata"]["name"]
    (spool / (name + ".job")).write_text(json.dumps(job))
    run = job["spec"]["template"]["spec"]["containers"][0]
    if os.fork() == 0:
        os.setsid()
        with open(os.devnull) as source, (spool / (name + ".log")).open("w") as log:
            for number in (0, 1, 2):
                os.dup2((source if number == 0 else log).fileno(), number)
        code = subprocess.call(run["command"], cwd=run["workingDir"])
        (spool / (name + ".partial")).write_text("/1" if code else "1/")
        (spool / (name + ".partial")).rename(spool / (name + ".ended"))
elif sys.argv[1:3] == ["get", "job"]:
    ended = spool / (sys.argv[3] + ".ended")
    print(ended.read_text() if ended.exists() else "/", end="")
"""
NOTHING = "#!/bin/bash\nexit 0\n"


def write(folder: Path) -> tuple[Path, Path]:
    """Write the programs, and give the folder for ``PATH`` and the one that holds the jobs."""
    programs, spool = folder / "programs", folder / "spool"
    programs.mkdir()
    spool.mkdir()
    scripts = {"sbatch": SBATCH.format(spool=spool), "sacct": SACCT.format(spool=spool),
               "srun": SRUN, "sinfo": SINFO, "scancel": NOTHING,
               "kubectl": KUBECTL.format(python=sys.executable, spool=spool)}  # fmt: skip
    for name, text in scripts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return programs, spool
