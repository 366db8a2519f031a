"""Drift over strides and over a sustained contraction."""

import numpy as np
import pandas as pd
import pytest

from imaging.function import emg
from imaging.function.fatigue import amplitude_slope, contraction, drift, frequency_slope
from imaging.phantom.efforts import FREQUENCY_PERCENT_PER_MIN, RATE_HZ, sustained
from imaging.phantom.walking import walk

BAND = (20.0, 450.0)


def strides(values, outcome="onset", unit="ms", seconds=60.0):
    n = len(values)
    return pd.DataFrame(
        {
            "trial": "walk", "label": 201, "muscle": "TA", "side": "right", "phase": "main",
            "stride": range(n), "at_s": np.linspace(0, seconds, n), "outcome": outcome,
            "value": values, "unit": unit,
        }
    )  # fmt: skip


def test_drift_of_timing_and_amplitude_per_minute():
    (row,) = drift(strides(np.linspace(-50, -20, 30), seconds=120)).to_dict("records")
    assert row["slope"] == pytest.approx(15) and row["unit"] == "ms/min"
    assert row["start"] == pytest.approx(-50)
    (row,) = drift(strides(np.linspace(1.1, 0.9, 30), "amplitude", "MVC")).to_dict("records")
    assert row["slope"] == pytest.approx(-20) and row["unit"] == "percent/min"
    assert row["start"] == pytest.approx(1.1)


def test_interval_of_drift_holds_the_truth():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(100):
        values = np.linspace(0, 10, 40) + 15 * rng.standard_normal(40)
        (row,) = drift(strides(values)).to_dict("records")
        held.append(row["ci_low"] < 10 < row["ci_high"])
    assert np.mean(held) > 0.9


def test_few_strides_give_no_slope():
    values = [1.0] * 7 + [np.nan] * 3
    (row,) = drift(strides(values)).to_dict("records")
    assert np.isnan(row["slope"]) and row["note"] == "7 strides, 8 needed"


def holds():
    trial = walk(np.random.default_rng(2), n_strides=2, sides=("right",))
    effort = sustained(np.random.default_rng(3), trial, 40.0)
    band = emg.usable_band(BAND, RATE_HZ)
    return [contraction(emg.band_pass(row, RATE_HZ, BAND), RATE_HZ, band) for row in effort.emg]


def test_frequency_of_a_hold_falls_as_it_was_made():
    found = [frequency_slope(c) for c in holds()]
    held = [s.interval[0] < FREQUENCY_PERCENT_PER_MIN < s.interval[1] for s in found]
    assert sum(held) >= 4
    assert np.mean([s.value for s in found]) == pytest.approx(FREQUENCY_PERCENT_PER_MIN, abs=8)


def test_amplitude_of_a_hold_stays_and_rest_is_left_out():
    for c in holds():
        low, high = amplitude_slope(c).interval
        assert low < 5 and high > -5
        assert len(c.at_s) in (40, 41, 42) and c.at_s[0] >= 0.5


def test_short_or_silent_contractions_give_no_slope():
    short = contraction(np.random.default_rng(4).standard_normal(5000), 1000.0, BAND)
    assert frequency_slope(short) is None
    assert len(contraction(np.zeros(20_000), 1000.0, BAND).at_s) == 0
    assert len(contraction(np.zeros(10), 1000.0, BAND).at_s) == 0
