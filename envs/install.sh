#!/bin/sh
# Both steps of an installation whose hashes are all checked, in two so that an image keeps the first:
#   sh install.sh packages LOCK TARGET    what is locked, with what the second step needs
#   sh install.sh pennate SOURCE TARGET   Pennate from its source, without a network; pip does not stay
set -eu
here=$(dirname "$0")
what=$1 from=$2 target=$3
tools=$target-tools
pip() { "$tools/bin/pip" --quiet --disable-pip-version-check --no-cache-dir "$@"; }
if [ "$what" = packages ]; then
  python3 -m venv "$tools"
  python3 -m venv --without-pip "$target"
  pip install --require-hashes --only-binary :all: -r "$here/lock-build.txt"
  # connection-pool, which Snakemake needs, has no wheel; it is plain Python.
  pip wheel --wheel-dir "$tools/packages" --require-hashes --no-build-isolation \
    --only-binary :all: --no-binary connection-pool -r "$from"
  pip --python "$target/bin/python" install --no-index --no-deps "$tools"/packages/*.whl
  rm -rf "$tools/packages"
else
  pip wheel --wheel-dir "$tools/own" --no-index --no-deps --no-build-isolation "$from"
  pip --python "$target/bin/python" install --no-index --no-deps "$tools"/own/*.whl
  pip --python "$target/bin/python" check
  rm -rf "$tools"
fi
