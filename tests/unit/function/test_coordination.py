"""Co-contraction and lags of envelopes with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.function.coordination import (
    KINDS,
    are_neighbours,
    falconer_winter,
    lags,
    pairs,
    rudolph,
)
from imaging.muscles import recorded_muscle

PERCENT = np.arange(101)


def bell(centre, width=10.0):
    away = (PERCENT - centre + 50) % 100 - 50
    return np.exp(-0.5 * (away / width) ** 2)[None]


def test_equal_envelopes_contract_together_and_separate_ones_do_not():
    level = np.full((2, 101), 0.3)
    np.testing.assert_allclose(rudolph(level, level), 0.6)
    np.testing.assert_allclose(falconer_winter(level, level), 100)
    on, off = (PERCENT < 50) * 1.0, (PERCENT >= 50) * 1.0
    np.testing.assert_allclose(rudolph(on[None], off[None]), 0)
    np.testing.assert_allclose(falconer_winter(on[None], off[None]), 0)


def test_values_by_hand():
    a, b = np.full((1, 101), 0.2), np.full((1, 101), 0.6)
    assert rudolph(a, b)[0] == pytest.approx(0.2 / 0.6 * 0.8)
    assert falconer_winter(a, b)[0] == pytest.approx(200 * 0.2 / 0.8)


def test_silence_has_no_share_and_no_lag():
    nothing = np.zeros((1, 101))
    assert np.isnan(falconer_winter(nothing, nothing)).all()
    assert rudolph(nothing, nothing)[0] == 0
    assert np.isnan(lags(nothing, bell(30))).all()


@settings(deadline=None)
@given(st.floats(0, 99), st.floats(-49, 49))
def test_a_shift_is_found_and_its_sign(centre, shift):
    found = lags(bell(centre), 3 * bell(centre + shift))[0]
    away = (found - shift + 50) % 100 - 50
    assert abs(away) < 0.2


@settings(deadline=None)
@given(st.floats(0, 99), st.floats(0, 99))
def test_co_contraction_does_not_depend_on_the_order(a, b):
    np.testing.assert_allclose(rudolph(bell(a), bell(b)), rudolph(bell(b), bell(a)))
    np.testing.assert_allclose(falconer_winter(bell(a), bell(b)), falconer_winter(bell(b), bell(a)))


def test_every_pair_is_of_muscles_of_the_catalogue_and_stands_once():
    for kind in KINDS:
        listed = pairs(kind)
        assert len({frozenset(p) for p in listed}) == len(listed) > 5
        for first, second in listed:
            assert recorded_muscle(first).key == first != recorded_muscle(second).key == second
    assert are_neighbours("SOL", "GM") and not are_neighbours("TA", "SOL")
