#!/bin/sh
# Called by Snakemake with a job's name; prints running, success or failed.
ended=$(kubectl get job "$1" -o 'jsonpath={.status.succeeded}/{.status.failed}') || ended=/gone
case "$ended" in
  /) echo running ;;
  1/*) echo success ;;
  *) echo failed ;;
esac
