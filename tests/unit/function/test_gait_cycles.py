"""Cycles in percent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.function.cycles import (
    circular_difference,
    circular_mean,
    mean_cycle,
    normalise,
    percent_of_cycle,
)


def test_normalised_ramp_is_a_ramp_on_the_clock_of_the_file():
    rate, start = 200.0, 3.0
    values = start + np.arange(1000) / rate
    found = normalise(values, rate, start, np.array([[4.0, 5.0], [5.0, 6.5]]))
    np.testing.assert_allclose(found[0], np.linspace(4, 5, 101))
    np.testing.assert_allclose(found[1], np.linspace(5, 6.5, 101))


def test_mean_cycle_is_relative_to_its_own_peak():
    rows = np.array([[1.0, 3.0, 2.0], [3.0, 5.0, 2.0]])
    found = mean_cycle(rows)
    assert found.peak == 4.0
    np.testing.assert_allclose(found.mean, [0.5, 1.0, 0.5])
    np.testing.assert_allclose(found.sd, rows.std(axis=0, ddof=1) / 4)
    assert found.n == 2


def test_one_stride_has_no_spread_and_silence_no_cycle():
    assert np.isnan(mean_cycle(np.ones((1, 101))).sd).all()
    assert mean_cycle(np.zeros((3, 101))) is None
    assert mean_cycle(np.zeros((0, 101))) is None


def test_mean_around_foot_strike():
    mean, sd = circular_mean(np.array([99.0, 1.0]))
    assert min(mean, 100 - mean) == pytest.approx(0, abs=1e-6)
    assert sd == pytest.approx(np.sqrt(2))


@given(st.floats(0, 99.9), st.floats(-20, 20))
def test_circular_difference_goes_the_short_way(base, shift):
    assert circular_difference((base + shift) % 100, base) == pytest.approx(shift, abs=1e-6)


def test_percent_of_cycle():
    strides = np.array([[1.0, 2.0], [2.0, 4.0]])
    assert percent_of_cycle(3.0, strides) == (1, 50.0)
    assert percent_of_cycle(0.5, strides) is None
