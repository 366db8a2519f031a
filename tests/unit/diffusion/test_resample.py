import numpy as np
import pytest
from diffusion_for_tests import affine_of
from scipy.spatial.transform import Rotation

from imaging.diffusion.resample import PlacedSeries, Placement, resample_series, slice_heights
from imaging.image import Image

TILT = Rotation.from_euler("xyz", [20, -10, 30], degrees=True).as_matrix()
SHAPE, SPACING = (32, 34, 20), (2.0, 2.0, 4.0)


def blob(points):
    """A smooth lump without symmetry."""
    x, y, z = np.moveaxis(points, -1, 0)
    return 100 * np.exp(-((x / 14) ** 2) - ((y - 2) / 11) ** 2 - ((z + 3) / 16) ** 2 + x * y / 900)


@pytest.fixture
def grid():
    return Image(np.zeros(SHAPE, np.uint8), affine_of(SHAPE, SPACING, TILT))


def world(grid):
    return grid.to_world(np.stack(np.indices(grid.shape), -1))


def test_motion_eddy_and_field_are_undone_together(grid):
    phase, axes = 1, grid.rotation
    along = axes[:, phase]
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec([2, -3, 1], degrees=True).as_matrix()
    pose[:3, 3] = [1.0, -1.5, 0.5]
    placed = Placement(pose, np.array([0.02, 0.03, -0.02]), np.array([3.0, 0.0, 1.0]))

    def field(points):
        return 2.0 * np.sin(points @ along / 15) * np.cos(points[..., 2] / 20)

    # Where each file voxel comes from, by fixed-point iteration of the forward model.
    file = world(grid)
    rest = file.copy()
    for _ in range(60):
        moved = rest @ pose[:3, :3].T + pose[:3, 3]
        eddy = (moved - placed.centre) @ axes @ placed.slopes
        ahead = moved + (eddy + field(rest))[..., None] * along - file
        rest = rest - ahead @ pose[:3, :3]
    step = 1e-3
    stretch = (field(rest + step * along) - field(rest - step * along)) / (2 * step)
    data = blob(rest) / (1 + placed.slopes[phase] + stretch)
    series = grid.with_data(data[..., None].astype(np.float32))
    found = resample_series(series, [placed], phase, field(file)).data[..., 0]
    inner = (slice(6, -6),) * 3
    np.testing.assert_allclose(found[inner], blob(file)[inner], atol=1.5)
    assert np.abs(data - blob(file))[inner].max() > 15


def test_volumes_at_rest_keep_their_bytes(grid):
    series = grid.with_data(np.random.default_rng(1).random((*SHAPE, 2), np.float32))
    np.testing.assert_array_equal(resample_series(series).data, series.data)


def test_weights_come_from_the_slice_that_the_volume_moved_from(grid):
    pose = np.eye(4)
    pose[:3, 3] = 2 * SPACING[2] * grid.rotation[:, 2]
    placements = [Placement(), Placement(pose)]
    np.testing.assert_allclose(slice_heights(grid, placements[1], 1, 2)[..., 5], 7)
    trust = np.ones((2, SHAPE[2]))
    trust[1, 7] = 0
    series = grid.with_data(np.ones((*SHAPE, 2), np.float32))
    weights = PlacedSeries(series, placements, 1, 2, trust).weights()
    np.testing.assert_allclose(weights[:, :, 5, 1], 0, atol=1e-6)
    np.testing.assert_allclose(weights.sum(), weights.size - SHAPE[0] * SHAPE[1], rtol=1e-5)
    pose[:3, 3] *= 0.75
    halfway = PlacedSeries(series, placements, 1, 2, trust).weights()
    np.testing.assert_allclose(halfway[:, :, 5, 1], 0.5, atol=1e-5)


def test_lost_slices_take_what_the_model_says_at_the_place_they_were_scanned(grid):
    pose = np.eye(4)
    pose[:3, 3] = SPACING[2] * grid.rotation[:, 2]
    placements = [Placement(), Placement(pose, np.array([0.0, 0.02, 0.0]))]
    trust = np.ones((2, SHAPE[2]))
    trust[1, 7] = 0
    heights = np.arange(SHAPE[2], dtype=np.float32)
    model = np.broadcast_to(heights[:, None], (*SHAPE, 2))
    series = grid.with_data(np.ones((*SHAPE, 2), np.float32))
    mended = PlacedSeries(series, placements, 1, 2, trust).with_model(model).source.data
    # A slice of the volume shows what lies one slice lower at rest; stretched signal is darker.
    np.testing.assert_allclose(mended[..., 7, 1], 6 / 1.02, rtol=1e-5)
    assert (np.delete(mended[..., 1], 7, axis=2) == 1).all() and (mended[..., 0] == 1).all()
