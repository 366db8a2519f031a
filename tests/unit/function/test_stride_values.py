"""Times of bursts are told on one branch of the cycle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.function.stride_values import COLUMNS, one_branch, stride_values

STRIDES = 4


def tables(onset_percent, phase="", trial="walk", main=1):
    start = np.arange(STRIDES) * 1.1
    what = {"trial": trial, "label": 201, "muscle": "TA", "side": "right"}
    strides = pd.DataFrame(
        {**what, "stride": range(STRIDES), "start_s": start, "end_s": start + 1.1,
         "amplitude": 0.4, "peak": 1.0, "unit": "MVC"}
    )  # fmt: skip
    onset = np.asarray(onset_percent, float)
    onsets = pd.DataFrame(
        {**what, "stride": range(STRIDES), "phase": phase, "main": main,
         "onset_s": start + onset / 100 * 1.1, "offset_s": start + (onset + 30) / 100 * 1.1,
         "onset_percent": onset, "peak_percent": onset + 10}
    )  # fmt: skip
    return onsets, strides


def of(frame, outcome):
    return frame.loc[frame["outcome"] == outcome, "value"].to_numpy()


def test_a_burst_before_the_strike_is_negative_in_ms():
    frame = stride_values(*tables([90, 91, 92, 93]))
    np.testing.assert_allclose(of(frame, "onset"), -1100 * np.array([0.10, 0.09, 0.08, 0.07]))
    np.testing.assert_allclose(of(frame, "duration"), 330)
    np.testing.assert_allclose(of(frame, "amplitude"), 0.4)
    assert list(frame.columns) == list(COLUMNS)


@settings(deadline=None, max_examples=25)
@given(st.floats(-40, 140), st.lists(st.floats(-5, 5), min_size=STRIDES, max_size=STRIDES))
def test_a_whole_turn_changes_nothing(mean, away):
    onset = mean + np.array(away)
    first = of(stride_values(*tables(onset)), "onset")
    turned = of(stride_values(*tables(onset + np.array([0, 100, -100, 0]))), "onset")
    assert np.ptp(first) <= 1100 * 0.1 + 1e-6
    np.testing.assert_allclose(np.sort(first - first.mean()), np.sort(turned - turned.mean()),
                               atol=1e-6)  # fmt: skip


def test_recordings_share_their_branch():
    onsets, strides = (pd.concat(pair) for pair in zip(
        tables([98, 99, 98, 99]), tables([1, 2, 101, 2], trial="tired"), strict=True))  # fmt: skip
    frame = stride_values(onsets, strides)
    assert np.ptp(of(frame, "onset")) < 1100 * 0.05


def test_bursts_without_name_count_where_they_are_the_main_ones():
    assert of(stride_values(*tables([10] * 4, main=0)), "onset").size == 0
    assert of(stride_values(*tables([10] * 4, main=0, phase="stance")), "onset").size == 4


def test_the_longer_of_two_bursts_of_a_phase_counts():
    onsets, strides = tables([10] * 4, phase="stance")
    short = onsets.assign(offset_s=onsets["onset_s"] + 0.02, onset_percent=60.0)
    frame = stride_values(pd.concat([onsets, short]), strides)
    np.testing.assert_allclose(of(frame, "onset_percent"), 10)


def test_without_strides_there_is_nothing():
    onsets, strides = tables([10] * 4)
    empty = stride_values(onsets.iloc[:0], strides.iloc[:0])
    assert empty.empty and list(empty.columns) == list(COLUMNS)


def test_missing_times_stay_missing():
    turned = one_branch(np.array([99.0, np.nan, 1.0]))
    assert np.isnan(turned[1]) and abs(turned[0] - turned[2]) == pytest.approx(2)
    assert np.isnan(one_branch(np.array([np.nan]))).all()


def test_bursts_outside_strides_and_without_a_phase_do_not_count():
    onsets, strides = tables([10] * 4)
    outside = onsets.assign(stride=pd.NA, phase=None, main=0).astype({"stride": "Int64"})
    frame = stride_values(pd.concat([onsets.assign(phase=None), outside]), strides)
    assert of(frame, "onset").size == 4
    assert set(frame.loc[frame["outcome"] == "onset", "phase"]) == {"main"}
