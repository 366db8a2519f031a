PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2

.PHONY: help demo test test-slow test-pacs test-train test-robust test-scale test-slurm test-containers lint audit licences benchmark lock schema api clean

help:
	@echo "make demo       a phantom leg through the whole workflow, into demo/"
	@echo "make test       install and run the tests"
	@echo "make test-slow  the tests that take minutes"
	@echo "make test-pacs  DICOM objects through an archive (needs root and Orthanc)"
	@echo "make test-train the tests of the training (installs PyTorch)"
	@echo "make lint       style, types, imports, spelling"
	@echo "make test-scale 200 sessions, five of them broken (half an hour)"
	@echo "make test-robust kills, full disks, other places, languages and numbers of threads"
	@echo "make test-slurm a Slurm and a Grid Engine of this machine alone (needs root and Debian)"
	@echo "make test-containers the image, built and run (needs Docker or Podman)"
	@echo "make audit      known weaknesses of the locked packages (pip-audit)"
	@echo "make benchmark  accuracy against the phantom's truth, as tables"
	@echo "make api        a page of every function and class, into build/api/"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Install the venv module first: apt-get install python3-venv"; exit 2; }

$(VENV)/installed: envs/lock.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/installed-dev: envs/lock-dev.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r envs/lock-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/installed

demo: $(VENV)/installed
	@test -d demo/bids/sub-01 || $(BIN)/pennate phantom demo/bids --preset demo --seed 1 --us
	$(BIN)/pennate run demo/bids demo/out participant --nprocs $(CORES)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "not slow" -n $(CORES) --dist loadfile

test-slow: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m "slow and not scale and not slurm and not containers"

test-pacs: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slow -rs tests/integration/test_dicom_out.py

test-train: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/python -m pytest tests/unit/training tests/integration/test_train.py \
	  tests/unit/io/models/test_monai_bundle.py

test-robust: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m robust

# With PENNATE_SCALE=20 a tenth of it.
test-scale: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m scale -n0 -s tests/scale

test-slurm: $(VENV)/installed-dev
	@test -x /usr/sbin/slurmctld -a -x /usr/sbin/sge_qmaster || DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y --no-install-recommends slurm-wlm munge slurm-wlm-basic-plugins \
	  gridengine-master gridengine-exec gridengine-client
	$(BIN)/python -m pytest -m slurm tests/slurm

test-containers: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m containers -rs tests/containers

# Debian from its own archive, for where no registry of images is reached (apt-get install mmdebstrap).
%/debian.tar:
	mkdir -p $(@D)
	mmdebstrap --variant=minbase $(foreach of,man doc locale info,--dpkgopt='path-exclude=/usr/share/$(of)/*') \
	  --dpkgopt='path-include=/usr/share/doc/*/copyright' bookworm $@

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/codespell

# A package that cannot be looked up fails, too: silence would look like safety.
audit: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip-audit>=2.9"
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r envs/lock.txt

licences: $(VENV)/installed
	$(BIN)/python docs/make_licences.py

benchmark: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks

api: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pdoc==16.0.0"
	$(BIN)/python -m pdoc --docformat numpy --output-directory build/api imaging \
	  '!imaging.training' '!imaging.__main__' '!imaging.io.models.dafne_runner'
	@echo "Open build/api/index.html"

lock: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header pyproject.toml --output-file envs/lock.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header pyproject.toml --group dev --extra slurm --extra gridengine --extra dicom --extra opensim \
	  --output-file envs/lock-dev.txt
	printf 'hatchling>=1.27\nsetuptools>=77\n' | $(BIN)/uv pip compile --quiet --universal \
	  --python-version 3.11 --generate-hashes --no-header - --output-file envs/lock-build.txt

schema: $(VENV)/installed-dev
	$(BIN)/python -c 'import json; from imaging.config import schema; print(json.dumps(schema(), indent=2))' \
	  > workflow/schemas/config.schema.json
	$(BIN)/python -c 'from imaging.config import default_yaml; print(default_yaml(), end="")' \
	  > config/default.yaml
	$(BIN)/python docs/make_measures.py
	$(BIN)/python docs/make_outputs.py

clean:
	rm -rf demo build dist .snakemake
