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


@pytest.mark.parametrize("seed", range(3))
def test_closed_form_finds_the_axis_that_iteration_finds(seed):
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0, 1, (4000, 1, 1)) ** 3
    vectors = rng.normal(size=(4000, 1, 3)) + spread * rng.normal(size=(4000, 8, 3))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    mean = dyads(vectors).mean(axis=1)
    mean[:5] = [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0.5, 0, 0.5, 0, 0, 0],
                [1 / 3, 0, 1 / 3, 0, 0, 1 / 3], [0.4, 0, 0.4 - 1e-9, 0, 0, 0.2]]  # fmt: skip
    matrix = np.empty((4000, 3, 3))
    for part, (a, b) in enumerate(((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))):
        matrix[:, a, b] = matrix[:, b, a] = mean[:, part]
    values, directions = np.linalg.eigh(matrix)
    for kind, fine in ((np.float64, 1e-9), (np.float32, 1e-5)):
        found = main_axes(mean.astype(kind))
        np.testing.assert_allclose(np.linalg.norm(found.axis, axis=-1), 1, atol=1e-6)
        # As far along the axis as the largest eigenvalue says, also where two are nearly one.
        along = np.einsum("na,nab,nb->n", found.axis, matrix, found.axis)
        np.testing.assert_allclose(along, values[:, 2], atol=fine)
        np.testing.assert_allclose(found.agreement, values[:, 2], atol=1e-5)
        apart = values[:, 2] - values[:, 1] > 0.05
        assert (found.axis[:, 2] >= 0).all()
        turned = np.abs((found.axis * directions[..., 2]).sum(-1))
        assert turned[apart].min() > 1 - fine
