"""The wheel alone, in an empty folder, can run the workflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Folder that holds nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet"]
    subprocess.run([*install, "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def run(site: Path, cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "imaging", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True)


def test_the_wheel_carries_the_workflow(site):
    pipeline = site / "imaging" / "pipeline"
    assert (pipeline / "Snakefile").is_file()
    assert (pipeline / "config" / "default.yaml").is_file()
    assert (pipeline / "envs" / "pennate.yaml").is_file()
    assert len(list((pipeline / "workflow" / "rules").glob("*.smk"))) == 11


def test_the_installed_command_lists_the_jobs(site, bids, tmp_path):
    result = run(site, tmp_path, "run", bids, "out", "participant", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "fibres" in result.stdout
