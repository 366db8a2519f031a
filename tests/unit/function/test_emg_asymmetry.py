"""Left against right."""

import numpy as np
import pytest

from imaging.function.analysis import MuscleActivity, StrideBurst
from imaging.function.asymmetry import measures
from imaging.function.cycles import MeanCycle
from imaging.function.intervals import Spread, difference, index
from imaging.function.onsets import Burst
from imaging.muscles import label_of


def burst(stride, onset, duration_s, phase, *, main=True) -> StrideBurst:
    found = Burst(stride, stride + duration_s, stride, 1.0)
    return StrideBurst(found, stride, onset, onset + 20.0, onset + 5.0, main, phase)


def activity(side, bursts, why="", unit="peak of mean cycle", height=1.0) -> MuscleActivity:
    mean = MeanCycle(np.full(101, height), np.zeros(101), 2, 1.0)
    rows = height * np.array([[0.9], [1.1]]) * np.ones(101)
    return MuscleActivity(
        label_of("TA", side), side, mean, np.array([40.0, 42.0]), () if why else tuple(bursts), why,
        per_stride=rows, unit=unit,
    )  # fmt: skip


def twice(onset, duration_s, phase, *, main=True):
    return [burst(k, onset + k, duration_s, phase, main=main) for k in range(2)]


def by_name(rows):
    assert all(r.label == 0 for r in rows)
    return {r.measure: r for r in rows}


def test_index_and_its_interval():
    assert index(Spread(3.0, 0.1, 9), Spread(1.0, 0.1, 9)).value == pytest.approx(100)
    assert index(Spread(1.0, 0.1, 9), Spread(3.0, 0.1, 9)).value == pytest.approx(-100)
    assert index(Spread(2.0, 0.1, 9), Spread(2.0, 0.1, 9)).value == 0


def test_intervals_hold_the_truth_in_95_of_100():
    rng = np.random.default_rng(5)
    held = np.zeros(2)
    for _ in range(400):
        sides = [mean + 0.2 * rng.standard_normal(12) for mean in (1.3, 1.0)]
        right, left = (Spread(float(x.mean()), float(x.std(ddof=1)), 12) for x in sides)
        share, apart = index(right, left), difference(right, left)
        held += [share.low <= 200 * 0.3 / 2.3 <= share.high, apart.low <= 0.3 <= apart.high]
    assert (held >= 0.92 * 400).all()
    assert (held <= 0.985 * 400).all()


def test_one_stride_has_no_interval():
    found = difference(Spread(10.0, float("nan"), 1), Spread(8.0, 1.0, 5))
    assert found.value == 2
    assert np.isnan([found.sd, found.low, found.high]).all()


def test_times_differ_the_short_way_round():
    left = activity("left", twice(98.0, 0.2, "strike"))
    right = activity("right", twice(3.0, 0.4, "strike"))
    found = by_name(measures([left, right]))
    assert found["emg_onset_right_minus_left_TA"].value == pytest.approx(5)
    assert found["emg_onset_right_minus_left_TA"].n == 4
    assert found["emg_onset_right_minus_left_TA"].ci_low < 5
    assert found["emg_asymmetry_burst_duration_TA"].value == pytest.approx(100 * 0.2 / 0.3)
    assert found["emg_peak_time_right_minus_left_TA"].value == pytest.approx(5)
    assert found["emg_asymmetry_amplitude_TA"].status == "not_measured"


def test_unlike_main_bursts_are_not_compared_but_those_of_a_phase_are():
    """Left is strongest in swing, right at strike; both have both."""
    left = [*twice(57.0, 0.2, "swing"), *twice(90.0, 0.2, "strike", main=False)]
    right = [*twice(59.0, 0.2, "swing", main=False), *twice(89.0, 0.2, "strike")]
    found = by_name(measures([activity("left", left), activity("right", right)]))
    for name in ("onset", "peak_time"):
        row = found[f"emg_{name}_right_minus_left_TA"]
        assert row.status == "not_measured"
        assert "left swing, right strike" in row.note
    assert found["emg_onset_right_minus_left_TA_swing"].value == pytest.approx(2)
    assert found["emg_onset_right_minus_left_TA_strike"].value == pytest.approx(-1)


def test_one_burst_is_not_compared_with_its_parts():
    left = twice(57.0, 0.5, "swing+strike")
    right = [*twice(57.0, 0.2, "swing"), *twice(90.0, 0.2, "strike", main=False)]
    rows = measures([activity("left", left), activity("right", right)])
    assert all(r.value is None for r in rows)
    found = by_name(rows)
    whole = found["emg_onset_right_minus_left_TA_swing+strike"].note
    assert whole == "no such burst on the right; bursts there: strike, swing"


def test_amplitudes_relative_to_mvc_are_compared():
    left = activity("left", twice(5.0, 0.2, "stance"), unit="MVC", height=0.4)
    right = activity("right", twice(5.0, 0.2, "stance"), unit="MVC", height=0.5)
    found = by_name(measures([left, right]))["emg_asymmetry_amplitude_TA"]
    assert found.value == pytest.approx(100 * 0.1 / 0.45)
    assert found.ci_low < found.value < found.ci_high
    without = activity("right", twice(5.0, 0.2, "stance"))
    note = by_name(measures([left, without]))["emg_asymmetry_amplitude_TA"].note
    assert note.startswith("right: no MVC recording")


def test_one_side_only():
    found = by_name(measures([activity("left", twice(10.0, 0.2, "stance"))]))
    assert len(found) == 4
    assert all(r.status == "not_measured" and "right" in r.note for r in found.values())


def test_no_onsets_on_one_side():
    left = activity("left", twice(1.0, 0.2, "strike"))
    found = by_name(measures([left, activity("right", [], "no quiet baseline")]))
    assert "right: no quiet" in found["emg_onset_right_minus_left_TA"].note
    assert found["emg_peak_time_right_minus_left_TA"].status == "measured"
    assert "whichever" in found["emg_peak_time_right_minus_left_TA"].note
