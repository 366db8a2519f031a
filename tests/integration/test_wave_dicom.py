"""Wave images from DICOM: scaling of each maker, order, place in space, and what is refused."""

import numpy as np
import pytest
from dicom_for_tests import DECLARED, pydicom, write_series
from scipy.spatial.transform import Rotation

from imaging.cli.wave_files import read_waves
from imaging.errors import InputError

AFFINE = np.eye(4)
AFFINE[:3, :3] = Rotation.from_euler("xyz", [8, -5, 20], degrees=True).as_matrix() @ np.diag(
    [-1.5, -2.0, 5.0]
)
AFFINE[:3, 3] = [40, 60, -200]
STEP = np.pi / 2048


def phases(slices=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi - 2 * STEP, (6, 5, slices, 3, 4))


def read(folder):
    (recording,) = read_waves(folder)
    return recording


@pytest.mark.parametrize(
    "comment", ["MEG {d} timestep {n}", "dir={xyz} t={n}", "Encoding: {d}; phase offset: {n}"]
)
def test_siemens_in_any_order_of_files(tmp_path, comment):
    phase = phases()
    magnitude = np.arange(90).reshape(6, 5, 3) + 10
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, comment=comment, shuffle=5, magnitude=magnitude
    )
    found = read(folder)
    np.testing.assert_allclose(found.images.phase[..., 0], phase, atol=STEP)
    np.testing.assert_allclose(found.images.affine, AFFINE, atol=1e-4)
    np.testing.assert_allclose(found.images.weight, magnitude)
    assert found.magnitude.shape == (6, 5, 3, 3, 4, 1)
    # Directions of the image frame are the axes of the array.
    axes = AFFINE[:3, :3] / np.linalg.norm(AFFINE[:3, :3], axis=0)
    np.testing.assert_allclose(found.images.directions, axes.T, atol=1e-4)
    assert len(found.inputs) == 1 + 2 * 36


def test_single_slice(tmp_path):
    found = read(write_series(tmp_path / "mre", phases(1), AFFINE))
    assert found.images.phase.shape == (6, 5, 1, 3, 4, 1)
    np.testing.assert_allclose(found.images.affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize("unit", ["rad", "mrad"])
def test_philips_by_real_world_values(tmp_path, unit):
    phase = phases()
    folder = write_series(
        tmp_path / "mre", phase, AFFINE, maker="Philips Medical Systems", rescale=(1.5, -300.0),
        real_world=unit,
    )  # fmt: skip
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


@pytest.mark.parametrize("maker", ["GE MEDICAL SYSTEMS", "Philips Healthcare", "UIH"])
def test_other_makers_need_a_declared_range(tmp_path, maker):
    phase = phases()
    rescale = (6.28, -3141.0)
    with pytest.raises(InputError, match=r"mre.*Declare PhaseUnits 'scanner' and PhaseRange"):
        read(write_series(tmp_path / "a" / "mre", phase, AFFINE, maker=maker, rescale=rescale))
    declared = {**DECLARED, "PhaseUnits": "scanner", "PhaseRange": [-3141, 6.28 * 4096 - 3141]}
    folder = write_series(
        tmp_path / "b" / "mre", phase, AFFINE, maker=maker, rescale=rescale, declared=declared
    )
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


def test_declared_order_where_comments_are_silent(tmp_path):
    phase = phases()
    declared = {**DECLARED, "VolumeOrder": ["driver", "direction", "offset"]}
    folder = write_series(tmp_path / "mre", phase, AFFINE, comment="", declared=declared, shuffle=3)
    np.testing.assert_allclose(read(folder).images.phase[..., 0], phase, atol=STEP)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comment": "MRE"}, "Declare VolumeOrder"),
        ({"comment": "MEG {d}"}, "Declare VolumeOrder"),
        ({"rescale": (1.0, 0.0)}, "not by 2 and -4096"),
        ({"skip": ("P", 1, 2, 3)}, "images of one slice and"),
        ({"declared": {**DECLARED, "OffsetsPerPeriod": 8}}, "12 volumes"),
        ({"declared": {**DECLARED, "Density": None}}, "Density"),
    ],
)
def test_what_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read(write_series(tmp_path / "mre", phases(), AFFINE, **changes))


def test_missing_slice_json_or_phase(tmp_path):
    phase = phases(5)
    folder = write_series(tmp_path / "mre", phase, AFFINE)
    for path in sorted(folder.iterdir()):
        if abs(pydicom.dcmread(path).ImagePositionPatient[2] - (AFFINE @ [0, 0, 2, 1])[2]) < 0.1:
            path.unlink()
    with pytest.raises(InputError, match="lacks slices"):
        read(folder)
    (tmp_path / "mre.json").unlink()
    with pytest.raises(InputError, match=r"mre.json: no JSON beside the folder"):
        read(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(InputError, match="holds no DICOM images"):
        read(tmp_path / "empty")
