import numpy as np
import pytest
from diffusion_for_tests import gradient_table

from imaging.diffusion.eddy import linear_in_gradient, shift_in_gradient

TABLE = gradient_table(16, 2)
TRUE = TABLE.vectors @ np.array([[0.01, 0.0, 0.0], [0.0, -0.02, 0.0], [0.01, 0.0, 0.01]])


@pytest.mark.parametrize("bad", [False, True])
def test_slopes_that_follow_the_gradient_are_kept(bad):
    noise = 0.001 * np.random.default_rng(1).standard_normal(TRUE.shape)
    slopes = TRUE + noise
    if bad:
        slopes[6] += 0.1
    found = linear_in_gradient(slopes, TABLE)
    assert np.abs(found - TRUE).max() < 0.002
    assert (found[TABLE.is_b0] == 0).all()


def test_noise_is_not_taken_for_eddy_currents():
    rng = np.random.default_rng(2)
    taken = [
        linear_in_gradient(0.01 * rng.standard_normal((18, 3)), TABLE).any(0) for _ in range(60)
    ]
    assert np.mean(taken) < 0.05


def test_too_few_volumes_leave_slopes_at_zero():
    few = type(TABLE)(TABLE.bvals[:5], TABLE.vectors[:5])
    assert not linear_in_gradient(TRUE[:5], few).any()


def test_a_shear_that_all_volumes_share_is_not_taken_for_eddy_currents():
    rng = np.random.default_rng(3)
    shared = TRUE + [0.0, 0.0, 0.02] + 0.0005 * rng.standard_normal(TRUE.shape)
    assert np.abs(linear_in_gradient(shared, TABLE) - TRUE).max() < 0.002


def test_volumes_that_cannot_tell_a_slope_leave_it_to_the_others():
    rng = np.random.default_rng(4)
    sure = np.where(np.arange(18) % 2, 1.0, 1e-4)
    noise = 0.0005 * rng.standard_normal(TRUE.shape) / np.sqrt(sure)[:, None]
    told = sure[:, None, None] * np.eye(3) / 0.0005**2
    assert np.abs(linear_in_gradient(TRUE + noise, TABLE, told) - TRUE).max() < 0.002


def test_the_shift_by_eddy_currents_is_told_from_where_the_leg_lay():
    true = TABLE.vectors @ [1.0, 2.0, -1.5]
    moved = true + 4.0 + 0.1 * np.random.default_rng(5).standard_normal(18)
    assert np.abs(shift_in_gradient(moved, TABLE) - true).max() < 0.3
    assert not shift_in_gradient(4.0 + moved - true, TABLE).any()
