"""``pennate phantom`` on files: a valid, reproducible data set that never overwrites a subject."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imaging.cli.app import main
from imaging.formats.nifti import load_image, load_labels
from imaging.image import same_grid
from imaging.measures import read_measures

QUICK = ["--preset", "small", "--no-dixon", "--no-mre", "--no-emg"]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("bids")
    assert main(["phantom", str(out), *QUICK, "--oblique", "8", "--motion", "1"]) == 0
    return out


def test_images_table_and_truth_fit_together(dataset):
    truth = dataset / "derivatives" / "truth" / "sub-01"
    image = load_image(dataset / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    labels = load_labels(truth / "sub-01_dseg.nii.gz")
    directions = load_image(truth / "sub-01_desc-truth_direction.nii.gz", ndim=4)
    assert same_grid(image, labels)
    assert same_grid(image, directions)
    norm = np.linalg.norm(directions.data, axis=-1)
    assert np.allclose(norm[(labels.data > 0) & (labels.data % 100 <= 14)], 1, atol=1e-3)
    measures = {(m.label, m.measure): m for m in read_measures(*truth.glob("*_measures.tsv"))}
    volume = (labels.data == 209).sum() * labels.voxel_ml
    assert measures[209, "volume"].value == pytest.approx(volume, rel=0.03)
    assert measures[209, "fascicle_length"].unit == "mm"
    lookup = pd.read_csv(truth / "sub-01_dseg.tsv", sep="\t")
    assert set(lookup["index"]) == set(np.unique(labels.data[labels.data > 0]))
    motion = pd.read_csv(truth / "sub-01_desc-truth_motion.tsv", sep="\t")
    dwi = load_image(dataset / "sub-01" / "dwi" / "sub-01_dwi.nii.gz", ndim=4)
    assert len(motion) == dwi.data.shape[3] == 12
    bvecs = np.loadtxt(dataset / "sub-01" / "dwi" / "sub-01_dwi.bvec")
    bvals = np.loadtxt(dataset / "sub-01" / "dwi" / "sub-01_dwi.bval")
    assert np.allclose(np.linalg.norm(bvecs, axis=0), bvals > 0, atol=1e-5)


def test_internal_aponeuroses_lie_in_their_muscles(dataset):
    manual = dataset / "derivatives" / "manual" / "sub-01" / "anat"
    labels = load_labels(dataset / "derivatives" / "truth" / "sub-01" / "sub-01_dseg.nii.gz")
    for label in (201, 209):
        sheet = load_image(manual / f"sub-01_desc-manual_label-{label}_aponeurosis.nii.gz")
        assert set(labels.data[sheet.data > 0]) == {label}


def test_a_subject_is_not_overwritten(dataset, capsys):
    before = digests(dataset)
    assert main(["phantom", str(dataset), *QUICK]) == 2
    assert "holds this subject already" in capsys.readouterr().err
    assert digests(dataset) == before


def test_a_second_subject_is_added_and_the_seed_fixes_the_bytes(dataset, tmp_path):
    first = digests(dataset / "sub-01")
    shutil.copytree(dataset, tmp_path / "bids")
    second = ["--subject", "02", "--seed", "2", "--side", "left", "--no-dwi"]
    assert main(["phantom", str(tmp_path / "bids"), *QUICK, *second]) == 0
    assert main(["phantom", str(tmp_path / "again"), *QUICK, *second]) == 0
    listed = pd.read_csv(tmp_path / "bids" / "participants.tsv", sep="\t")
    assert listed["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert digests(tmp_path / "bids" / "sub-01") == first
    for part in ("sub-02", "derivatives/truth/sub-02", "derivatives/manual/sub-02"):
        assert digests(tmp_path / "bids" / part) == digests(tmp_path / "again" / part)
    labels = load_labels(tmp_path / "bids" / "derivatives/truth/sub-02/sub-02_dseg.nii.gz")
    assert set(np.unique(labels.data // 100)) == {0, 1}


def test_bad_arguments_are_refused(tmp_path, capsys):
    assert main(["phantom", str(tmp_path), "--subject", "a_b"]) == 2
    assert "letters and digits" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_bids_validator_finds_no_error(dataset):
    folder = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    validator = shutil.which("bids-validator-deno", path=folder)
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    done = subprocess.run([validator, str(dataset)], capture_output=True, text=True, check=False)
    assert "[ERROR]" not in done.stdout + done.stderr
