"""Landings: contact, peak force, windows."""

import numpy as np
import pytest

from imaging.function.landing import landing_events, landing_windows, landings
from imaging.function.recording import Event, Plate, Recording

RATE, N = 1000.0, 4000
SQUARE = np.array([[0.0, 0, 0], [500, 0, 0], [500, 500, 0], [0, 500, 0]])


def drop(contact: float, peak: float = 2500.0) -> np.ndarray:
    """Force of a drop: a peak 60 ms after contact, then body weight."""
    t = np.arange(N) / RATE - contact
    fall = np.where((t > 0) & (t < 0.12), peak * np.sin(np.pi * t / 0.12), 0.0)
    return np.where(t >= 0.12, 700.0, fall)


def recording(*verticals, shift=600.0, **more) -> Recording:
    plates = []
    for i, vertical in enumerate(verticals):
        force = np.zeros((3, N))
        force[2] = vertical
        plates.append(Plate(force, np.zeros_like(force), SQUARE + [i * shift, 0, 0]))
    return Recording((), np.zeros((0, N)), RATE, plates=tuple(plates), **more)


def still(x: float) -> np.ndarray:
    return np.repeat([[x], [250.0], [40.0]], N // 10, axis=1)


def test_each_foot_on_its_plate():
    heels = {"left": still(850), "right": still(250)}
    read = recording(drop(1.0), drop(1.02, 2000), heels=heels, marker_rate_hz=100.0)
    found = landings(read, 20.0)
    assert [f.side for f in found] == ["right", "left"]
    assert [f.time_s for f in found] == pytest.approx([1.0, 1.02], abs=0.002)
    assert found[0].peak_n == pytest.approx(2500, rel=0.01)
    assert found[0].peak_s == pytest.approx(0.06, abs=0.002)
    assert [e.trial_type for e in landing_events(found)] == ["right_landing", "left_landing"]


def test_both_feet_on_one_plate():
    heels = {"left": still(200), "right": still(300)}
    (found,) = landings(recording(drop(1.0), heels=heels, marker_rate_hz=100.0), 20.0)
    assert found.feet == ("left", "right")


def test_without_markers_two_plates_at_once_are_both_feet():
    (found,) = landings(recording(drop(1.0), drop(1.03)), 20.0)
    assert found.side == "both"
    (alone,) = landings(recording(drop(1.0)), 20.0)
    assert alone.feet == ()


def test_standing_at_the_start_is_no_landing_and_a_jump_is_one():
    vertical = drop(2.0)
    vertical[:1500] = 700.0
    (found,) = landings(recording(vertical), 20.0)
    assert found.time_s == pytest.approx(2.0, abs=0.002)


def test_markers_tell_where_free_fall_ends():
    time = np.arange(N // 10) / 100
    fall = np.clip(time - 0.6, 0, 0.3)
    height = 440 - 0.5 * 9810 * fall**2
    ends = time >= 0.9
    height[ends] = height[89] - 12 + 2 * np.exp(-(time[ends] - 0.9) / 0.02)
    path = np.vstack([np.zeros((2, N // 10)), height])
    read = recording(heels={"left": path}, toes={"left": path}, marker_rate_hz=100.0)
    (found,) = landings(read, 20.0)
    assert (found.side, found.source) == ("left", "markers")
    assert found.time_s == pytest.approx(0.9, abs=0.015)


def test_a_corrected_list_rules():
    events = (Event(1.5, "left", "landing", "manual"),)
    found = landings(recording(drop(1.0), events=events, events_are_final=True), 20.0)
    assert [(f.time_s, f.source) for f in found] == [(1.5, "manual")]


def test_windows_lie_around_contact_and_within_the_recording():
    events = tuple(Event(t, "left", "landing", "manual") for t in (0.1, 1.0, 2.0, 3.9))
    read = recording(events=events, events_are_final=True, gaps=((2.1, 2.2),))
    windows = landing_windows(read, landings(read, 20.0))
    np.testing.assert_allclose(windows["left"], [[0.8, 1.0, 1.2]])
    assert windows["right"].shape == (0, 3)
