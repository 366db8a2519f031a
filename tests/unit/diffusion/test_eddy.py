import numpy as np
import pytest
from diffusion_for_tests import gradient_table

from imaging.diffusion.eddy import linear_in_gradient

TABLE = gradient_table(16, 2)
TRUE = TABLE.vectors @ np.array([[0.01, 0.0, 0.0], [0.0, -0.02, 0.0], [0.01, 0.0, 0.01]])


@pytest.mark.parametrize("bad", [False, True])
def test_slopes_that_follow_the_gradient_are_kept(bad):
    noise = 0.001 * np.random.default_rng(1).standard_normal(TRUE.shape)
    slopes = TRUE + noise
    if bad:
        slopes[6] += 0.1
    found = linear_in_gradient(slopes, np.ones(18), TABLE)
    assert np.abs(found - TRUE).max() < 0.002
    assert (found[TABLE.is_b0] == 0).all()


def test_noise_is_not_taken_for_eddy_currents():
    rng = np.random.default_rng(2)
    taken = [
        linear_in_gradient(0.01 * rng.standard_normal((18, 3)), np.ones(18), TABLE).any(0)
        for _ in range(60)
    ]
    assert np.mean(taken) < 0.05


def test_too_few_trusted_volumes_leave_slopes_at_zero():
    trust = np.zeros(18)
    trust[:5] = 1
    assert not linear_in_gradient(TRUE, trust, TABLE).any()
