import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from imaging.errors import ComputationError
from imaging.export.opensim.balance import balance


def problem(seed, muscles=7, joints=2, times=3):
    rng = np.random.default_rng(seed)
    active = rng.uniform(100, 3000, (times, muscles))
    passive = rng.uniform(0, 50, (times, muscles))
    arms = rng.uniform(-0.06, 0.06, (times, muscles, joints))
    some = rng.uniform(0, 0.6, (times, muscles))
    moments = np.einsum("tmj,tm->tj", arms, some * active + passive)
    return active, passive, arms, moments


def test_one_muscle_gives_the_moment():
    found = balance(np.array([[1000.0]]), np.zeros((1, 1)), np.full((1, 1, 1), 0.05),
                    np.array([[20.0]]))  # fmt: skip
    assert found.activation[0, 0] == pytest.approx(0.4, rel=1e-3)
    assert found.muscle_nm + found.reserve_nm == pytest.approx(20.0)


def test_two_alike_share_and_an_antagonist_rests():
    active = np.array([[1000.0, 1000.0, 1000.0]])
    arms = np.array([[[0.05], [0.05], [-0.05]]])
    found = balance(active, np.zeros((1, 3)), arms, np.array([[50.0]]))
    np.testing.assert_allclose(found.activation[0], [0.5, 0.5, 0.0], atol=1e-3)


def test_what_muscles_cannot_give_is_a_reserve():
    found = balance(np.array([[1000.0]]), np.zeros((1, 1)), np.full((1, 1, 1), 0.05),
                    np.array([[80.0]]))  # fmt: skip
    assert found.activation[0, 0] == 1.0 and found.reserve_nm[0, 0] == pytest.approx(30.0)


def test_passive_force_is_taken_off_the_moment():
    found = balance(np.array([[1000.0]]), np.array([[400.0]]), np.full((1, 1, 1), 0.05),
                    np.array([[20.0]]))  # fmt: skip
    assert found.activation[0, 0] == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_moments_close_and_no_other_way_is_cheaper(seed):
    active, passive, arms, moments = problem(seed)
    found = balance(active, passive, arms, moments)
    np.testing.assert_allclose(found.muscle_nm + found.reserve_nm, moments, atol=1e-9)
    assert found.activation.min() >= 0 and found.activation.max() <= 1

    def cost(a):
        reserve = moments[0] - arms[0].T @ (a * active[0] + passive[0])
        return (a**2).sum() + (reserve**2).sum()

    other = minimize(cost, np.full(7, 0.3), bounds=[(0, 1)] * 7, method="L-BFGS-B")
    assert cost(found.activation[0]) <= other.fun + 1e-6


def test_a_muscle_that_moves_no_joint_is_not_solved_rather_than_at_rest():
    found = balance(np.array([[1000.0, 500.0]]), np.array([[0.0, 20.0]]),
                    np.array([[[0.05], [0.0]]]), np.array([[20.0]]))  # fmt: skip
    assert np.isnan(found.activation[0, 1]) and np.isnan(found.active_n[0, 1])
    assert found.passive_n[0, 1] == 20.0 and found.muscle_nm[0, 0] == pytest.approx(20, rel=1e-3)


def test_figures_that_are_not_finite_are_refused():
    active, passive, arms, moments = problem(1)
    active[0, 0] = np.nan
    with pytest.raises(ComputationError, match="not finite"):
        balance(active, passive, arms, moments)
