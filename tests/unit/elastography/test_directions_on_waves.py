"""Fibre directions on another grid: world vectors stay, and their sign does not matter."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.elastography.directions import directions_on
from imaging.image import Image

AXIS = np.array([0.36, -0.48, 0.8])


def field(affine, shape, seed=0):
    """One direction with random signs in one half of space."""
    rng = np.random.default_rng(seed)
    data = AXIS * rng.choice([-1, 1], shape)[..., None]
    data[: shape[0] // 2] = 0
    return Image(data.astype(np.float32), affine)


def oblique(spacing, turn):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    affine[:3, 3] = -affine[:3, :3] @ np.array([8, 8, 8])
    return affine


def test_vectors_do_not_turn_with_the_grid():
    there = field(oblique([2.0, -2.0, 3.0], [5, 10, -20]), (20, 20, 12))
    here = Image(np.zeros((16, 16, 16), np.uint8), oblique([2.5, 2.5, 2.5], [-30, 4, 60]))
    found, spread = directions_on(there, here)
    inside = np.linalg.norm(found, axis=3) > 0
    assert 200 < inside.sum() < 3000
    np.testing.assert_allclose(np.abs(found[inside] @ AXIS), 1, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found[inside], axis=1), 1, atol=1e-4)
    assert spread.max() < 1.0


def test_spread_is_the_angle_between_neighbours():
    angle = np.radians(10)
    data = np.zeros((9, 9, 9, 3), np.float32)
    data[..., 2] = np.cos(angle)
    data[::2, ..., 0], data[1::2, ..., 0] = np.sin(angle), -np.sin(angle)
    there = Image(data, np.diag([2.0, 2.0, 2.0, 1.0]))
    shifted = there.affine.copy()
    shifted[0, 3] = 1.0  # half-way between layers
    found, spread = directions_on(there, Image(np.zeros((8, 9, 9)), shifted))
    np.testing.assert_allclose(np.abs(found[4, 4, 4]), [0, 0, 1], atol=1e-3)
    assert abs(spread[4, 4, 4] - 10) < 0.1
