import numpy as np
import pytest

from imaging.segmentation.inputs import channels, level


def test_level_is_that_of_the_deep_part():
    data = np.full((41, 41), 300.0, np.float32)
    x, y = np.mgrid[-20:21, -20:21]
    depth = np.maximum(20.0 - np.hypot(x, y), 0).astype(np.float32)
    data[depth > 10] = 100.0
    assert level(data, depth) == 100.0


def test_no_leg_no_level():
    assert level(np.ones((4, 4), np.float32), np.zeros((4, 4), np.float32)) == 0.0


def test_channels_do_not_change_with_the_scale_of_the_image():
    slices = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    one, other = channels(slices, 0.5, 0.3), channels(1000 * slices, 500.0, 0.3)
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_unknown_height_is_zero_and_says_so():
    slices = np.ones((3, 4, 4), np.float32)
    assert (channels(slices, 1.0, None)[3:] == 0).all()
    known = channels(slices, 1.0, 0.75)
    assert (known[3] == pytest.approx(0.5)) and (known[4] == 1).all()
