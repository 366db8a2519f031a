"""Directions without sign, on grids and at points."""

import numpy as np
import pytest

from imaging.dyads import dyads, dyads_at, dyads_on, main_axes, share_known
from imaging.image import Image


def field():
    """Fibres that turn in the plane x, z, of either sign; none in the first two rows."""
    angle = np.radians(10 * np.arange(12.0))
    vectors = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], -1)
    vectors = np.broadcast_to(vectors[:, None, None], (12, 8, 6, 3)).copy()
    vectors[::2] *= -1
    vectors[:, :2] = 0
    return Image(vectors.astype(np.float32), np.diag([2.0, 2.0, 4.0, 1.0]))


def test_grid_and_points_give_the_same_axes_between_voxels():
    grid = Image(np.zeros((11, 5, 5)), np.diag([2.0, 2.0, 4.0, 1.0]))
    grid.affine[:3, 3] = [1.0, 5.0, 2.0]
    on = dyads_on(field(), grid)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    at = dyads_at(field(), grid.to_world(index))
    np.testing.assert_allclose(on.reshape(-1, 6), at, atol=1e-6)
    found = main_axes(at)
    middle = np.radians(10 * (index[:, 0] + 0.5))
    truth = np.stack([np.sin(middle), 0 * middle, np.cos(middle)], -1)
    assert np.abs((found.axis * truth).sum(-1)).min() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.share, 1, atol=1e-6)
    np.testing.assert_allclose(found.agreement, np.cos(np.radians(5)) ** 2, atol=1e-5)


def test_share_says_how_much_around_knows_a_direction():
    points = field().to_world([[3, 1.25, 2], [3, 0.5, 2], [3, 3.0, 2]])
    np.testing.assert_allclose(share_known(dyads_at(field(), points)), [0.25, 0, 1], atol=1e-6)


def test_directions_every_way_do_not_agree():
    mean = dyads(np.eye(3)).mean(axis=0, keepdims=True)
    assert main_axes(mean).agreement[0] == pytest.approx(1 / 3)
