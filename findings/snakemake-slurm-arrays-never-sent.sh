#!/usr/bin/env bash
# The Slurm plugin of Snakemake sends no job at all where an array cannot hold all that are ready.
#
# Versions: snakemake 9.27.1, snakemake-executor-plugin-slurm 2.8.0.
# Input: five jobs of one rule, --jobs 2 and --slurm-array-jobs all. Slurm is stood in for by commands
# that note that they were called.
# Seen: Snakemake picks two of the five jobs, as --jobs says, and hands them to the plugin; that keeps
# them back "until more arrive" without keeping them, while Snakemake counts them as running. No sbatch
# is ever called, nothing is said, and the run does not end. With --jobs 5 an array is sent. A study of
# more subjects than --jobs, memory limits or --max-jobs-per-timespan let through at once ends so.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  snakemake==9.27.1 snakemake-executor-plugin-slurm==2.8.0 \
  snakemake-executor-plugin-slurm-jobstep==0.6.1
cd "$folder"
mkdir bin
echo 'echo called >> sent; echo 1' > bin/sbatch
echo 'exit 0' > bin/squeue
printf 'echo PARTITION\necho "main*"\n' > bin/sinfo
printf 'echo "MinJobAge = 300 sec"\necho "MaxArraySize = 1001"\n' > bin/scontrol
sed -i '1s|^|#!/bin/sh\n|' bin/*
chmod +x bin/*
cat > Snakefile <<'SNAKE'
rule all:
    input: expand("{n}.txt", n=range(5))
rule each:
    output: "{n}.txt"
    shell: "echo done > {output}"
SNAKE
run() {
  rm -rf sent .snakemake
  PATH="$folder/bin:$PATH" timeout -s KILL 45 venv/bin/snakemake --executor slurm --jobs "$1" \
    --default-resources mem_mb=100 runtime=1 --slurm-array-jobs all > said.txt 2>&1 || true
  sent=0
  [ ! -e sent ] || sent=$(wc -l < sent)
  echo "--jobs $1: sbatch called $sent times in 45 s"
} 2> /dev/null
run 2
none=$sent
run 5
[ "$none" = 0 ] && [ "$sent" = 1 ] || { echo "the plugin now does otherwise"; exit 1; }
