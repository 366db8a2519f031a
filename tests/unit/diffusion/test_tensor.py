import numpy as np
import pytest
from diffusion_for_tests import EIGENVALUES, angle_deg, gradient_table, series
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradient_check import candidates
from imaging.diffusion.gradients import GradientTable, file_to_world
from imaging.diffusion.tensor import design_matrix, fit_tensor, fractional_anisotropy, to_matrix

SHAPE, SPACING = (9, 8, 7), (3.0, 2.0, 5.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(1, 1, 1), (-1, 1, 1), (1, -1, 1), (-1, -1, -1)]))
def test_e1_is_world_ras_for_any_oblique_flipped_anisotropic_grid(seed, flips):
    rotation = Rotation.random(random_state=seed).as_matrix() @ np.diag(flips).astype(float)
    world = gradient_table()
    image, truth = series(SHAPE, SPACING, world, rotation=rotation)
    # What a file holds, and back: the same directions in world.
    matrix = file_to_world(image.affine)
    table = GradientTable(world.bvals, (world.vectors @ matrix) @ matrix.T)
    mask = image.data[..., 0] > 0
    fit = fit_tensor(image.data, table, mask)
    assert angle_deg(fit.e1[mask], truth[mask]).max() < 0.1
    np.testing.assert_allclose(
        fit.eigenvalues[mask], np.tile(EIGENVALUES, (mask.sum(), 1)), rtol=2e-3
    )
    assert (fit.e1[..., 2] >= 0).all()


def test_scalars_follow_their_definitions():
    image, _ = series(SHAPE, SPACING, gradient_table())
    mask = image.data[..., 0] > 0
    fit = fit_tensor(image.data, gradient_table(), mask)
    np.testing.assert_allclose(fit.md[mask], EIGENVALUES.mean(), rtol=1e-3)
    np.testing.assert_allclose(fit.ad[mask], EIGENVALUES[0], rtol=2e-3)
    np.testing.assert_allclose(fit.rd[mask], EIGENVALUES[1:].mean(), rtol=2e-3)
    d = EIGENVALUES - EIGENVALUES.mean()
    fa = np.sqrt(1.5 * (d**2).sum() / (EIGENVALUES**2).sum())
    np.testing.assert_allclose(fit.fa[mask], fa, rtol=5e-3)
    np.testing.assert_allclose(fit.s0[mask], image.data[..., 0][mask], rtol=1e-3)
    assert fit.residual[mask].max() < 1e-3
    assert not fit.tensor[~mask].any()
    matrix = to_matrix(fit.tensor[mask])
    np.testing.assert_allclose(np.trace(matrix, axis1=1, axis2=2) / 3, fit.md[mask], rtol=1e-5)


def test_fa_of_known_shapes():
    fa = fractional_anisotropy(np.array([[1.0, 1, 1], [1, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(fa, [0, 1, 0], atol=1e-6)


def test_zeros_and_rising_signals_stay_finite_and_positive_definite():
    table = gradient_table()
    data = np.random.default_rng(3).uniform(0, 100, (4, 4, 4, 14)).astype(np.float32)
    data[0, 0, 0] = 0
    data[1, 1, 1, 3:] = 0
    data[2, 2, 2, 5] = -4
    fit = fit_tensor(data, table, np.ones((4, 4, 4), bool))
    for array in (fit.tensor, fit.fa, fit.md, fit.e1, fit.residual, fit.s0):
        assert np.isfinite(array).all()
    assert not fit.tensor[0, 0, 0].any()
    assert not fit.tensor[1, 1, 1].any()
    fitted = fit.s0 > 0
    assert (np.linalg.eigvalsh(to_matrix(fit.tensor[fitted].astype(float))) > -1e-9).all()
    assert (fit.eigenvalues[fitted] > 0).all()


def test_one_lost_sample_does_not_change_the_rest():
    table = gradient_table()
    image, truth = series(SHAPE, SPACING, table)
    image.data[..., 5] = 0
    mask = image.data[..., 0] > 0
    fit = fit_tensor(image.data, table, mask)
    assert angle_deg(fit.e1[mask], truth[mask]).max() < 0.2


def test_samples_without_trust_are_left_out_and_trust_broadcasts_over_slices():
    table = gradient_table()
    image, truth = series(SHAPE, SPACING, table)
    mask = image.data[..., 0] > 0
    spoilt = image.data.copy()
    spoilt[:, :, 3, 6] *= 0.3
    trust = np.ones((1, 1, SHAPE[2], len(table.bvals)))
    trust[0, 0, 3, 6] = 0
    fit = fit_tensor(spoilt, table, mask, trust)
    assert angle_deg(fit.e1[mask], truth[mask]).max() < 0.2
    at = np.zeros(SHAPE, bool)
    at[:, :, 3] = mask[:, :, 3]
    assert np.median(angle_deg(fit_tensor(spoilt, table, mask, robust=False).e1[at], truth[at])) > 5


def test_error_is_near_the_bound_of_the_noise():
    table = gradient_table(30, 4)
    image, truth = series((16, 16, 16), (2.0, 2.0, 2.0), table, sigma=20.0)
    mask = image.data[..., 0] > 500
    fit = fit_tensor(image.data, table, mask)
    assert np.median(angle_deg(fit.e1[mask], truth[mask])) < 6
    assert abs(np.median(fit.md[mask]) - EIGENVALUES.mean()) < 2e-5


def test_same_bits_whatever_the_number_of_threads(monkeypatch):
    table = gradient_table()
    image, _ = series((24, 24, 30), (2.0, 2.0, 2.0), table, sigma=60.0)
    image.data[::3, :, :, 6] *= 0.5
    mask = image.data[..., 0] > 200
    fits = []
    for number in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", number)
        fits.append(fit_tensor(image.data, table, mask))
    for name in ("tensor", "eigenvalues", "e1", "s0", "residual", "rejected"):
        assert getattr(fits[0], name).tobytes() == getattr(fits[1], name).tobytes()


def test_agrees_with_an_independent_weighted_fit():
    table = gradient_table()
    image, _ = series((8, 8, 8), (4.0, 4.0, 6.0), table, sigma=30.0)
    mask = image.data[..., 0] > 400
    design = design_matrix(table)
    fit = fit_tensor(image.data, table, mask, robust=False)
    for voxel in np.argwhere(mask):
        signal = image.data[tuple(voxel)].astype(float)
        weights = signal**2
        for _ in range(3):
            root = np.sqrt(weights)[:, None]
            beta = np.linalg.lstsq(root * design, root[:, 0] * np.log(signal), rcond=None)[0]
            weights = np.exp(2 * design @ beta)
        if np.linalg.eigvalsh(to_matrix(beta[1:])).min() > 1e-5:
            np.testing.assert_allclose(fit.tensor[tuple(voxel)], beta[1:], atol=2e-8)


def test_single_outliers_are_left_out_and_clean_samples_hardly_ever():
    table = gradient_table(20, 4)
    image, truth = series((20, 20, 20), (3.0, 3.0, 3.0), table, sigma=25.0)
    mask = image.data[..., 0] > 500
    rng = np.random.default_rng(5)
    bad = rng.random(image.data.shape) < 0.03
    spoilt = np.where(bad, image.data * rng.uniform(0.1, 0.6, bad.shape), image.data)

    def error(data, robust):
        fit = fit_tensor(data, table, mask, robust=robust)
        return np.sqrt(np.mean(angle_deg(fit.e1[mask], truth[mask]) ** 2)), fit

    clean, _ = error(image.data, False)
    careful, fit = error(image.data, True)
    assert careful < 1.02 * clean
    assert fit.rejected[mask].mean() < 0.003
    spoilt_plain, _ = error(spoilt, False)
    spoilt_robust, _ = error(spoilt, True)
    assert spoilt_plain > 2 * clean
    assert spoilt_robust < 1.25 * clean


def test_outliers_never_leave_the_tensor_undetermined():
    table = gradient_table(6, 1)
    image, _ = series(SHAPE, SPACING, table, sigma=40.0)
    mask = image.data[..., 0] > 500
    fit = fit_tensor(image.data, table, mask)
    assert not fit.rejected.any()
    assert (fit.s0[mask] > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_eigenvectors_are_right_for_nearly_equal_eigenvalues_too(seed, middle, low):
    values = np.array([1.0, 1 - 1e-3 * middle, 1 - 1e-3 * middle - 1e-3 * low]) * 1e-3
    turn = Rotation.random(random_state=seed).as_matrix()
    matrix = turn @ np.diag(values) @ turn.T
    table = gradient_table(12, 2)
    g = table.vectors
    signal = 1000 * np.exp(-table.bvals * np.einsum("ni,ij,nj->n", g, matrix, g))
    fit = fit_tensor(signal.reshape(1, 1, 1, -1), table, np.ones((1, 1, 1), bool), robust=False)
    found = fit.e1[0, 0, 0].astype(float)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    # Float32 signals: e1 is known as well as the eigenvalues differ.
    assert found @ matrix @ found == pytest.approx(values[0], abs=1e-9)


def test_scalars_do_not_depend_on_flips_and_permutations_of_the_table():
    table = gradient_table()
    image, _ = series(SHAPE, SPACING, table, sigma=30.0)
    mask = image.data[..., 0] > 300
    right = fit_tensor(image.data, table, mask)
    for change in candidates():
        wrong = fit_tensor(image.data, table.rotated(change), mask)
        np.testing.assert_allclose(wrong.fa, right.fa, atol=2e-6)
        np.testing.assert_allclose(wrong.md, right.md, rtol=1e-6)
        assert angle_deg(wrong.e1[mask], right.e1[mask] @ change.T).max() < 0.1
