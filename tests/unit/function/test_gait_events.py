"""Foot strikes and lifts from force and file."""

import numpy as np
import pytest

from imaging.function.events import RUNNING, bridge, compare, contacts, nearest, runs
from imaging.function.recording import Event

RATE = 1000.0


def stance(start: float, end: float, n: int = 3000) -> np.ndarray:
    time = np.arange(n) / RATE
    phase = (time - start) / (end - start)
    return np.where((phase > 0) & (phase < 1), 700 * np.sin(np.pi * phase), 0.0)


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


def test_running_contacts_are_short_and_flights_too():
    time = np.arange(3000) / RATE
    starts = np.arange(0.2, 2.5, 0.25)
    vertical = sum(stance(t, t + 0.21) for t in starts)
    assert len(contacts(vertical, RATE, 20.0)) < len(starts)  # walking: flights of 40 ms are dips
    found = contacts(vertical, RATE, 20.0, RUNNING) / RATE
    np.testing.assert_allclose(found[:, 0], starts, atol=0.004)
    np.testing.assert_allclose(found[:, 1], starts + 0.21, atol=0.004)
    assert time[-1] > found[-1, 1]


def test_nearest():
    times = np.array([1.0, 2.0, 5.0])
    np.testing.assert_array_equal(nearest(times, np.array([0.0, 1.4, 1.6, 9.0])), [1, 1, 2, 5])
    assert np.isinf(nearest(np.zeros(0), np.array([1.0]))).all()
    np.testing.assert_array_equal(nearest(times[:1], np.array([0.0, 3.0])), [1, 1])


def test_agreement_in_ms_and_frames():
    of_force = [Event(2.551, "right", "foot_strike", "force plate 1")]
    of_file = [Event(2.54, "right", "foot_strike", "file"), Event(2.55, "left", "foot_off", "file")]
    (pair,) = compare(of_file, of_force, 0.01)
    assert pair.milliseconds == pytest.approx(-11)
    assert pair.frames == -1


def test_runs_and_bridge():
    mask = np.array([1, 1, 0, 1, 0, 0, 0, 1], bool)
    np.testing.assert_array_equal(runs(mask), [[0, 2], [3, 4], [7, 8]])
    np.testing.assert_array_equal(bridge(runs(mask), 1), [[0, 4], [7, 8]])
