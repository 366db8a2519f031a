import numpy as np
import pytest
from diffusion_for_tests import around, gradient_table, series
from scipy import ndimage

from imaging.diffusion.hidden_motion import hidden_motion
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.resample import Placement

SHAPE, SPACING = (30, 30, 20), (2.0, 2.0, 4.0)


def two_muscles(points):
    """Two muscles whose fibres and brightness differ, with a bone, in a tapering leg."""
    x, y, z = np.moveaxis(points, -1, 0)
    inner = np.hypot(x + 3, y - 2) * (1 + 0.006 * z) < 12
    s0 = np.where(inner, 700.0, 1000.0)
    s0 = np.where(np.hypot(x - 15, y) < 5, 80.0, s0)
    s0 = np.where(np.hypot(x, y) * (1 + 0.004 * z) < 24, s0, 0.0)
    e1 = np.where(inner[..., None], np.array([0.5, 0.2, np.sqrt(0.71)]), around(points))
    return s0, e1


def found(motion, sigma=20.0, volumes=14):
    table = gradient_table(12, 2)
    image, _ = series(SHAPE, SPACING, table, motion=motion, sigma=sigma, field=two_muscles)
    smooth = [
        ndimage.gaussian_filter(a, 2.0 / np.array(SPACING)) for a in np.moveaxis(image.data, 3, 0)
    ]
    image = image.with_data(np.stack(smooth, 3))
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    table = type(table)(table.bvals[:volumes], table.vectors[:volumes])
    still = [Placement()] * volumes
    return table, hidden_motion(image.with_data(image.data[..., :volumes]), still, table, mask)


def test_contrast_of_tensors_is_not_taken_for_motion():
    _, steps = found(np.zeros((14, 6)))
    assert np.abs(steps[:, :3]).max() < 0.15
    assert np.abs(np.degrees(steps[:, 3:])).max() < 0.2


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_that_the_tensor_follows_is_found(axis):
    motion = np.zeros((14, 6))
    motion[:, axis] = np.square(gradient_table(12, 2).vectors[:, axis])
    _, steps = found(motion)
    expected = motion[:, axis] - motion[0, axis]
    got = steps[:, axis] - steps[0, axis]
    assert np.sqrt(np.square(got - expected).mean()) < 0.35 * np.sqrt(np.square(expected).mean())


def test_with_too_few_volumes_nothing_is_found():
    _, steps = found(np.zeros((14, 6)), volumes=6)
    assert not steps.any()


def test_the_same_input_gives_the_same_steps():
    np.testing.assert_array_equal(found(np.zeros((14, 6)))[1], found(np.zeros((14, 6)))[1])
