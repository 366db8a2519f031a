"""Differences and ratios of two figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.measures import Measure, not_measured
from imaging.report.contexts.effects import (
    DIFFER,
    NONE_SHOWN,
    NOT_COMPARED,
    UNKNOWN,
    effect,
)


def figure(value, half=None, status="measured", note=""):
    low, high = (None, None) if half is None else (value - half, value + half)
    return Measure(207, "stiffness_mdev_magnitude", value, "Pa", ci_low=low, ci_high=high,
                   status=status, note=note)  # fmt: skip


def test_a_known_pair():
    found = effect(figure(1000, 30), figure(1500, 40))
    assert found.difference == 500 and found.ratio == 1.5
    assert found.difference_ci == pytest.approx((450, 550))
    assert found.status == "measured" and found.verdict == DIFFER
    assert effect(figure(1000, 200), figure(1100, 200)).verdict == NONE_SHOWN


@given(
    one=st.floats(100, 1e5),
    two=st.floats(100, 1e5),
    a=st.floats(0.001, 0.5),
    b=st.floats(0.001, 0.5),
)
def test_swapping_turns_the_ratio_over(one, two, a, b):
    there = effect(figure(one, a * one), figure(two, b * two))
    back = effect(figure(two, b * two), figure(one, a * one))
    assert math.isclose(there.ratio * back.ratio, 1)
    assert math.isclose(there.ratio_ci[0] * back.ratio_ci[1], 1)
    assert there.ratio_ci[0] <= there.ratio <= there.ratio_ci[1]
    assert math.isclose(there.difference_ci[0], -back.difference_ci[1], abs_tol=1e-6)
    assert there.verdict == back.verdict


def test_intervals_hold_the_truth_nineteen_times_of_twenty():
    rng = np.random.default_rng(5)
    hits = np.zeros(2)
    for _ in range(2000):
        a, b = 1000 + 80 * rng.standard_normal(), 1600 + 200 * rng.standard_normal()
        found = effect(figure(a, 1.96 * 80), figure(b, 1.96 * 200))
        hits += [found.ratio_ci[0] < 1.6 < found.ratio_ci[1],
                 found.difference_ci[0] < 600 < found.difference_ci[1]]  # fmt: skip
    assert ((hits / 2000 > 0.93) & (hits / 2000 < 0.97)).all()


def test_figures_without_intervals_are_not_judged():
    found = effect(figure(1000, 30), figure(1500))
    assert found.ratio == 1.5 and found.ratio_ci is None and found.verdict == UNKNOWN


def test_bounds_and_models_are_no_measurements():
    bound = figure(1500, status="extrapolated", note="90% at the upper end; median")
    found = effect(figure(1000, 30), bound)
    assert found.status == "extrapolated" and found.ratio_ci is None and found.verdict == UNKNOWN
    assert "the second is only a bound: 90% at the upper end" in found.note
    modelled = figure(1500, 40, status="modelled")
    assert effect(figure(1000, 30), modelled).status == "modelled"


def test_what_is_missing_or_not_above_zero_is_not_compared():
    gone = not_measured(207, "stiffness_mdev_magnitude", "Pa", "too few voxels")
    for pair in ((gone, figure(10, 1)), (figure(10, 1), gone)):
        found = effect(*pair)
        assert found.status == "not_measured" and found.verdict == NOT_COMPARED
        assert found.ratio is None and found.note == "too few voxels"
    assert effect(figure(-3.0, 1), figure(10, 1)).verdict == NOT_COMPARED
