#!/usr/bin/env bash
# The Slurm plugin of Snakemake waits for ever on a Slurm that keeps no accounting.
#
# Versions: snakemake 9.27.1, snakemake-executor-plugin-slurm 2.8.0.
# Input: one rule that takes a moment. Slurm is stood in for by commands that say what those of Slurm
# 22.05 say (Debian's, where one package brings sacct, whether or not there is a slurmdbd): sacct fails
# with "Slurm accounting storage is disabled", squeue knows the job as COMPLETED.
# Seen: as a command sacct is there, it is asked; it fails five times within a second; after that the
# job is on no list any more. Its file is there, and the run neither ends nor says anything. The same
# call with --slurm-status-command squeue ends well, but falls back to sacct by itself, and so waits for
# ever, if scontrol does not answer at the moment of a question: second run.
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
cat > bin/sbatch <<'SH'
#!/bin/bash
for word; do case "$word" in --wrap=*) call=${word#--wrap=} ;; esac; done
SLURM_JOB_ID=1 sh -c "$call" > job.log 2>&1 < /dev/null
echo 1
SH
cat > bin/srun <<'SH'
#!/bin/sh
while :; do case "$1" in -*) shift ;; *) break ;; esac; done
exec "$@"
SH
echo 'echo "Slurm accounting storage is disabled" >&2; exit 1' > bin/sacct
echo 'echo "1|COMPLETED"' > bin/squeue
printf 'echo PARTITION\necho "main*"\n' > bin/sinfo
echo '[ ! -e away ] || exit 1; echo "MinJobAge = 300 sec"; echo "MaxArraySize = 1001"' > bin/scontrol
sed -i '1{/^#!/!s|^|#!/bin/sh\n|}' bin/*
chmod +x bin/*
cat > Snakefile <<'SNAKE'
rule only:
    output: "done.txt"
    shell: "echo done > {output}"
SNAKE
run() {
  rm -rf done.txt .snakemake
  PATH="$folder/bin:$PATH" timeout -s KILL 90 venv/bin/snakemake --executor slurm --jobs 1 \
    --default-resources mem_mb=100 runtime=1 --slurm-init-seconds-before-status-checks 1 "$@" \
    > said.txt 2>&1 && code=0 || code=$?
  echo "$*: ended with $code (137: did not end in 90 s), file there: $(test -e done.txt && echo yes || echo no)"
} 2> /dev/null
run
first=$code
run --slurm-status-command squeue
second=$code
touch away
run --slurm-status-command squeue
grep "Falling back" said.txt
[ "$first" = 137 ] && [ "$second" = 0 ] && [ "$code" = 137 ] && [ -e done.txt ] ||
  { echo "the plugin now does otherwise"; exit 1; }
