"""Strides, and why others are left out."""

import numpy as np
import pytest

from imaging.function.recording import Event
from imaging.function.strides import find_strides, sentences

STRIDE_S, STANCE_S = 1.0, 0.6


def walk(n=6, start=1.0, strikes_missing=(), offs_missing=()):
    """Events of both feet; `..._missing` are (side, number)."""
    events = []
    for side, shift in (("left", 0.0), ("right", STRIDE_S / 2)):
        for i in range(n):
            time = start + shift + i * STRIDE_S
            if (side, i) not in strikes_missing:
                events.append(Event(time, side, "foot_strike", "file"))
            if (side, i) not in offs_missing:
                events.append(Event(time + STANCE_S, side, "foot_off", "file"))
    return sorted(events, key=lambda e: e.time_s)


def test_every_stride_of_a_whole_walk():
    strides, left_out = find_strides(walk(), 0.0, 10.0)
    np.testing.assert_allclose(strides["left"], [[i, i + 1] for i in range(1, 6)])
    np.testing.assert_allclose(strides["right"], strides["left"] + 0.5)
    assert left_out == ()


def test_two_lifts_in_a_stride_mean_that_a_strike_is_missing():
    strides, left_out = find_strides(walk(strikes_missing=[("left", 2)]), 0.0, 10.0)
    np.testing.assert_allclose(strides["left"], [[1, 2], [4, 5], [5, 6]])
    (stride,) = left_out
    assert (stride.side, stride.start_s, stride.end_s) == ("left", 2.0, 4.0)
    assert "2 lifts" in stride.why
    (said,) = sentences(left_out)
    assert "left" in said
    assert "2.000-4.000 s" in said


def test_strides_twice_as_long_as_those_of_the_other_foot_are_no_strides():
    gone = [("left", i) for i in (1, 3, 5)]
    strides, left_out = find_strides(walk(strikes_missing=gone, offs_missing=gone), 0.0, 10.0)
    assert len(strides["left"]) == 0
    assert len(strides["right"]) == 5
    assert [(s.side, s.start_s, s.end_s) for s in left_out] == [("left", 1, 3), ("left", 3, 5)]
    assert "other foot" in left_out[0].why


def test_a_doubled_strike_is_left_out():
    events = [*walk(), Event(3.1, "left", "foot_strike", "file")]
    strides, left_out = find_strides(sorted(events, key=lambda e: e.time_s), 0.0, 10.0)
    assert (3.0, 3.1) in [(s.start_s, s.end_s) for s in left_out]
    assert [3.0, 3.1] not in strides["left"].tolist()


def test_missed_events_and_what_is_not_recorded():
    times = [0.0, 1.0, 2.1, 4.2, 5.2, 6.2]
    events = [Event(t, "left", "foot_strike", "file") for t in times]
    strides, left_out = find_strides(events, 0.5, 6.0)
    np.testing.assert_allclose(strides["left"], [[1.0, 2.1], [4.2, 5.2]])
    assert [s.why.split()[0] for s in left_out] == ["not", "far", "not"]


def test_a_stride_with_a_gap_is_left_out():
    strides, left_out = find_strides(walk(), 0.0, 10.0, gaps=[(3.2, 3.3)])
    np.testing.assert_allclose(strides["left"], [[1, 2], [2, 3], [4, 5], [5, 6]])
    assert {(s.side, s.why) for s in left_out} == {
        ("left", "a gap in the recording"),
        ("right", "a gap in the recording"),
    }


@pytest.mark.parametrize("times", [[], [1.0]])
def test_no_stride_without_two_strikes(times):
    events = [Event(t, "left", "foot_strike", "file") for t in times]
    strides, left_out = find_strides(events, 0.0, 5.0)
    assert {side: s.shape for side, s in strides.items()} == {"left": (0, 2), "right": (0, 2)}
    assert left_out == ()
