"""Two states of a series whose states are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.function.hidden_markov import two_states

STEP = 0.004


def series(seed, apart, n=3000):
    """Levels of mean 0 and `apart` in turns of 0.4 s, SD 0.5."""
    active = (np.arange(n) // 100) % 2 == 1
    noise = np.random.default_rng(seed).standard_normal(n)
    return np.where(active, apart, 0.0) + 0.5 * noise, active


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(3, 8), st.floats(-20, 20))
def test_states_and_times_are_those_of_the_series(seed, apart, gain):
    levels, active = series(seed, apart)
    found = two_states(levels + gain, np.ones(len(levels), bool), STEP, 1.0)
    np.testing.assert_allclose(found.means, [gain, gain + apart], atol=0.1)
    assert ((found.active > 0.5) == active).mean() > 0.995
    assert found.contrast == pytest.approx(np.exp(apart), rel=0.1)


def test_quieter_than_quiet_is_not_active():
    levels, active = series(1, 4.0)
    levels[20:60] -= 6
    found = two_states(levels, np.ones(len(levels), bool), STEP, 1.0)
    assert found.active[20:60].max() < 0.1
    assert ((found.active > 0.5) == active).mean() > 0.99


def test_what_was_not_recorded_says_nothing():
    levels, active = series(2, 5.0)
    known = np.ones(len(levels), bool)
    known[1010:1040] = False
    levels[1010:1040] = -500
    found = two_states(levels, known, STEP, 1.0)
    np.testing.assert_allclose(found.means, [0, 5], atol=0.2)
    assert ((found.active > 0.5) == active)[known].mean() > 0.99


def test_no_states_in_nothing():
    assert two_states(np.zeros(50), np.ones(50, bool), STEP, 1.0) is None
    assert two_states(np.zeros(50), np.zeros(50, bool), STEP, 1.0) is None
