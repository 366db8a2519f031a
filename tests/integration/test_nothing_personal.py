"""Nothing that names a person, a day or a device leaves through any output of any verb."""

import shutil

import numpy as np
import pytest
import pyvista as pv
from planted import SECRETS, plant, told

from imaging.cli.app import main
from imaging.formats.nifti import load_image

P = "sub-01"
QUICK = '{"denoise": false, "motion": false, "distortion": "off"}'


def call(*arguments):
    assert main([str(a) for a in arguments]) == 0, arguments


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set in the folder of a user who is named like the person."""
    folder = tmp_path_factory.mktemp("home") / "Dulcinea Tobosovilla" / "bids"
    call("phantom", folder, "--preset", "small", "--us")
    shutil.rmtree(folder / "derivatives" / "truth")
    plant(folder)
    return folder


@pytest.fixture(scope="module")
def out(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "Dulcinea Tobosovilla" / "out"
    own, home = data / P, out / P
    to = ["--prefix", P, "--out"]
    call("segment", "--anat", own / "anat" / f"{P}_T1w.nii.gz", *to, home / "anat")
    labels = ["--labels", home / "anat" / f"{P}_seg-muscles_dseg.nii.gz"]
    anat = ["--anat", home / "anat" / f"{P}_desc-preproc_anat.nii.gz"]
    call("diffusion", "--dwi", own / "dwi" / f"{P}_dwi.nii.gz", *anat, *labels,
         "--settings", QUICK, *to, home / "dwi")  # fmt: skip
    call("fibres", "--tensor", home / "dwi" / f"{P}_desc-wls_tensor.nii.gz", *labels, *anat,
         *to, home / "fibre")  # fmt: skip
    e1 = ["--directions", home / "dwi" / f"{P}_desc-wls_e1.nii.gz"]
    echoes = sorted((own / "anat").glob("*part-mag_MEGRE.nii.gz"))
    call("composition", *[x for e in echoes for x in ("--echo", e)], *labels, *to, home / "comp")
    call("elastography", "--waves", next((own / "mre").glob("*phase_mre.nii.gz")), *labels, *e1,
         "--dicom", *to, home / "mre")  # fmt: skip
    frames = [p for p in sorted((own / "us").iterdir()) if p.suffix != ".json"]
    call("ultrasound", *[x for f in frames for x in ("--frames", f)], *labels, *e1,
         *to, home / "us")  # fmt: skip
    for kind in ("edf", "c3d"):
        walk = own / "emg" / f"{P}_task-walk_emg.{kind}"
        call("function", "--recording", walk, *to, home / ("func" if kind == "edf" else "c3d"))
    stages = ("anat", "dwi", "fibre", "comp", "mre", "us", "func")
    folders = [x for s in stages for x in (f"--{s}-dir", home / s)]
    call("map", *folders, *to, home / "map")
    call("export", "--map-dir", home / "map", *to, home / "export")
    call("report", "--map-dir", home / "map", "--out", out / f"{P}.html")
    call("report", "--group", out)
    return out


@pytest.mark.slow
def test_secrets_are_in_the_input_and_in_no_output(data, out):
    planted = {secret for _, secret in told(data)}
    assert planted >= set(SECRETS) - {"01.05.1943"}
    assert told(out) == []


@pytest.mark.slow
def test_tables_of_inputs_name_files_only(data, tmp_path, capsys):
    call("check", data, "--out", tmp_path / "inputs.tsv")
    found = {secret for _, secret in told(tmp_path)} | {
        s for s in SECRETS if s in capsys.readouterr().out.lower()
    }
    assert found <= {"dulcinea", "tobosovilla"}  # the folder that the user named


@pytest.mark.slow
def test_headers_of_tracts_and_surfaces(out, tmp_path):
    """Tracts of another program, whose headers name the person."""
    lines = pv.read(next((out / P / "fibre").glob("*_fascicles.vtp")))
    lines.clear_data()
    lines.field_data["PatientName"] = ["Dulcinea Tobosovilla"]
    lines.save(tmp_path / "given.vtp")
    labels = load_image(out / P / "anat" / f"{P}_seg-muscles_dseg.nii.gz")
    present = np.unique(labels.data)
    assert len(present) > 1
    call("fibres", "--tracts", tmp_path / "given.vtp", "--format", "trk", "--format", "tck",
         "--labels", out / P / "anat" / f"{P}_seg-muscles_dseg.nii.gz", "--prefix", P,
         "--out", tmp_path / "out")  # fmt: skip
    assert told(tmp_path / "out") == []
