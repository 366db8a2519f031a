"""Simulated images: contrast, gradient convention on any grid, motion, distortion, noise."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.muscles import label_of
from imaging.phantom.diffusion import (
    EIGENVALUES,
    Weighting,
    diffusion_weighted,
    draw_motion,
    fsl_bvecs,
    reversed_field,
    weighting,
)
from imaging.phantom.images import (
    T1_SIGNAL,
    dixon_echoes,
    label_image,
    rician,
    sheet_image,
    t1_weighted,
    tissue_images,
)
from imaging.phantom.leg import make_leg, rotation_matrix

SPLIT = (1, 1, 1)


@pytest.fixture(scope="module")
def leg():
    return make_leg(1, "right", 0.0)


def quiet():
    return np.random.default_rng(0)


def test_bvecs_follow_the_image_axes_with_x_flipped_for_positive_determinant():
    g = np.array([[0.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
    assert np.allclose(fsl_bvecs(g, np.diag([2.0, 2, 5, 1]))[1], (-0.6, 0.8, 0))
    assert np.allclose(fsl_bvecs(g, np.diag([-2.0, 2, 5, 1]))[1], (-0.6, 0.8, 0))
    turned = np.eye(4)
    turned[:3, :3] = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) * (2.0, 2.0, 5.0)
    assert np.allclose(fsl_bvecs(g, turned)[1], (-0.8, -0.6, 0))


def test_directions_are_spread_and_unit():
    weights = weighting(12, 500.0, 3, quiet())
    on = weights.bvals > 0
    assert on.sum() == 12
    assert not on[0]
    assert np.allclose(np.linalg.norm(weights.directions[on], axis=1), 1.0)
    cosine = np.abs(weights.directions[on] @ weights.directions[on].T) - np.eye(12)
    assert np.degrees(np.arccos(cosine.max())) > 30


def test_tensor_of_the_signal_is_the_true_one_on_an_oblique_grid(leg):
    turn = rotation_matrix(np.deg2rad([20.0, -15.0, 30.0]))
    grid = leg.grid((5.0, 6.0, 9.0), 0.0, turn)
    weights = weighting(12, 500.0, 1, quiet())
    dwi, _ = diffusion_weighted([leg], grid, weights, split=SPLIT, snr=1e9, rng=quiet())
    labels = label_image([leg], grid)
    muscle = (labels.data == label_of("SOL", "right")) & (dwi.data[..., 0] > 290)
    voxels = np.argwhere(muscle)
    truth = leg.directions(grid.to_world(voxels), labels.data[muscle])
    g = weights.directions[1:]
    design = np.stack(
        [g[:, 0] ** 2, g[:, 1] ** 2, g[:, 2] ** 2, *(2 * g[:, [0, 0, 1]] * g[:, [1, 2, 2]]).T], 1
    )
    adc = -np.log(dwi.data[muscle][:, 1:] / dwi.data[muscle][:, :1]) / 500.0
    xx, yy, zz, xy, xz, yz = np.linalg.lstsq(design, adc.T, rcond=None)[0]
    tensor = np.moveaxis(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]), -1, 0)
    values, vectors = np.linalg.eigh(tensor)
    assert np.allclose(values[:, ::-1], EIGENVALUES, rtol=1e-2)
    assert np.abs((vectors[:, :, 2] * truth).sum(axis=1)).min() > 0.999


def test_rotating_the_leg_rotates_what_fixed_gradients_see(leg):
    grid = leg.grid((6.0, 6.0, 12.0), 20.0)
    g = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    weights = Weighting(np.array([500.0, 500.0]), g)
    motion = np.array([[0.0] * 6, [0, 0, 0, 0, 0, 30.0]])
    still, _ = diffusion_weighted([leg], grid, weights, split=SPLIT, snr=1e9, rng=quiet())
    moved, _ = diffusion_weighted(
        [leg], grid, weights, split=SPLIT, snr=1e9, rng=quiet(), motion=motion
    )
    assert np.array_equal(still.data[..., 0], moved.data[..., 0])
    assert not np.array_equal(still.data[..., 1], moved.data[..., 1])
    # About the gradient itself: the signal moves but keeps its distribution.
    assert moved.data[..., 1].mean() == pytest.approx(still.data[..., 1].mean(), rel=0.02)


def test_motion_starts_at_rest_and_has_its_size():
    motion = draw_motion(9, 2.0, quiet())
    assert not motion[0].any()
    assert np.abs(motion[:, :3]).max() == pytest.approx(2.0)


def test_distortion_moves_along_the_second_axis_only(leg):
    grid = leg.grid((4.0, 4.0, 20.0), (10.0, 20.0, 0.0))
    weights = Weighting(np.zeros(1), np.zeros((1, 3)))
    common = {"split": (2, 3, 2), "snr": 1e9}
    straight, _ = diffusion_weighted([leg], grid, weights, rng=quiet(), **common)
    bent, field = diffusion_weighted([leg], grid, weights, rng=quiet(), distortion_mm=8.0, **common)
    assert np.abs(field.data).max() == pytest.approx(8.0, rel=1e-3)
    assert not np.allclose(straight.data, bent.data)
    # Signal is moved and compressed along the axis, not lost.
    before, after = straight.data.sum(axis=1), bent.data.sum(axis=1)
    thick = before > 1500
    assert np.median(np.abs(after / before - 1)[thick]) < 0.03


def test_contrast_of_t1_and_fat_water_phase(leg):
    grid = leg.grid((3.0, 3.0, 12.0), 0.0)
    labels = label_image([leg], grid).data % 100
    image = t1_weighted([leg], grid, SPLIT, 200.0, quiet()).data
    muscle, fat, air = (np.median(image[labels == i]) for i in (9, 31, 0))
    assert air < 0.05 * muscle < muscle < 0.6 * fat
    echoes = dixon_echoes([leg], grid, SPLIT, 200.0, quiet())
    assert len(echoes) == 3
    assert all(np.abs(phase.data).max() <= np.pi + 1e-6 for _, phase in echoes)


def test_partial_volume_by_rendering_near_borders_equals_full_sampling(leg):
    grid, values = leg.grid((4.0, 4.0, 8.0), 0.0), T1_SIGNAL[None]
    quick = tissue_images([leg], grid, (2, 2, 2), values)[..., 0]
    full = np.zeros_like(quick)
    for offset in np.ndindex(2, 2, 2):
        affine = grid.affine.copy()
        affine[:3, 3] = grid.to_world(np.array(offset) / 2 - 0.25)
        full += tissue_images([leg], replace(grid, affine=affine), SPLIT, values)[..., 0] / 8
    assert np.mean(np.abs(quick - full) > 0.1) < 0.01


def test_sheet_is_thin_and_divides_the_muscle(leg):
    labels = label_image([leg], leg.grid((2.0, 2.0, 6.0), 0.0))
    sheet = sheet_image(leg, labels, 209).data
    muscle = labels.data == 209
    assert 0.02 < sheet.sum() / muscle.sum() < 0.2
    assert not (sheet & ~muscle).any()


def test_noise_is_rician():
    noise = rician(np.zeros(200_000, np.float32), 2.0, quiet())
    assert noise.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.01)


def test_reversed_field_moves_the_same_tissue_the_other_way(leg):
    grid = leg.grid((4.0, 4.0, 20.0), (10.0, 20.0, 0.0))
    at = grid.spacing[1] * np.arange(grid.shape[1])
    moved = 5.0 * np.sin(at / 25.0)  # of the tissue at `at`
    shown = np.interp(at, at + moved, -moved)
    columns = np.broadcast_to(shown[None, :, None], grid.shape)
    back = reversed_field(grid.with_data(columns)).data[2, :, 1]
    inner = slice(3, -3)
    np.testing.assert_allclose(back[inner], np.interp(at, at - moved, moved)[inner], atol=0.12)
