#!/bin/sh
# Called by Snakemake with GPUS MEGABYTES CORES JOBSCRIPT; prints the name of the job that it submits.
set -eu
name="xai-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')"
sed -e "s|@NAME@|$name|" -e "s|@FOLDER@|$PWD|" -e "s|@SCRIPT@|$4|" \
    -e "s|@GPUS@|$1|" -e "s|@MEGABYTES@|$2|" -e "s|@CORES@|$3|" \
    "$(dirname "$0")/job.yaml" | kubectl create -f - > /dev/null
echo "$name"
