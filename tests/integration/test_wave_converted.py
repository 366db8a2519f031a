"""Wave images as dcm2niix leaves them: a folder of NIfTI files with sidecars."""

import itertools
import shutil
import subprocess

import nibabel as nib
import numpy as np
import pytest
from dicom_for_tests import DECLARED, write_series

from imaging.errors import InputError
from imaging.io.waves.read import read_waves
from imaging.provenance import write_json

AFFINE = np.diag([-1.5, 2.0, 5.0, 1.0])
SHAPE = (6, 5, 3, 3, 4)
#: What no header says.
BY_HAND = {
    "Density": 1000,
    "EncodingDirections": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "EncodingDirectionsFrame": "world RAS+",
}


def phases():
    values = np.random.default_rng(0).uniform(-np.pi, np.pi, SHAPE)
    values[0, 0, 0], values[1, 0, 0] = -np.pi, np.pi * 4095 / 4096
    return values


def converted(
    folder, *, comment="MEG {d} timestep {n} period 16667 us", maker="Siemens", scale=4096 / np.pi,
    magnitude=True, declared=BY_HAND, skip=None,
):  # fmt: skip
    """One file per volume, named so that their order says nothing."""
    folder.mkdir()
    if declared is not None:
        write_json(folder.parent / f"{folder.name}.json", declared)
    stored = np.round(phases() * scale)
    kinds = [("P", "_ph")] + ([("M", "")] if magnitude else [])
    for (kind, ending), d, n in itertools.product(kinds, range(3), range(4)):
        if skip == (d, n):
            continue
        data = stored[..., d, n] if kind == "P" else np.full(SHAPE[:3], 100.0 + d + 3 * n)
        name = folder / f"mre_{(7 * d + 5 * n) % 31:02d}{kind}{ending}"
        nib.save(nib.Nifti1Image(data.astype(np.float32), AFFINE), f"{name}.nii.gz")
        about = {"Manufacturer": maker, "ImageType": ["ORIGINAL", "PRIMARY", kind],
                 "ImageComments": comment.format(d=d + 1, n=n, a=90 * n, xyz="xyz"[d])}  # fmt: skip
        write_json(folder / f"{name.name}.json", about)
    return folder


def read(folder):
    (series,) = read_waves(folder)
    return series


@pytest.mark.parametrize(
    "comment",
    ["MEG {d} timestep {n} period 16667 us", "dir={xyz} angle {a} deg f=60.0 Hz"],
)
def test_one_file_per_volume(tmp_path, comment):
    found = read(converted(tmp_path / "mre", comment=comment))
    assert found.images.frequency_hz == pytest.approx(60, rel=1e-3)
    np.testing.assert_allclose(found.images.phase[..., 0], phases(), atol=np.pi / 4096)
    assert found.magnitude[0, 0, 0, 2, 1, 0] == 105
    assert len(found.inputs) == 1 + 24


def test_philips_in_thousandths_of_a_radian(tmp_path):
    found = read(converted(tmp_path / "mre", maker="Philips", scale=1000.0))
    np.testing.assert_allclose(found.images.phase[..., 0], phases(), atol=1e-3)


def test_what_is_missing_is_named_at_once(tmp_path):
    folder = converted(tmp_path / "mre", maker="GE", comment="MEG {d} timestep {n}", declared=None)
    with pytest.raises(InputError) as told:
        read(folder)
    for key in ("MechanicalFrequency", "PhaseUnits", "EncodingDirections"):
        assert key in str(told.value)
    assert "OffsetsPerPeriod" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"comment": "MRE"}, "VolumeOrder"),
        ({"skip": (1, 2)}, "some are missing"),
        ({"comment": "dir={xyz} angle {n} deg f=60 Hz"}, "not 4 even steps"),
        ({"declared": {**BY_HAND, "MechanicalFrequency": 50}}, "60 Hz"),
        ({"scale": 2048 / np.pi}, "PhaseUnits"),
        ({"maker": "Philips"}, "PhaseUnits"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path, options, text):
    with pytest.raises(InputError, match=text):
        read(converted(tmp_path / "mre", **options))


def test_only_magnitudes(tmp_path):
    folder = converted(tmp_path / "mre")
    for path in folder.glob("*_ph*"):
        path.unlink()
    with pytest.raises(InputError, match="no phase images"):
        read(folder)


def test_a_stack_made_by_dcm2niix_needs_its_order(tmp_path):
    dcm2niix = pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    phase = phases().clip(-3.1, 3.1)
    phase[0, 0, 0], phase[1, 0, 0] = -3.14, 3.14  # as noise outside tissue does
    dicom = write_series(
        tmp_path / "dicom", phase, AFFINE, comment="MEG {d} timestep {n} period 16667 us",
        magnitude=np.full(SHAPE[:3], 90.0),
    )  # fmt: skip
    folder = tmp_path / "mre"
    folder.mkdir()
    subprocess.run([dcm2niix.bin, "-o", str(folder), str(dicom)], check=True, capture_output=True)
    with pytest.raises(InputError, match="VolumeOrder"):
        read(folder)
    order = {"VolumeOrder": ["driver", "direction", "offset"]}
    declared = {**DECLARED, **order, "EncodingDirectionsFrame": "world RAS+"}
    write_json(tmp_path / "mre.json", declared)
    found = read(folder)
    (other,) = read_waves(dicom)
    # dcm2niix turns rows over: the same place in space, another place in the array.
    flip = np.sign(found.images.affine[1, 1]) != np.sign(other.images.affine[1, 1])
    got = found.images.phase[:, ::-1] if flip else found.images.phase
    np.testing.assert_allclose(got, other.images.phase, atol=2e-3)
    shutil.rmtree(dicom)
