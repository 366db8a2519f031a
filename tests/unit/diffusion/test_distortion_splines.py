import numpy as np

from imaging.diffusion.distortion_splines import Splines


def test_the_banded_normal_matrix_is_that_of_the_field():
    rng = np.random.default_rng(1)
    lines = (slice(None, None, 2), slice(None))
    splines = Splines((9, 6, 14), np.array([2.0, 3.0, 2.0]), 7.0, lines, 0.1)
    a, s, weight = rng.standard_normal((3, 5, 6, 14))
    weight = np.where(weight > 1, 0.0, np.abs(weight))
    normal = splines.normal(a, s, weight)

    def product(c):
        field = splines.field(c)
        change = weight * (a * field.shift + s * field.slope)
        return splines.back(a * change, s * change) + splines.prior(c)

    c = rng.standard_normal(splines.shape)
    np.testing.assert_allclose(normal.times(c), product(c), rtol=1e-9, atol=1e-9)
    one = np.zeros(splines.shape)
    one[2, 1, 3] = 1.0
    gap = (normal.diagonal() - product(one))[2, 1, 3]
    assert abs(gap) < 1e-2 * normal.diagonal()[2, 1, 3]
