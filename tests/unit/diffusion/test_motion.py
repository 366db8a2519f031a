import numpy as np
import pytest
from diffusion_for_tests import angle_deg, gradient_table, series
from scipy.spatial.transform import Rotation

from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.motion import estimate_motion
from imaging.diffusion.resample import resample_series
from imaging.diffusion.tensor import fit_tensor

SHAPE, SPACING = (30, 30, 24), (2.5, 2.5, 4.0)


def estimated(motion, sigma=15.0, rotation=None):
    table = gradient_table(12, 2)
    full = np.zeros((14, 6))
    for volume, values in motion.items():
        full[volume] = values
    image, truth = series(
        SHAPE, SPACING, table, motion=full, sigma=sigma, seed=1, rotation=rotation
    )
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    return image, table, mask, truth, estimate_motion(image, table, mask)


def at_rest(image, table, motion):
    return resample_series(image, motion.placements()), motion.turned_back(table)


def test_still_volumes_are_left_alone():
    image, table, _, _, motion = estimated({})
    assert not motion.corrected.any()
    after, same = at_rest(image, table, motion)
    np.testing.assert_array_equal(after.data, image.data)
    np.testing.assert_allclose(same.vectors, table.vectors)


@pytest.mark.parametrize("tilt", [0.0, 35.0])
def test_known_motion_is_found_and_directions_are_turned_back(tilt):
    rotation = Rotation.from_euler("xyz", [tilt, -tilt / 2, 10], degrees=True).as_matrix()
    moved = {4: (2.0, -1.5, 1.0, 1.0, 2.0, -3.0), 9: (-1.5, 1.0, -2.0, -2.0, 0.0, 2.5)}
    image, table, mask, _truth, motion = estimated(moved, rotation=rotation)
    assert set(np.flatnonzero(motion.corrected)) >= {4, 9}
    for volume, values in moved.items():
        found = motion.matrix(volume)
        turn = Rotation.from_rotvec(values[3:], degrees=True).as_matrix()
        points = image.to_world(np.argwhere(mask)[::50])
        true = points @ turn.T + values[:3]
        gap = points @ found[:3, :3].T + found[:3, 3] - true
        moved_mm = np.sqrt(np.square(true - points).sum(1).mean())
        assert np.sqrt(np.square(gap).sum(1).mean()) < max(0.35 * moved_mm, 0.5)
    after, turned = at_rest(image, table, motion)
    np.testing.assert_allclose(np.linalg.norm(turned.vectors[2:], axis=1), 1)
    back = Rotation.from_rotvec(moved[4][3:], degrees=True).as_matrix().T @ table.vectors[4]
    assert angle_deg(turned.vectors[4], back) < 1.5
    raw, fixed = fit_tensor(image.data, table, mask), fit_tensor(after.data, turned, mask)
    assert np.median(fixed.residual[mask]) < np.median(raw.residual[mask])
