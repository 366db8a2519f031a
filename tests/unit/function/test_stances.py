"""Contacts on plates: whose foot, wholly on the plate, alone on it."""

import numpy as np
import pytest

from imaging.function.events import RUNNING
from imaging.function.recording import Event, Plate, Recording
from imaging.function.stances import (
    events_of,
    force_events,
    is_on_plate,
    once_per_step,
    stances,
)

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


def test_two_feet_on_one_plate_are_refused():
    # The left foot began the contact, the right one ended it.
    of_file = [
        Event(0.5, "left", "foot_strike", "file"),
        Event(1.0, "right", "foot_strike", "file"),
        Event(1.7, "right", "foot_off", "file"),
    ]
    found, _ = stances(recording(stance(0.5, 1.7), of_file), 20.0)
    assert [s.refused for s in found] == ["the left foot began and the right foot ended it"]
    assert force_events(recording(stance(0.5, 1.7), of_file), 20.0) == []


def test_the_other_foot_on_the_plate_is_seen_by_its_heel():
    heels = {"left": still(0, 0), "right": still(100, 100)}
    of_file = [Event(0.5, "left", "foot_strike", "file")]
    others = [Event(1.0, "right", "foot_strike", "markers")]
    read = recording(stance(0.5, 1.3), of_file, heels)
    (found,), _ = stances(read, 20.0, others=others)
    assert found.refused == "the right foot came down on it as well"
    away = recording(stance(0.5, 1.3), of_file, {**heels, "right": still(900, 0)})
    (found,), _ = stances(away, 20.0, others=others)
    assert found.refused == ""


def test_one_belt_that_never_unloads_gives_no_event():
    vertical = 600 + 200 * np.sin(2 * np.pi * 1.9 * np.arange(8000) / RATE)
    (found,), said = stances(recording(vertical), 20.0)
    assert "longer than a step" in found.refused
    assert said == []


def test_running_on_one_belt_takes_the_foot_from_markers():
    starts = np.arange(0.2, 2.5, 0.35)
    vertical = sum(stance(t, t + 0.25) for t in starts)
    others = [
        Event(t, ("left", "right")[i % 2], "foot_strike", "markers") for i, t in enumerate(starts)
    ]
    found, _ = stances(recording(vertical), 20.0, RUNNING, others)
    assert [s.side for s in found] == ["left", "right"] * (len(starts) // 2) + ["left"] * (
        len(starts) % 2
    )
    assert not any(s.refused for s in found)


def test_a_foot_on_two_plates_comes_down_once_and_lifts_once():
    seen = [
        Event(1.0, "left", "foot_strike", "force plate 1"),
        Event(1.06, "left", "foot_strike", "force plate 2"),
        Event(1.6, "left", "foot_off", "force plate 1"),
        Event(1.65, "left", "foot_off", "force plate 2"),
    ]
    assert once_per_step(seen) == [seen[0], seen[3]]


def test_force_of_a_named_foot_needs_no_corners():
    plate = recording(stance(0.5, 1.2)).plates[0]
    named = Plate(plate.force, plate.centre, np.full((4, 3), np.nan), "right")
    read = Recording((), np.zeros((0, 3000)), RATE, plates=(named,), marker_rate_hz=100.0,
                     heels={"right": still(0, 0)})  # fmt: skip
    found, _ = stances(read, 20.0)
    events = events_of(read, found)
    assert {e.side for e in events} == {"right"}
    assert all(is_on_plate(read, e) for e in events)


def test_a_drifting_zero_is_followed_and_said():
    time = np.arange(20000) / RATE
    clean = sum(stance(t, t + 0.7, 20000) for t in np.arange(0.5, 19, 1.1))
    (still_found, _), (found, said) = (
        stances(recording(v), 20.0) for v in (clean, clean + 40 * np.sin(time / 6) + 20)
    )
    np.testing.assert_allclose(
        [(s.first, s.after) for s in found], [(s.first, s.after) for s in still_found], atol=2
    )
    assert "drifts by up to" in said[0]
