"""Names of bursts by phase."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.function.phases import (
    PHASES,
    Steps,
    apart,
    groups,
    mean_interval,
    name_of,
    names,
    scaled,
)


def test_stance_is_scaled_to_60_percent():
    percent = np.array([[0.0, 35.0], [35.0, 100.0], [-10.0, 17.5], [90.0, 135.0]])
    found = scaled(percent, np.full(4, 35.0))
    np.testing.assert_allclose(found[:2], [[0, 60], [60, 100]])
    np.testing.assert_allclose(found[2], [-100 + 60 + 55 / 65 * 40, 30])
    np.testing.assert_allclose(found[3, 1], 160)


@given(st.floats(-150, 250), st.floats(1, 24), st.integers(-3, 3), st.floats(-40, 40))
def test_distance_is_that_of_the_circle(begin, length, turns, shift):
    own = np.array([[begin, begin + length]])
    assert apart(own, own + 100 * turns)[0, 0] == pytest.approx(0, abs=1e-9)
    assert apart(own, own + 100 * turns + shift)[0, 0] == pytest.approx(abs(shift), abs=1e-9)
    longer = own + [0, shift / 2]
    assert apart(own, longer)[0, 0] == pytest.approx(abs(shift) / 2, abs=1e-9)


def test_long_bursts_may_differ_more():
    long, longer, part = (np.array([v]) for v in ([57.0, 109.0], [56.0, 130.0], [57.0, 80.0]))
    assert apart(long, longer)[0, 0] < 15 < apart(long, part)[0, 0]


def test_phases_share_out_the_circle():
    edges = sorted(e % 100 for window in PHASES.values() for e in window)
    assert edges[::2] == edges[1::2]
    assert sum(b - a for a, b in PHASES.values()) == 100


@pytest.mark.parametrize(
    ("interval", "name"),
    [((57, 109), "swing+strike"), ((57, 80), "swing"), ((92, 109), "strike"), ((-8, 9), "strike"),
     ((8, 53), "stance"), ((-10, 40), "strike+stance"), ((30, 63), "stance+push-off"),
     ((95, 101), "strike"), ((52, 57), "push-off")],
)  # fmt: skip
def test_bursts_are_named_by_the_phases_they_fill(interval, name):
    assert name_of(np.array(interval, float)) == name
    assert name_of(np.array(interval, float) + 100) == name


def make(*kinds, n=10, seed=0):
    """Return arguments of `names`: bursts of each kind in each of `n` strides of one set."""
    rng = np.random.default_rng(seed)
    places = np.concatenate([np.array(k) + 2 * rng.standard_normal((n, 2)) for k in kinds])
    strides = np.tile(np.arange(n), len(kinds))
    steps = Steps(np.zeros(len(places), np.intp), strides)
    return places, np.full(len(places), 60.0), steps, np.array([n])


@given(st.integers(0, 200))
def test_names_hold_for_every_stride(seed):
    """Also where a burst begins before strike in one stride and after it in another."""
    found = names(*make((57, 82), (99, 112), seed=seed))
    assert found == ["swing"] * 10 + ["strike"] * 10


def test_continuous_and_split_bursts_have_names_of_their_own():
    one, two = make((57, 109)), make((57, 82), (92, 109))
    places = np.concatenate([one[0], two[0]])
    which = np.repeat([0, 1, 1], 10)
    steps = Steps(which, np.tile(np.arange(10), 3))
    found = names(places, np.full(30, 60.0), steps, np.array([10, 10]))
    assert found == ["swing+strike"] * 10 + ["swing"] * 10 + ["strike"] * 10


def test_a_burst_of_changing_length_has_one_name():
    short, long = make((30, 48)), make((30, 70))
    places = np.concatenate([short[0], long[0]])
    steps = Steps(np.zeros(20, np.intp), np.arange(20))
    found = names(places, np.full(20, 60.0), steps, np.array([20]))
    assert len(set(found)) == 1
    assert found[0] != ""


def test_strides_with_the_whole_and_strides_with_the_parts_keep_their_names():
    whole, parts = make((57, 109)), make((57, 82), (92, 109))
    places = np.concatenate([whole[0], parts[0]])
    strides = np.concatenate([np.arange(10), 10 + np.tile(np.arange(10), 2)])
    steps = Steps(np.zeros(30, np.intp), strides)
    found = names(places, np.full(30, 60.0), steps, np.array([20]))
    assert found == ["swing+strike"] * 10 + ["swing"] * 10 + ["strike"] * 10


def test_two_bursts_in_one_phase_are_numbered():
    found = names(*make((14, 20), (35, 48)))
    assert found == ["stance-1"] * 10 + ["stance-2"] * 10


def test_near_bursts_of_one_stride_are_two():
    found = names(*make((14, 20), (26, 32), n=60))
    assert found == ["stance-1"] * 60 + ["stance-2"] * 60


def test_what_is_rare_is_not_named():
    places, lifts, steps, counts = make((10, 45))
    places = np.concatenate([places, [[70.0, 76.0]]])
    steps = Steps(np.zeros(11, np.intp), np.append(steps.strides, 3))
    assert names(places, np.append(lifts, 60.0), steps, counts) == ["stance"] * 10 + [""]


def test_lift_of_the_foot_decides_not_percent():
    """In running the foot leaves at 35 %: 38 to 55 % is swing there, stance in walking."""
    places = np.tile([38.0, 60.0], (4, 1))
    steps = Steps(np.zeros(4, np.intp), np.arange(4))
    assert names(places, np.full(4, 35.0), steps, np.array([4])) == ["swing"] * 4
    assert names(places, np.full(4, 62.0), steps, np.array([4])) == ["push-off"] * 4


def test_thousands_of_bursts_are_grouped_alike():
    places, _, steps, _ = make((57, 82), (95, 112), n=3000)
    found = groups(places, steps)
    assert len(set(found[:3000])) == 1
    assert len(set(found[3000:])) == 1
    assert found[0] != found[-1]


def test_mean_of_intervals_around_the_circle():
    found = mean_interval(np.array([[95.0, 101.0], [-3.0, 3.0]]))
    np.testing.assert_allclose(found, [-4, 2], atol=1e-9)


def test_no_bursts_no_names():
    steps = Steps(np.zeros(0, np.intp), np.zeros(0, np.intp))
    assert names(np.zeros((0, 2)), np.zeros(0), steps, np.array([3])) == []
