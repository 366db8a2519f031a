"""What a header or a drawing puts in doubt is said by ``pennate check``, and stops nothing."""

import nibabel as nib
import numpy as np
import pytest

from imaging.cli.app import main

AFFINE = np.array([[2.0, 0, 0, -90], [0, 2, 0, -90], [0, 0, 5, 0], [0, 0, 0, 1]])


def leg():
    x, y = np.mgrid[0:90, 0:90] * 2.0 - 90
    data = np.where(np.hypot(x + 20, y) < 45, 100.0, 0.0)[..., None].repeat(20, 2)
    noise = np.abs(np.random.default_rng(0).normal(0, 2, data.shape))
    return (data + noise).astype(np.float32)


@pytest.fixture
def bids(tmp_path):
    for path, data in (
        ("sub-01/anat/sub-01_T1w.nii.gz", leg()),
        ("derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz", drawn(35)),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(data, AFFINE), tmp_path / path)
    return tmp_path


def drawn(first):
    labels = np.zeros((90, 90, 20), np.int16)
    labels[first : first + 10, 40:50, 4:16] = 101
    return labels


def place(path, data, shift):
    image = nib.Nifti1Image(data, AFFINE)
    other = AFFINE.copy()
    other[2, 3] += shift
    image.set_sform(AFFINE, 2)
    image.set_qform(other, 1)
    nib.save(image, path)


def check(bids, capsys):
    code = main(["check", str(bids)])
    return code, capsys.readouterr()


def test_a_session_without_doubts_has_no_warning(bids, capsys):
    code, said = check(bids, capsys)
    assert code == 0
    assert "warning" not in said.err + said.out


def test_two_places_in_a_header_are_said_on_the_terminal(bids, capsys):
    place(bids / "sub-01/anat/sub-01_T1w.nii.gz", leg(), 15.0)
    code, said = check(bids, capsys)
    assert code == 0
    assert "warning: sub-01: sub-01_T1w.nii.gz: its header gives two places" in said.err
    assert "15.0 mm apart" in said.err
    assert "1 of 1 sessions can be run" in said.out


def test_a_drawing_in_air_is_said(bids, capsys):
    path = bids / "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz"
    nib.save(nib.Nifti1Image(drawn(70), AFFINE), path)
    code, said = check(bids, capsys)
    assert code == 0
    assert "sub-01_desc-manual_dseg.nii.gz: 100 % of what is drawn lies in air" in said.err


def test_an_image_without_a_leg_on_which_muscles_are_drawn_is_said(bids, capsys):
    noise = np.abs(np.random.default_rng(0).normal(size=(90, 90, 20))).astype(np.float32)
    nib.save(nib.Nifti1Image(noise, AFFINE), bids / "sub-01/anat/sub-01_T1w.nii.gz")
    code, said = check(bids, capsys)
    assert code == 0
    assert "shows no leg, only background noise. Muscles were drawn on it" in said.err


def test_shear_is_refused_here_with_the_name_of_the_file(bids, capsys):
    sheared = AFFINE.copy()
    sheared[0, 2] = 5 * np.tan(np.radians(1.0))
    image = nib.Nifti1Image(leg(), None)
    image.set_sform(sheared, 1)
    nib.save(image, bids / "sub-01/anat/sub-01_T1w.nii.gz")
    code, said = check(bids, capsys)
    assert code == 2
    assert "sub-01_T1w.nii.gz: has axes that are 1 degrees off a right angle" in said.err


def test_a_segmentation_of_slicer_is_found(bids, capsys):
    folder = bids / "derivatives/manual/sub-01/anat"
    (folder / "sub-01_desc-manual_dseg.nii.gz").unlink()
    lines = [
        "NRRD0004", "type: short", "dimension: 3", "space: right-anterior-superior",
        "sizes: 90 90 20", "space directions: (2,0,0) (0,2,0) (0,0,5)", "encoding: raw",
        "endian: little", "kinds: domain domain domain", "space origin: (-90,-90,0)",
        "Segment0_Name:=tibialis anterior, left", "Segment0_LabelValue:=101", "Segment0_Layer:=0",
    ]  # fmt: skip
    raw = "\n".join(lines).encode() + b"\n\n" + drawn(35).tobytes(order="F")
    (folder / "sub-01_desc-manual_dseg.seg.nrrd").write_bytes(raw)
    code, said = check(bids, capsys)
    assert code == 0, said.err
    assert "sub-01_desc-manual_dseg.seg.nrrd" in said.out
    assert "warning" not in said.err


def test_a_drawing_that_misses_the_image_is_refused_at_once(bids, capsys):
    path = bids / "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz"
    beside = AFFINE.copy()
    beside[0, 3] -= 90  # its field of view meets the image, what is drawn does not
    nib.save(nib.Nifti1Image(drawn(5), beside), path)
    code, said = check(bids, capsys)
    assert code == 2
    assert "sub-01_desc-manual_dseg.nii.gz: does not overlap the anatomical image" in said.err


def test_numbers_that_nothing_explains_are_said(bids, capsys):
    path = bids / "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz"
    nib.save(nib.Nifti1Image((drawn(35) > 0) * np.int16(2), AFFINE), path)
    code, said = check(bids, capsys)
    assert code == 0
    assert "no look-up says what its numbers mean" in said.err
    assert "2 as EDL" in said.err
    path.with_name("sub-01_desc-manual_dseg.tsv").write_text("index\tname\n2\tleft GM\n")
    code, said = check(bids, capsys)
    assert code == 0 and "warning" not in said.err
