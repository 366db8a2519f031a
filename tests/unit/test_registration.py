import numpy as np
import pytest
from scipy import ndimage

from imaging.image import Image
from imaging.registration import overlap_share, register_rigid


@pytest.fixture(scope="module")
def bodies():
    """Return two contrasts of one body, 3 mm, and its mask."""
    rng = np.random.default_rng(5)
    x, y, z = (np.mgrid[:40, :40, :20] - np.array([20, 20, 10]).reshape(3, 1, 1, 1)) * 3.0
    mask = np.hypot(x / 45, y / 38) < 1.1 - 0.004 * z
    parts = ndimage.gaussian_filter(rng.normal(size=mask.shape), 3)
    level = 1 + (parts > 0) + 2 * (np.hypot(x - 15, y + 10) < 10)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    one = np.where(mask, level, 0).astype(np.float32)
    other = np.where(mask, 5 - level, 0).astype(np.float32)
    return Image(one, affine), mask, Image(other, affine)


def test_another_contrast_displaced_by_a_known_shift_is_found(bodies):
    fixed, mask, moving = bodies
    place = moving.affine.copy()
    place[:3, 3] += [6.0, -4.0, 7.0]
    found = register_rigid(fixed, mask, Image(moving.data, place))
    assert found.status == "registered"
    centre = fixed.to_world(np.argwhere(mask).mean(0))
    moved = found.world[:3, :3] @ centre + found.world[:3, 3] - centre
    np.testing.assert_allclose(moved, [6.0, -4.0, 7.0], atol=0.6)
    assert found.rotation_deg < 1.0


def test_what_lies_in_its_place_is_kept_there(bodies):
    fixed, mask, moving = bodies
    found = register_rigid(fixed, mask, moving)
    assert found.status == "kept"
    np.testing.assert_array_equal(found.world, np.eye(4))


def test_overlap_counts_what_the_other_field_of_view_holds(bodies):
    fixed, mask, moving = bodies
    half = moving.affine.copy()
    half[2, 3] += 30.0
    far = moving.affine.copy()
    far[2, 3] += 480.0
    assert overlap_share(fixed, mask, moving) == 1.0
    assert 0.4 < overlap_share(fixed, mask, Image(moving.data, half)) < 0.6
    assert overlap_share(fixed, mask, Image(moving.data, far)) == 0.0
