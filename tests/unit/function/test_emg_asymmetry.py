"""Left against right."""

import numpy as np
import pytest

from imaging.function.analysis import MuscleActivity, StrideBurst
from imaging.function.asymmetry import index, measures
from imaging.function.cycles import MeanCycle
from imaging.function.onsets import Burst
from imaging.muscles import label_of


def activity(side, onset_percent, duration_s, why="") -> MuscleActivity:
    mean = MeanCycle(np.ones(101), np.zeros(101), 2, 1.0)
    bursts = tuple(
        StrideBurst(Burst(k, k + duration_s, k, 1.0), k, onset_percent, 0.0, 0.0, True)
        for k in range(2)
    )
    label = label_of("TA", side)
    return MuscleActivity(label, side, mean, np.array([40.0, 42.0]), () if why else bursts, why)


def by_name(rows):
    assert all(r.label == 0 for r in rows)
    return {r.measure: r for r in rows}


def test_index():
    assert index(3.0, 1.0) == pytest.approx(100)
    assert index(1.0, 3.0) == pytest.approx(-100)
    assert index(2.0, 2.0) == 0


def test_times_differ_the_short_way_round():
    found = by_name(measures([activity("left", 98.0, 0.2), activity("right", 3.0, 0.4)]))
    assert found["emg_onset_right_minus_left_TA"].value == pytest.approx(5)
    assert found["emg_asymmetry_burst_duration_TA"].value == pytest.approx(100 * 0.2 / 0.3)
    assert found["emg_peak_time_right_minus_left_TA"].value == pytest.approx(0, abs=1e-9)
    assert found["emg_asymmetry_amplitude_TA"].status == "not_measured"


def test_one_side_only():
    found = by_name(measures([activity("left", 10.0, 0.2)]))
    assert len(found) == 4
    assert all(r.status == "not_measured" and "right" in r.note for r in found.values())


def test_no_onsets_on_one_side():
    rows = measures([activity("left", 1, 0.2), activity("right", 1, 0.2, "no quiet baseline")])
    found = by_name(rows)
    assert "right: no quiet" in found["emg_onset_right_minus_left_TA"].note
    assert found["emg_peak_time_right_minus_left_TA"].status == "measured"
