"""The recipe for Apptainer, where Apptainer and debootstrap are and root may use them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import imaging

pytestmark = [pytest.mark.slow, pytest.mark.containers]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sif(mirror, tmp_path_factory):
    """Return the image, built from the Debian archive."""
    if not (shutil.which("apptainer") and shutil.which("debootstrap") and os.geteuid() == 0):
        pytest.skip("Apptainer, debootstrap and root are needed to build by the recipe")
    folder = tmp_path_factory.mktemp("sif")
    bound = folder / "mnt"
    bound.mkdir()
    for name, path in mirror.items():
        text = path.read_text()
        if name == "pip":
            text = text.replace("/etc/ssl/certs/ca-certificates.crt", "/mnt/certificates")
        (bound / ("pip.conf" if name == "pip" else name)).write_text(text)
    build = ["apptainer", "build", "--bind", f"{bound}:/mnt", folder / "pennate.sif"]
    done = subprocess.run(
        [*map(str, build), "envs/apptainer.def"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "pennate.sif"


@pytest.fixture(scope="module")
def call(sif):
    def run(*arguments, mounts=()):
        bound = [part for mount in mounts for part in ("--bind", mount)]
        command = ["apptainer", "run", "--containall", *bound, sif, *arguments]
        return subprocess.run([*map(str, command)], capture_output=True, text=True)

    return run


def test_it_tells_its_version(call):
    assert call("--version").stdout == f"pennate {imaging.__version__}\n"


def test_a_study_runs(call, study, tmp_path):
    mounts = [f"{study}:/data:ro", f"{tmp_path}:/out"]
    done = call("/data", "/out", "participant", mounts=mounts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no off-screen OpenGL" not in (tmp_path / "sub-01.html").read_text()


def test_bad_input_is_exit_code_2(call, tmp_path):
    assert call("/data", "/out", "participant", mounts=[f"{tmp_path}:/data:ro"]).returncode == 2
