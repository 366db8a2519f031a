"""``pennate diffusion --fmap``: what is read, refused and written."""

import json
import shutil

import numpy as np
import pytest

from imaging.cli.app import main
from imaging.formats.nifti import load_image
from imaging.measures import read_measures, read_notes
from imaging.phantom.writer import Request, write_phantom

FIELD = "sub-01_desc-distortion_displacement.nii.gz"


@pytest.fixture(scope="module")
def bids(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fmap") / "bids"
    parts = {"dixon": False, "mre": False, "emg": False, "aponeuroses": False}
    write_phantom(
        folder, Request(preset="small", distortion_mm=8.0, fmap=True, oblique_deg=9.0, **parts)
    )
    return folder


def run(bids, out, *more, settings="{motion: false, gradient_check: false}"):
    dwi = bids / "sub-01/dwi/sub-01_dwi.nii.gz"
    fixed = ["--dwi", str(dwi), "--out", str(out), "--prefix", "sub-01", "--settings", settings]
    return main(["diffusion", *fixed, *more])


def reverse(bids):
    return bids / "sub-01/fmap/sub-01_dir-PA_epi.nii.gz"


def test_a_reversed_scan_undoes_the_distortion_of_an_oblique_scan(bids, tmp_path):
    assert run(bids, tmp_path, "--fmap", str(reverse(bids))) == 0
    found = load_image(tmp_path / FIELD)
    shown = load_image(bids / "derivatives/truth/sub-01/sub-01_desc-truth_displacement.nii.gz")
    mask = load_image(tmp_path / "sub-01_desc-leg_mask.nii.gz").data > 0
    # The truth says what a distorted voxel shows: look it up where the voxel's tissue went.
    voxels = np.indices(mask.shape).astype(float)
    voxels[1] += found.data / found.spacing[1]
    index = np.clip(np.rint(voxels), 0, np.array(mask.shape)[:, None, None, None] - 1).astype(int)
    error = np.abs(found.data + shown.data[tuple(index)])[mask]
    assert np.median(np.abs(found.data[mask])) > 0.8
    assert np.median(error) < 0.25
    facts = read_notes(tmp_path / "sub-01_desc-diffusion_notes.json").facts
    assert (facts["distortion"], facts["distortion_status"]) == ("fmap", "corrected")
    rows = {m.measure: m for m in read_measures(tmp_path / "sub-01_desc-diffusion_measures.tsv")}
    assert rows["distortion_max"].value == pytest.approx(facts["distortion_max_mm"], abs=1e-3)
    sources = json.loads((tmp_path / FIELD.replace(".nii.gz", ".json")).read_text())["SourceFiles"]
    assert "sub-01_dir-PA_epi.nii.gz" in {s["name"] for s in sources}
    before = load_image(tmp_path / "sub-01_desc-b0uncorrected_dwiref.nii.gz")
    after = load_image(tmp_path / "sub-01_desc-b0_dwiref.nii.gz")
    assert not np.allclose(before.data, after.data)
    # A run without correction leaves no field of the earlier one behind.
    off = "{motion: false, gradient_check: false, distortion: off}"
    assert run(bids, tmp_path, "--fmap", str(reverse(bids)), settings=off) == 0
    assert not (tmp_path / FIELD).exists()
    assert (tmp_path / "sub-01_desc-b0uncorrected_dwiref.nii.gz").is_file()
    rows = {m.measure: m for m in read_measures(tmp_path / "sub-01_desc-diffusion_measures.tsv")}
    assert rows["distortion_max"].status == "not_measured"


@pytest.mark.parametrize(
    ("direction", "says"),
    [("j", "not opposite"), ("i-", "not opposite"), (None, "PhaseEncoding")],
)
def test_a_scan_that_is_not_reversed_is_refused(bids, tmp_path, capsys, direction, says):
    shutil.copytree(bids / "sub-01/fmap", tmp_path / "sub-01/fmap")
    path = reverse(tmp_path).with_name("sub-01_dir-PA_epi.json")
    content = json.loads(path.read_text())
    content.pop("PhaseEncodingDirection")
    if direction:
        content["PhaseEncodingDirection"] = direction
    path.write_text(json.dumps(content))
    assert run(bids, tmp_path / "out", "--fmap", str(reverse(tmp_path))) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_wanted_reversed_scan_that_is_missing_is_an_error(bids, tmp_path, capsys):
    assert run(bids, tmp_path / "out", settings="{distortion: fmap}") == 2
    assert "--fmap" in capsys.readouterr().err


def test_check_lists_the_scan(bids, capsys):
    assert main(["check", str(bids)]) == 0
    assert "sub-01_dir-PA_epi.nii.gz" in capsys.readouterr().out
