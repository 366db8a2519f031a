import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.diffusion.cubic import read_splines


@pytest.mark.parametrize("shape", [(12, 9, 11), (5, 4, 3), (7, 1, 2)])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.7, -1.2, 0.4), (-30.0, 4.5, 40.0)])
def test_it_agrees_with_scipy_inside_and_beyond_the_border(shape, shift):
    values = np.random.default_rng(1).random(shape).astype(np.float32)
    spline = ndimage.spline_filter(values, mode="nearest", output=np.float64).astype(np.float32)
    matrix = 1.01 * Rotation.from_rotvec([0.2, -0.1, 0.05]).as_matrix()
    expected = 1.1 * ndimage.affine_transform(
        spline, matrix, shift, order=3, mode="nearest", prefilter=False
    )
    found = read_splines(spline, matrix, np.array(shift), 1.1)
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=2e-6)


def test_a_grid_at_rest_keeps_its_values():
    values = np.random.default_rng(2).random((8, 7, 6)).astype(np.float32)
    spline = ndimage.spline_filter(values, mode="nearest", output=np.float64).astype(np.float32)
    found = read_splines(spline, np.eye(3), np.zeros(3))
    np.testing.assert_allclose(found, values, atol=1e-6)
