"""Folders of any name work, and a stage runs again when its source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from imaging.pipeline.links import plain_name

ROOT = Path(__file__).parents[2]
ODD = "{A} [b]*? 'q' \"Q\" $HOME \\ {unit}{0} ö"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Return a copy of the package with its workflow, to be changed."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("imaging", "workflow", "config", "envs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    shutil.copy(ROOT / "Snakefile", copy)
    return copy


def snakemake(project: Path, work: Path, *arguments: str) -> str:
    call = [sys.executable, "-m", "snakemake", *arguments, "--snakefile", project / "Snakefile"]
    call += ["--directory", work, "--configfile", work / "study.yaml", "--cores", "1"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(call, env=environment, capture_output=True, text=True, cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def test_a_changed_stage_runs_again_in_a_folder_with_an_odd_name(bids, project, tmp_path):
    study, work = tmp_path / ODD / "-bids", tmp_path / "work"
    shutil.copytree(bids, study)
    work.mkdir()
    config = {"bids_dir": str(study), "out_dir": f"{ODD}/-out", "open_inputs": False}
    (work / "study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    target = f"{plain_name(str(work / ODD / '-out'))}/sub-01/func/sub-01_events.tsv"
    snakemake(project, work, target)
    assert (work / ODD / "-out" / "sub-01" / "func" / "sub-01_events.tsv").is_file()
    append(project / "imaging" / "diffusion" / "eddy.py")
    assert "Nothing to be done" in snakemake(project, work, target, "--dry-run")
    append(project / "imaging" / "function" / "emg.py")
    again = snakemake(project, work, target, "--dry-run")
    assert "rule function" in again
    assert "Params have changed" in again


def test_the_command_plans_in_folders_with_odd_names(tmp_path, pennate):
    study, out = tmp_path / ODD / "-bids", tmp_path / "out" / ODD / "-out"
    for name in ("anat/sub-01_T1w.nii.gz", "emg/sub-01_task-walk_emg.edf"):
        (study / "sub-01" / name).parent.mkdir(parents=True)
        (study / "sub-01" / name).touch()
    options = ["--dry-run", "--skip-bids-validation", "--"]
    result = pennate("run", *options, "-bids", out, "participant", cwd=study.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "sub-01: " in result.stdout and "report" in result.stdout
    assert not out.exists()
