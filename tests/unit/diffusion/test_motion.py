import numpy as np
import pytest
from diffusion_for_tests import angle_deg, gradient_table, series
from scipy.spatial.transform import Rotation

from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.motion import estimate_motion
from imaging.diffusion.resample import Placement, resample_series
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
    # Motion shows at edges; inside an even body the misfit is noise, whatever moved.
    assert np.mean(fixed.residual[mask]) < 0.8 * np.mean(raw.residual[mask])


def test_motion_that_is_even_in_the_gradient_is_found():
    # A tensor fit would follow such a displacement and hide it.
    table = gradient_table(12, 2)
    motion = np.zeros((14, 6))
    motion[:, 0] = 4 * np.square(table.vectors[:, 0])
    motion -= np.median(motion, axis=0)
    image, _ = series(SHAPE, SPACING, table, motion=motion, sigma=15.0, seed=2)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    found = estimate_motion(image, table, mask)
    gap = found.trace[:, 0] - motion[:, 0]
    assert np.sqrt(np.square(gap - np.median(gap)).mean()) < 0.3


def test_eddy_currents_are_told_from_motion():
    table = gradient_table(12, 2)
    motion = np.random.default_rng(3).uniform(-1, 1, (14, 6)) * [1, 1, 1, 1.5, 1.5, 1.5]
    image, _ = series(SHAPE, SPACING, table, motion=motion, sigma=15.0, seed=4)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    slopes = table.vectors @ np.array([[0.02, -0.01, 0.0], [0.01, 0.03, -0.01], [0.0, 0.01, 0.02]])
    back = [Placement(slopes=-s / (1 + s[1])) for s in slopes]
    found = estimate_motion(resample_series(image, back, 1), table, mask, phase_axis=1)
    gap = np.sqrt(np.square(found.slopes - slopes).mean(0))
    # Shear along a cylinder is all but a rotation: there only the sum of both can be found.
    assert gap[:2].max() < 0.25 * np.sqrt(np.square(slopes).mean())
    points = image.to_world(np.argwhere(mask)[::50])
    gaps = []
    for place, moved, slope in zip(found.placements(every=True), motion, slopes, strict=True):
        turn = Rotation.from_rotvec(moved[3:], degrees=True).as_matrix()
        true = points @ turn.T + moved[:3]
        true[:, 1] += true @ slope
        matrix = place.matrix(image.rotation, 1)
        gaps.append(points @ matrix[:3, :3].T + matrix[:3, 3] - true)
    gaps = np.array(gaps) - np.median(gaps, axis=0)
    assert np.sqrt(np.square(gaps).mean((0, 1))).max() < 0.4
    assert (found.slopes[table.is_b0] == 0).all()


def test_lost_slices_without_trust_do_not_move_a_volume():
    table = gradient_table(12, 2)
    image, _ = series(SHAPE, SPACING, table, sigma=15.0, seed=5)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    trust = np.ones((14, SHAPE[2]))
    trust[6, 8:11] = 0
    image.data[:, :, 8:11, 6] *= 0.3
    found = estimate_motion(image, table, mask, slice_weights=trust)
    assert not found.corrected[6]


def test_threads_do_not_change_a_bit(monkeypatch):
    table = gradient_table(12, 2)
    motion = np.random.default_rng(5).uniform(-1, 1, (14, 6))
    image, _ = series((18, 18, 14), SPACING, table, motion=motion, sigma=15.0, seed=4)
    mask = leg_mask(image.with_data(image.data.mean(-1)))
    traces = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        traces.append(estimate_motion(image, table, mask, phase_axis=1))
    np.testing.assert_array_equal(traces[0].trace, traces[1].trace)
    np.testing.assert_array_equal(traces[0].slopes, traces[1].slopes)
