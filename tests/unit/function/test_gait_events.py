"""Foot strikes and lifts from force and file."""

import numpy as np
import pytest

from imaging.function.events import (
    bridge,
    compare,
    contacts,
    force_events,
    is_on_plate,
    merge,
    runs,
)
from imaging.function.recording import Event, Plate, Recording

RATE = 1000.0


def stance(start: float, end: float, n: int = 3000) -> np.ndarray:
    time = np.arange(n) / RATE
    phase = (time - start) / (end - start)
    return np.where((phase > 0) & (phase < 1), 700 * np.sin(np.pi * phase), 0.0)


SQUARE = np.array([[0.0, 0, 0], [500, 0, 0], [500, 500, 0], [0, 500, 0]]) - [250, 250, 0]


def recording(vertical, events=(), heels=None, start_s=0.0, toes=None) -> Recording:
    force = np.zeros((3, len(vertical)))
    force[2] = vertical
    plate = Plate(force, np.zeros_like(force), SQUARE)
    signals = np.zeros((0, len(vertical)))
    return Recording(
        (), signals, RATE, start_s, plates=(plate,), events=tuple(events), event_frame_s=0.01,
        heels=heels or {}, toes=toes or {}, marker_rate_hz=100.0,
    )  # fmt: skip


def test_contact_is_where_the_force_crosses_the_threshold():
    (found,) = contacts(stance(0.5, 1.2), RATE, 20.0)
    assert found / RATE == pytest.approx([0.5 + 0.7 * np.arcsin(20 / 700) / np.pi, 1.2], abs=0.008)


def test_recrossings_at_toe_off_do_not_move_it():
    vertical = stance(0.5, 1.2)
    clean = contacts(vertical, RATE, 20.0)
    first_low = clean[0, 1]
    vertical[first_low + 3 : first_low + 6] = 25.0
    vertical[first_low + 12 : first_low + 13] = 30.0
    np.testing.assert_array_equal(contacts(vertical, RATE, 20.0), clean)


def test_a_dip_in_mid_stance_is_one_stance_and_a_knock_is_none():
    vertical = stance(0.5, 1.2)
    vertical[800:820] = 0.0
    vertical[2000:2050] = 300.0
    assert len(contacts(vertical, RATE, 20.0)) == 1


def test_no_contact():
    assert contacts(np.zeros(1000), RATE, 20.0).shape == (0, 2)


def test_stance_cut_by_the_end_gives_no_lift():
    found = force_events(recording(stance(0.5, 3.5)), 20.0)
    assert [e.kind for e in found] == ["foot_strike"]


def test_clock_starts_where_the_file_says():
    found = force_events(recording(stance(0.5, 1.2), start_s=10.0), 20.0)
    assert found[0].time_s == pytest.approx(10.505, abs=0.01)


def test_side_comes_from_the_event_of_the_file():
    of_file = [Event(0.5, "left", "foot_strike", "file"), Event(0.56, "right", "foot_off", "file")]
    read = recording(stance(0.5, 1.2), of_file)
    assert {e.side for e in force_events(read, 20.0)} == {"left"}


@pytest.mark.parametrize(("near", "far"), [("left", "right"), ("right", "left")])
def test_side_comes_from_the_heel_on_the_plate(near, far):
    heels = {near: np.zeros((3, 300)), far: np.full((3, 300), 600.0)}
    found = force_events(recording(stance(0.5, 1.2), heels=heels), 20.0)
    assert {e.side for e in found} == {near}


def still(x, y, n=300):
    return np.repeat([[float(x)], [float(y)], [40.0]], n, axis=1)


@pytest.mark.parametrize(
    ("heel", "toe", "on_plate"),
    [
        ((0, 0), (200, 0), [True, True]),
        ((-260, 0), (-60, 0), [False, True]),  # comes down in front of the plate
        ((100, 0), (300, 0), [True, False]),  # goes on beyond it
        ((0, 251), (200, 240), [False, True]),
        ((np.nan, 0), (200, 0), [True, True]),  # not seen: nothing speaks against the force
    ],
)
def test_heel_at_contact_and_toe_at_lift_must_be_on_the_plate(heel, toe, on_plate):
    feet = {"heels": {"left": still(*heel)}, "toes": {"left": still(*toe)}}
    of_file = [Event(0.5, "left", "foot_strike", "file")]
    read = recording(stance(0.5, 1.2), of_file, **feet)
    assert [is_on_plate(read, e) for e in force_events(read, 20.0)] == on_plate


def test_without_markers_the_force_stands():
    read = recording(stance(0.5, 1.2), [Event(0.5, "left", "foot_strike", "file")])
    assert all(is_on_plate(read, e) for e in force_events(read, 20.0))


def test_side_stays_undecided_without_events_and_heels():
    found = force_events(recording(stance(0.5, 1.2)), 20.0)
    assert {e.side for e in found} == {"undecided"}
    assert merge([], found) == []


def test_agreement_in_ms_and_frames():
    of_force = [Event(2.551, "right", "foot_strike", "force plate 1")]
    of_file = [Event(2.54, "right", "foot_strike", "file"), Event(2.55, "left", "foot_off", "file")]
    (pair,) = compare(of_file, of_force, 0.01)
    assert pair.milliseconds == pytest.approx(-11)
    assert pair.frames == -1


def test_merge_takes_the_force_where_there_is_one():
    of_force = [Event(1.003, "left", "foot_strike", "force plate 1")]
    of_file = [Event(1.0, "left", "foot_strike", "file"), Event(2.0, "left", "foot_strike", "file")]
    merged = merge(of_file, of_force)
    assert [(e.time_s, e.source) for e in merged] == [(1.003, "force plate 1"), (2.0, "file")]


def test_runs_and_bridge():
    mask = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    np.testing.assert_array_equal(runs(mask), [[0, 2], [3, 4], [7, 8]])
    np.testing.assert_array_equal(bridge(runs(mask), 1), [[0, 4], [7, 8]])
