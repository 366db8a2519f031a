"""Wave images of a leg that moved after its anatomical image are put where that shows it."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.config import ElastographySettings
from imaging.elastography.waves import WaveImages
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.io.waves.load import load_examination
from imaging.io.waves.placed import moved, place
from imaging.provenance import sidecar_path, write_json

SHAPE, SPACING = (44, 40, 16), (2.5, 2.5, 4.0)


def leg(points):
    """A calf with two bones and muscles of other brightness (N,), tapering along z."""
    x, y, z = points.T
    size = 42 - 0.12 * z
    inside = np.hypot(x, y * 1.1) < size
    value = np.where(inside, 100 + 25 * np.sin(x / 9) * np.cos(y / 11 + z / 40), 3.0)
    value[np.hypot(x + 12, y - 14 + z / 25) < 9] = 30
    value[np.hypot(x - 20, y - 2) < 5] = 25
    return np.where(inside, value, 3.0)


def image(affine, shape, world=None):
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    points = voxels @ affine[:3, :3].T + affine[:3, 3]
    if world is not None:
        points = points @ world[:3, :3].T + world[:3, 3]
    return ndimage.gaussian_filter(leg(points).reshape(shape), 0.6).astype(np.float32)


def grid(shape, spacing):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing
    return affine


# Along the leg its outline changes little: within half a slice.
WITHIN_MM = np.array([1.2, 1.2, 2.0])
WORLD = np.eye(4)
WORLD[:3, :3] = Rotation.from_euler("xyz", [2, -3, 5], degrees=True).as_matrix()
WORLD[:3, 3] = [4, -3, 5]
ANATOMY = Image(image(grid((96, 96, 40), (1.2, 1.2, 3.0)), (96, 96, 40)),
                grid((96, 96, 40), (1.2, 1.2, 3.0)))  # fmt: skip


def waves(world, shape=SHAPE):
    affine = grid(shape, SPACING)
    weight = image(affine, shape, world)
    phase = np.zeros((*shape, 3, 4, 1), np.float32)
    return WaveImages(phase, weight, affine, np.eye(3), 60.0, 1000.0)


def test_motion_between_the_two_is_found_and_directions_turn_with_it():
    given = waves(WORLD)
    found = place(given, given.weight > 40, ANATOMY)
    assert found.alignment.status == "registered"
    np.testing.assert_allclose(found.alignment.world[:3, :3], WORLD[:3, :3], atol=0.02)
    assert (np.abs(found.alignment.world[:3, 3] - WORLD[:3, 3]) < WITHIN_MM).all()
    again = moved(given, found)
    np.testing.assert_allclose(again.directions, found.alignment.world[:3, :3].T, atol=1e-6)
    assert "were moved onto it" in found.warnings[0]


def test_waves_in_place_stay():
    given = waves(np.eye(4))
    found = place(given, given.weight > 40, ANATOMY)
    assert found.alignment.shift_mm < 0.5
    assert not found.warnings


@pytest.mark.parametrize("how", ["flat", "thin"])
def test_what_cannot_be_placed_is_said(how):
    given = waves(WORLD, (44, 40, 3)) if how == "thin" else waves(WORLD)
    if how == "flat":
        given.weight[:] = 1
    found = place(given, given.weight > 0, ANATOMY)
    assert found.alignment is None
    assert "not registered" in found.warnings[0]
    assert moved(given, found) is given


def test_the_examination_lies_where_the_anatomy_does(tmp_path):
    given = waves(WORLD)
    rng = np.random.default_rng(0)
    phase = rng.uniform(-1, 1, given.phase.shape[:5]).astype(np.float32)
    path = tmp_path / "sub-1_part-phase_mre.nii.gz"
    save_image(Image(phase, given.affine), path)
    magnitude = tmp_path / "sub-1_part-mag_mre.nii.gz"
    save_image(Image(given.weight, given.affine), magnitude)
    write_json(sidecar_path(path), {
        "MechanicalFrequency": 60, "Density": 1000, "PhaseUnits": "rad", "Drivers": 1,
        "EncodingDirections": np.eye(3).tolist(), "EncodingDirectionsFrame": "image",
        "OffsetsPerPeriod": 4,
    })  # fmt: skip
    read = load_examination([path], None, None, ElastographySettings(), ANATOMY)
    off = read.grid.affine[:3, 3] - (WORLD @ given.affine)[:3, 3]
    assert (np.abs(off) < WITHIN_MM).all()
    assert read.facts["wave_alignment"] == "registered"
    assert any("were moved onto it" in w for w in read.warnings)
    alone = load_examination([path], None, None, ElastographySettings())
    np.testing.assert_allclose(alone.grid.affine, given.affine, atol=1e-5)
