from dataclasses import replace

import numpy as np
import pytest
from diffusion_for_tests import affine_of, around, gradient_table, leg, series
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.diffusion.forward import series_at_rest
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.resample import PlacedSeries, Placement, in_volume, resample_signed
from imaging.image import Image

SHAPE, SPACING = np.array([24, 24, 14]), np.array([2.5, 2.5, 5.0])


def bands(points):
    """Tissue crossed by thin dark layers, as fascia and vessels cross muscle."""
    x, y, z = np.moveaxis(points, -1, 0)
    layer = np.square(np.cos((0.5 * x + 0.3 * y + z) * np.pi / 22)) < 0.05
    return np.where(layer, 350.0, 1000.0), around(points)


def boxes(table, motion, field):
    """Return means over voxels: a thick slice of points would alias, which no scanner does."""
    split = np.array([3, 3, 4])
    fine, _ = series(tuple(SHAPE * split), SPACING / split, table, motion=motion, field=field)
    return fine.data.reshape(SHAPE[0], 3, SHAPE[1], 3, SHAPE[2], 4, -1).mean((1, 3, 5))


def moved_series(sigma=0.0, field=leg):
    """Return a series that moves between all volumes but the first, its table and its poses."""
    table = gradient_table(12, 2)
    motion = np.random.default_rng(3).uniform(-1, 1, (14, 6)) * [2, 2, 2, 3, 3, 3]
    motion[0] = 0
    signal = boxes(table, motion, field)
    noise = sigma * np.random.default_rng(4).standard_normal((2, *signal.shape))
    image = Image(np.hypot(signal + noise[0], noise[1]), affine_of(SHAPE, SPACING))
    poses = []
    for values in motion:
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_rotvec(values[3:], degrees=True).as_matrix()
        pose[:3, 3] = values[:3]
        poses.append(pose)
    return image, table, poses


def placed_at(image, poses):
    return PlacedSeries(image, [Placement(pose) for pose in poses])


def test_nothing_moved_changes_no_byte():
    image, table, _ = moved_series(15.0)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    still = placed_at(image, [np.eye(4)] * 14)
    np.testing.assert_array_equal(series_at_rest(still, table, mask).data, image.data)


def test_a_volume_that_did_not_move_keeps_its_values():
    image, table, poses = moved_series(15.0)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    rest = series_at_rest(placed_at(image, poses), table, mask)
    np.testing.assert_array_equal(rest.data[..., 0], image.data[..., 0])
    assert rest.data.min() >= 0


def test_with_too_few_directions_volumes_are_interpolated_as_before():
    image, table, poses = moved_series(15.0)
    few = placed_at(image.with_data(image.data[..., :6]), poses[:6])
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    first = GradientTable(table.bvals[:6], table.vectors[:6])
    rest = series_at_rest(few, first, mask)
    np.testing.assert_array_equal(rest.data, few.at_rest().data)


def test_full_trust_in_every_slice_changes_nothing():
    image, table, poses = moved_series(15.0)
    mask = np.zeros(SHAPE, bool)
    mask[8:12, 8:12, 6:8] = True
    placed = placed_at(image, poses)
    trusted = replace(placed, slice_weights=np.ones((14, SHAPE[2])))
    one, other = (series_at_rest(p, table, mask).data for p in (placed, trusted))
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=0.01)
    assert np.array_equal(one[0], placed.at_rest().data[0])  # beyond the margin


@pytest.mark.parametrize("field", [bands, leg])
def test_the_series_is_nearer_to_one_that_never_moved(field):
    image, table, poses = moved_series(field=field)
    turned = table.rotated(np.array([pose[:3, :3].T for pose in poses]))
    still = boxes(turned, None, field)
    placed = placed_at(image, poses)
    inner = (slice(4, -4), slice(4, -4), slice(3, -3))
    gaps = []
    for rest in (placed.at_rest(), series_at_rest(placed, turned, np.ones(SHAPE, bool))):
        gap = (rest.data - still)[inner]
        # What all volumes share does not turn directions.
        gaps.append(np.std(gap - gap.mean(-1, keepdims=True)))
    assert gaps[1] < 0.93 * gaps[0]


@settings(max_examples=10, deadline=None)
@given(
    st.tuples(*[st.floats(-2, 2)] * 3), st.tuples(*[st.floats(-3, 3)] * 3), st.floats(-0.03, 0.03)
)
def test_what_is_taken_to_a_volume_and_back_is_the_same(shift, turn, slope):
    grid = Image(np.zeros(SHAPE), affine_of(SHAPE, SPACING))
    points = grid.to_world(np.moveaxis(np.indices(SHAPE), 0, -1))
    signal = np.exp(-np.square(points / 14).sum(-1) / 2)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(turn, degrees=True).as_matrix()
    pose[:3, 3] = shift
    place = Placement(pose, np.array([0.0, slope, 0.0]))
    there = in_volume(signal, grid, place, 1)
    back = resample_signed(grid.with_data(there), place, 1, order=5)
    np.testing.assert_allclose(back[4:-4, 4:-4, 3:-3], signal[4:-4, 4:-4, 3:-3], atol=2e-3)
