import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from output_contract import assert_as_promised

from imaging.cli.app import main
from imaging.formats.nifti import load_image, load_labels, save_image
from imaging.image import Image
from imaging.muscles import structure_of
from imaging.phantom.writer import Request, write_phantom


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    write_phantom(
        folder, Request(preset="small", dixon=False, dwi=False, mre=False, emg=False,
                        aponeuroses=False),
    )  # fmt: skip
    return folder


def dice(a, b):
    return {
        structure_of(int(v)).key: 2
        * ((a == v) & (b == v)).sum()
        / ((a == v).sum() + (b == v).sum())
        for v in np.unique(a)
        if v > 0 and structure_of(int(v)).is_muscle
    }


def run(data, out, *more):
    anat = data / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    given = ["segment", "--anat", anat, "--out", out, "--prefix", "sub-01", *more]
    return main([str(a) for a in given])


def test_phantom_is_labelled_on_the_right_side(data, tmp_path):
    assert run(data, tmp_path, "--settings", '{"work_spacing_mm": 3.0}') == 0
    truth = load_labels(data / "derivatives" / "truth" / "sub-01" / "sub-01_dseg.nii.gz")
    found = load_labels(tmp_path / "sub-01_seg-muscles_dseg.nii.gz")
    assert_as_promised(tmp_path, "sub-01", "segmentation")
    scores = dice(truth.data, found.data)
    assert np.mean(list(scores.values())) > 0.6, scores
    assert min(scores[k] for k in ("TA", "GM", "GL", "SOL")) > 0.65, scores
    lookup = pd.read_csv(tmp_path / "sub-01_seg-muscles_dseg.tsv", sep="\t")
    assert set(lookup["side"]) == {"right"}
    share = load_image(tmp_path / "sub-01_seg-muscles_probseg.nii.gz").data
    assert 0 <= share.min() <= share.max() <= 1.0001
    notes = json.loads((tmp_path / "sub-01_desc-segmentation_notes.json").read_text())
    assert notes["facts"]["leg_1"]["side"] == "right"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".partial")]


def test_wrong_side_is_an_error_and_leaves_nothing(data, tmp_path, capsys):
    assert run(data, tmp_path / "out", "--side", "left") == 2
    message = capsys.readouterr().err
    assert "left" in message
    assert "right" in message
    assert not (tmp_path / "out").exists()


def test_complete_drawing_needs_no_atlas(data, tmp_path):
    truth = data / "derivatives" / "truth" / "sub-01" / "sub-01_dseg.nii.gz"
    nowhere = tmp_path / "none"
    assert run(data, tmp_path, "--manual", truth, "--atlas", nowhere) == 0
    found = load_labels(tmp_path / "sub-01_seg-muscles_dseg.nii.gz")
    assert (found.data == load_labels(truth).data).all()


def test_empty_field_of_view_is_an_error(tmp_path, capsys):
    noise = np.abs(np.random.default_rng(0).normal(size=(40, 40, 20))).astype(np.float32)
    path = tmp_path / "noise_T1w.nii.gz"
    save_image(Image(noise, np.diag([2.0, 2.0, 4.0, 1.0])), path)
    given = ["segment", "--anat", path, "--out", tmp_path / "o", "--prefix", "sub-01"]
    assert main([str(a) for a in given]) == 2
    said = capsys.readouterr().err
    assert "noise_T1w.nii.gz: shows no leg, only background noise" in said


def test_a_drawing_on_an_image_without_a_leg_is_kept_and_said(tmp_path, capsys):
    noise = np.abs(np.random.default_rng(0).normal(size=(40, 40, 20))).astype(np.float32)
    grid = Image(noise, np.diag([2.0, 2.0, 4.0, 1.0]))
    drawn = np.zeros(noise.shape, np.int16)
    drawn[10:20, 10:20, 4:16] = 101
    moved = grid.affine.copy()
    moved[0, 3] = 15.0
    header = nib.Nifti1Image(noise, grid.affine)
    header.set_qform(moved, 1)
    nib.save(header, tmp_path / "noise_T1w.nii.gz")
    save_image(grid.with_data(drawn), tmp_path / "drawn.nii.gz")
    given = ["segment", "--anat", tmp_path / "noise_T1w.nii.gz", "--out", tmp_path / "o"]
    given += ["--prefix", "sub-01", "--manual", tmp_path / "drawn.nii.gz"]
    assert main([str(a) for a in given]) == 0
    said = capsys.readouterr().err
    assert "warning: The anatomical image shows no leg" in said
    assert "warning: noise_T1w.nii.gz: its header gives two places" in said
    found = load_labels(tmp_path / "o" / "sub-01_seg-muscles_dseg.nii.gz")
    assert np.array_equal(found.data, drawn)
    notes = json.loads((tmp_path / "o" / "sub-01_desc-segmentation_notes.json").read_text())
    assert "only what is drawn is labelled" in notes["warnings"][0]
    assert "15.0 mm apart" in notes["warnings"][1]


def test_other_images_vote_and_one_that_lies_elsewhere_is_named(data, tmp_path, capsys):
    anat = load_image(data / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    near, far = anat.affine.copy(), anat.affine.copy()
    near[0, 3] += 5.0
    far[2, 3] += 480.0
    inverted = np.where(anat.data > 0.1 * anat.data.max(), 1.2 * anat.data.max() - anat.data, 0)
    save_image(Image(inverted.astype(np.float32), near), tmp_path / "T2w.nii.gz")
    save_image(Image(anat.data, far), tmp_path / "water.nii.gz")
    also = [part for n in ("T2w", "water") for part in ("--also", tmp_path / f"{n}.nii.gz")]
    assert run(data, tmp_path / "out", *also) == 0
    assert_as_promised(tmp_path / "out", "sub-01", "segmentation")
    assert "water.nii.gz was not used for the labels: by its header" in capsys.readouterr().err
    notes = json.loads((tmp_path / "out" / "sub-01_desc-segmentation_notes.json").read_text())
    votes = notes["facts"]["votes"]
    assert votes["T2w.nii.gz"]["leg_1"]["shift_mm"] == pytest.approx(5.0, abs=1.0)
    assert "1 other image of the session labelled likewise voted" in notes["method"]
    assert "left_out" in votes["water.nii.gz"]["leg_1"]
    truth = load_labels(data / "derivatives" / "truth" / "sub-01" / "sub-01_dseg.nii.gz")
    scores = dice(truth.data, load_labels(tmp_path / "out" / "sub-01_seg-muscles_dseg.nii.gz").data)
    assert min(scores[k] for k in ("TA", "GM", "GL", "SOL")) > 0.65, scores
