"""Means and slopes of strides that resemble their neighbours."""

import numpy as np
import pytest

from imaging.function.serial import Estimate, lag_one, mean_of, slope_of


def walk(rng, n, rho):
    values = rng.standard_normal(n)
    for i in range(1, n):
        values[i] = rho * values[i - 1] + np.sqrt(1 - rho**2) * values[i]
    return values


def covered(make, truth, n=400):
    held = [low <= truth <= high for low, high in (make(k).interval for k in range(n))]
    return np.mean(held)


@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.93), (0.3, 0.9)])
def test_intervals_hold_the_truth(rho, least):
    rng = np.random.default_rng(1)
    assert covered(lambda k: mean_of(walk(rng, 20, rho) + 5), 5) > least
    at = np.arange(20.0)
    assert covered(lambda k: slope_of(walk(rng, 20, rho) + 0.3 * at, at), 0.3) > least


def test_correlation_of_neighbours_is_found():
    rng = np.random.default_rng(2)
    runs = [walk(rng, 200, 0.4) for _ in range(4)]
    assert lag_one([r - r.mean() for r in runs], 1) == pytest.approx(0.4, abs=0.08)
    assert lag_one([-((-1.0) ** np.arange(20))], 1) == 0
    assert lag_one([np.zeros(5)], 1) == 0


def test_values_that_do_not_vary_have_no_error():
    e = mean_of(np.full(6, 3.0))
    assert e.interval == (3.0, 3.0) and e.p == 0
    assert Estimate(0.0, 0.0, 3, 4).p == 1
