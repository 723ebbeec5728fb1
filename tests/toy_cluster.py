"""A Slurm of one machine: the programs that Snakemake's executor calls, which run jobs for real."""

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
NOTHING = "#!/bin/bash\nexit 0\n"


def write(folder: Path) -> tuple[Path, Path]:
    """Write the programs, and give the folder for ``PATH`` and the one that holds the jobs."""
    programs, spool = folder / "programs", folder / "spool"
    programs.mkdir()
    spool.mkdir()
    scripts = {"sbatch": SBATCH.format(spool=spool), "sacct": SACCT.format(spool=spool),
               "srun": SRUN, "sinfo": SINFO, "scancel": NOTHING}  # fmt: skip
    for name, text in scripts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return programs, spool
