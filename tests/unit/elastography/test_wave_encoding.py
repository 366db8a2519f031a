"""Exchanged or flipped encoding directions show in the divergence."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from waves_for_tests import modulus, plane_waves

from imaging.elastography.encoding import check_encoding
from imaging.elastography.waves import harmonic_field

TURN = Rotation.from_euler("xyz", [10, -20, 35], degrees=True).as_matrix()
AFFINE = np.eye(4)
AFFINE[:3, :3] = TURN * [2.5, -2.5, 3.0]
SHAPE = (24, 22, 14)


def check(declared, noise=0.03):
    axes = AFFINE[:3, :3] / np.linalg.norm(AFFINE[:3, :3], axis=0)
    images = plane_waves(
        AFFINE, SHAPE, stiffness=modulus(), directions=axes.T, noise=noise, drivers=2
    )
    field = harmonic_field(replace(images, directions=declared @ axes.T))
    return check_encoding(field, np.ones(SHAPE, bool))


def test_right_directions_leave_little_divergence():
    found = check(np.eye(3))
    assert found.declared < 0.03
    assert not found.doubtful
    np.testing.assert_array_equal(found.matrix, np.eye(3))


@pytest.mark.parametrize(
    "wrong",
    [
        np.diag([1.0, 1, -1]),
        np.eye(3)[[1, 0, 2]],
        np.eye(3)[[2, 0, 1]] * [[1], [-1], [1]],
    ],
)
def test_wrong_directions_are_named(wrong):
    found = check(wrong)
    assert found.doubtful
    assert found.least < 0.03
    # The matrix takes declared components to those along the axes, up to a common sign.
    product = found.matrix @ wrong.T
    assert np.allclose(product, np.eye(3)) or np.allclose(product, -np.eye(3))


def test_nothing_is_said_of_one_direction_or_few_slices():
    images = plane_waves(AFFINE, (20, 20, 2), stiffness=modulus())
    assert check_encoding(harmonic_field(images), np.ones((20, 20, 2), bool)) is None
    images = plane_waves(AFFINE, SHAPE, stiffness=modulus(), directions=np.eye(3)[:2])
    assert check_encoding(harmonic_field(images), np.ones(SHAPE, bool)) is None
