"""Bad input ends in one clear sentence and exit code 2, with nothing half-written."""

import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

ANAT = "sub-01/anat/sub-01_T1w.nii.gz"
DWI = "sub-01/dwi/sub-01_dwi.nii.gz"


def rewrite(path: Path, change, affine=None):
    image = nib.load(path)
    data = change(np.asanyarray(image.dataobj).astype(np.float32))
    nib.save(nib.Nifti1Image(data, image.affine if affine is None else affine), path)


def missing_bvec(root):
    (root / "sub-01/dwi/sub-01_dwi.bvec").unlink()


def wrong_number_of_volumes(root):
    rewrite(root / DWI, lambda data: data[..., :-1])


def nan_image(root):
    def spoil(data):
        data[0, 0, 0] = np.nan
        return data

    rewrite(root / ANAT, spoil)


def slice_instead_of_volume(root):
    rewrite(root / ANAT, lambda data: data[:, :, 0])


def truncated_gzip(root):
    path = root / ANAT
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def mismatched_affines(root):
    affine = nib.load(root / DWI).affine.copy()
    affine[:3, 3] += 2000
    rewrite(root / DWI, lambda data: data, affine)


def empty_manual_labels(root):
    folder = root / "derivatives/manual/sub-01/anat"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sub-01_desc-manual_dseg.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((8, 8, 8), np.int16), nib.load(root / ANAT).affine), path)


def stiffness_without_unit(root):
    path = root / "sub-01/mre/sub-01_stiffness.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.float32), nib.load(root / ANAT).affine), path)
    path.with_name("sub-01_stiffness.json").write_text('{"Quantity": "magnitude"}')


def unreadable_c3d(root):
    (root / "sub-01/emg/sub-01_task-walk_emg.c3d").write_bytes(b"no recording at all")


CASES = [
    (missing_bvec, "sub-01_dwi.bvec"),
    (wrong_number_of_volumes, "volumes"),
    (nan_image, "not finite"),
    (slice_instead_of_volume, "3-D image is needed"),
    (truncated_gzip, "cannot be read as NIfTI"),
    (mismatched_affines, "outside the anatomical image"),
    (empty_manual_labels, "is empty"),
    (stiffness_without_unit, "Units"),
    (unreadable_c3d, "sub-01_task-walk_emg.c3d"),
]


@pytest.mark.parametrize(("spoil", "said"), CASES, ids=[c[0].__name__ for c in CASES])
def test_refused_before_anything_runs(bids, tmp_path, pennate, spoil, said):
    root = tmp_path / "bids"
    shutil.copytree(bids, root)
    spoil(root)
    out = tmp_path / "out"
    result = pennate("run", root, out, "participant")
    assert result.returncode == 2, result.stdout + result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists()


def test_check_lists_inputs_and_names_contradictions(bids, tmp_path, pennate):
    root = tmp_path / "bids"
    shutil.copytree(bids, root)
    missing_bvec(root)
    result = pennate("check", root, "--out", tmp_path / "inputs.tsv")
    assert result.returncode == 2
    assert "0 of 1 sessions can be run" in result.stdout
    assert "sub-01_dwi.bvec" in result.stderr
    assert "contradiction" in (tmp_path / "inputs.tsv").read_text()


def test_one_bad_subject_does_not_stop_the_others(bids, tmp_path, pennate):
    root = tmp_path / "bids"
    shutil.copytree(bids, root)
    shutil.copytree(root / "sub-01", root / "sub-02")
    for path in sorted((root / "sub-02").rglob("sub-01*")):
        path.rename(path.with_name(path.name.replace("sub-01", "sub-02")))
    missing_bvec(root)
    result = pennate("run", root, tmp_path / "out", "participant", "--dry-run")
    assert result.returncode == 2
    assert "sub-01 is left out" in result.stderr
    assert "  sub-02: " in result.stdout
    assert "  sub-01: " not in result.stdout
    assert "10 steps would be done; nothing was written." in result.stdout
    assert not (tmp_path / "out").exists()


def test_folder_with_nothing_in_it(tmp_path, pennate):
    (tmp_path / "bids").mkdir()
    result = pennate("run", tmp_path / "bids", tmp_path / "out", "participant")
    assert result.returncode == 2
    assert "has no folder sub-<label>" in result.stderr


def test_output_that_cannot_be_written(bids, tmp_path, pennate):
    (tmp_path / "file").write_text("in the way")
    result = pennate("run", bids, tmp_path / "file" / "out", "participant")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_read_only_output_folder(bids, tmp_path, pennate):
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    result = pennate("run", bids, out, "participant")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def test_output_that_would_hold_the_input(bids, pennate):
    result = pennate("run", bids, bids, "participant")
    assert result.returncode == 2
    assert "contains the input" in result.stderr


def test_side_of_the_sidecar_against_anatomy(bids, tmp_path, pennate):
    out = tmp_path / "anat"
    result = pennate(
        "segment", "--anat", bids / ANAT, "--side", "left", "--out", out, "--prefix", "sub-01"
    )
    assert result.returncode == 2, result.stderr
    assert "left" in result.stderr
    assert "right" in result.stderr
    assert not out.exists() or not list(out.iterdir())


def test_two_runs_at_once_are_refused(bids, tmp_path, pennate):
    import fcntl

    out = tmp_path / "out"
    (out / ".pennate").mkdir(parents=True)
    with (out / ".pennate" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = pennate("run", bids, out, "participant")
    assert result.returncode == 2
    assert "another run" in result.stderr
