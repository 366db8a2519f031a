#!/bin/sh
# Installs the locked packages and Pennate from a source tree: sh install.sh SOURCE TARGET [LOCK].
# Every hash is checked, and neither pip nor what builds wheels stays in TARGET.
set -eu
source=$1 target=$2 lock=${3:-envs/lock.txt}
tools=$(mktemp -d)
python3 -m venv "$tools"
pip() { "$tools/bin/pip" --quiet --disable-pip-version-check --no-cache-dir "$@"; }
pip install --require-hashes --only-binary :all: -r "$source/envs/lock-build.txt"
# connection-pool, which Snakemake needs, has no wheel; it is plain Python.
pip wheel --wheel-dir "$tools/wheels" --require-hashes --no-build-isolation \
  --only-binary :all: --no-binary connection-pool -r "$source/$lock"
pip wheel --wheel-dir "$tools/wheels" --no-deps --no-build-isolation "$source"
python3 -m venv --without-pip "$target"
pip --python "$target/bin/python" install --no-index --no-deps "$tools"/wheels/*.whl
pip --python "$target/bin/python" check
rm -rf "$tools"
