"""Bursts of known phases: their strides, names and times against strike and toe-off."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.function import timing
from imaging.function.analysis import analyse
from imaging.function.placing import with_phases
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.summary import measures, onsets_table, strides_table
from imaging.function.trials import Trial
from imaging.muscles import label_of

RATE = 1000.0
N = 8
TA = {side: label_of("TA", side) for side in ("left", "right")}


def recording(left, right, *, lifts=True, n=N, left_out=None) -> Recording:
    """TA with bursts at given shares of every stride of 1 s; left is half a stride late."""
    time = np.arange(int((n + 2) * RATE)) / RATE
    rng = np.random.default_rng(4)
    rows, events = [], []
    for start, windows in ((1.0, left), (0.5, right)):
        gain = np.full(len(time), 0.03)
        for k in range(-1, n + 1):
            for on, off in windows:
                begin = start + k + on + 0.005 * rng.standard_normal()
                gain[(time > begin) & (time < begin + off - on)] = 1.0
        rows.append(50 * gain * rng.standard_normal(len(time)))
        side = "left" if start == 1.0 else "right"
        events += [Event(start + k, side, "foot_strike", "file") for k in range(n + 1)]
        if lifts:
            events += [Event(start + k + 0.62, side, "foot_off", "file") for k in range(n)]
    events = [e for e in events if (e.side, round(e.time_s, 2)) != left_out]
    events.sort(key=lambda e: e.time_s)
    return Recording(("L_TA", "R_TA"), np.stack(rows), RATE, events=tuple(events))


def analysed(*recordings):
    trials = [Trial(f"task-walk_run-{i}", "walking", r) for i, r in enumerate(recordings, 1)]
    return analyse_session(trials, FunctionSettings())


CONTINUOUS = [(0.58, 1.10)]
SPLIT = [(0.58, 0.80), (0.92, 1.10)]


def test_bursts_through_strike_belong_to_one_stride_each():
    found = analysed(recording(SPLIT, SPLIT)).analyses["task-walk_run-1"]
    for m in found.muscles:
        for phase in ("swing", "strike"):
            own = [b for b in m.bursts if b.phase == phase]
            assert len({b.stride for b in own}) == len(own) >= N - 1
            assert np.ptp([b.onset_percent for b in own]) < 5
        assert len({b.phase for b in m.bursts if b.main}) == 1


def test_a_burst_from_before_the_first_strike_is_of_the_first_stride():
    found = analysed(recording([(-0.05, 0.15)], [(-0.05, 0.15)])).analyses["task-walk_run-1"]
    for m in found.muscles:
        assert [b.stride for b in m.bursts if b.phase == "strike"] == list(range(N))
        assert all(b.onset_percent == pytest.approx(-5, abs=3) for b in m.bursts if b.phase)


def test_the_same_burst_is_compared_left_and_right():
    rows = {r.measure: r for r in measures(analysed(recording(CONTINUOUS, CONTINUOUS)))}
    row = rows["emg_onset_right_minus_left_TA"]
    assert row.value == pytest.approx(0, abs=1)
    assert "swing+strike" in row.note


def test_a_burst_and_its_parts_are_not_compared():
    found = measures(analysed(recording(CONTINUOUS, SPLIT)))
    rows = {r.measure: r for r in found if "right_minus_left" in r.measure}
    assert rows["emg_onset_right_minus_left_TA"].value is None
    assert rows["emg_onset_right_minus_left_TA_swing"].value is None
    assert "on the left" in rows["emg_onset_right_minus_left_TA_swing"].note


def test_names_hold_over_recordings():
    """In the second the bursts are 4 % later and so would be named otherwise alone."""
    later = [(on + 0.04, off + 0.04) for on, off in [(0.30, 0.56)]]
    found = analysed(recording([(0.30, 0.56)], [(0.30, 0.56)]), recording(later, later))
    named = {b.phase for a in found.analyses.values() for m in a.muscles for b in m.bursts}
    assert len(named - {""}) == 1


def test_timing_against_strike_and_toe_off():
    table = timing.table(analysed(recording(SPLIT, SPLIT)).analyses["task-walk_run-1"])
    assert set(table["muscle"]) == {"TA"}
    rows = table[table["label"] == TA["right"]].set_index(["phase", "measure"])
    assert rows.loc[("swing", "onset"), "value"] == pytest.approx(58, abs=1)
    assert rows.loc[("swing", "after_toe_off"), "value"] == pytest.approx(-40, abs=8)
    assert rows.loc[("swing", "before_strike"), "status"] == "not_measured"
    assert rows.loc[("strike", "before_strike"), "value"] == pytest.approx(80, abs=8)
    assert rows.loc[("strike", "duration"), "value"] == pytest.approx(180, abs=12)
    onset = rows.loc[("strike", "onset")]
    assert onset["ci_low"] < onset["value"] < onset["ci_high"]
    assert rows.loc[("swing", "strides"), "value"] == pytest.approx(100, abs=13)


def test_without_lifts_times_after_toe_off_have_a_reason():
    table = timing.table(analysed(recording(SPLIT, SPLIT, lifts=False)).analyses["task-walk_run-1"])
    rows = table[table["measure"] == "after_toe_off"]
    assert set(rows["status"]) == {"not_measured"}
    assert set(rows["phase"]) == {"swing", "strike"}


def test_a_missing_strike_does_not_move_bursts_to_a_stride_that_is_not_known():
    gone = recording(SPLIT, SPLIT, left_out=("right", 4.5))
    found = analysed(gone).analyses["task-walk_run-1"]
    (m,) = (m for m in found.muscles if m.label == TA["right"])
    assert len(m.per_stride) == N - 2
    for b in m.bursts:
        start, end = found.strides["right"][b.stride]
        assert b.onset_percent == pytest.approx(100 * (b.burst.onset_s - start) / (end - start))
        assert -30 < b.onset_percent < 100
    inside = [o for o in m.outside if 3.6 < o.onset_s < 5.3]
    assert len(inside) >= 3


def test_tables_of_bursts_and_strides():
    found = analysed(recording(CONTINUOUS, CONTINUOUS)).analyses["task-walk_run-1"]
    bursts, strides = onsets_table(found), strides_table(found)
    assert bursts["stride"].isna().any()
    outside = bursts[bursts["stride"].isna()]
    assert outside[["onset_percent", "phase"]].isna().all(axis=None)
    assert (bursts.groupby("label")["onset_s"].diff().dropna() > 0).all()
    main = bursts[bursts["main"] == 1]
    assert (main["amplitude"] > 0.5).all()
    assert len(strides) == 2 * N
    np.testing.assert_allclose(strides["toe_off_percent"], 62)
    np.testing.assert_allclose(strides["end_s"] - strides["start_s"], 1)
    assert (strides["peak"] > strides["amplitude"]).all()
    assert strides["peak"].mean() == pytest.approx(1.2, abs=0.2)


def test_one_stride_whose_main_burst_is_that_of_the_next_has_no_figures_but_a_reason():
    many = analyse(recording([(0.90, 1.16)], [(0.90, 1.16)]), FunctionSettings())
    last = {side: own[-1:] for side, own in many.strides.items()}
    cut = [
        replace(
            m,
            per_stride=m.per_stride[-1:],
            peak_percent=m.peak_percent[-1:],
            bursts=tuple(
                replace(b, stride=0, main=True)
                for b in m.bursts
                if b.stride == N - 1 and b.onset_percent > 80
            ),
        )
        for m in many.muscles
    ]
    one = replace(many, strides=last, muscles=tuple(cut))
    for m in with_phases({"one": one, "many": many})["one"].muscles:
        assert not m.bursts
        assert "not known" in m.no_onsets
