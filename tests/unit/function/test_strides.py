"""Strides, and why others are left out."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.function.recording import Event
from imaging.function.strides import doubts, find_strides, sentences

STRIDE_S, STANCE_S = 1.0, 0.6


def walk(n=6, start=1.0, strikes_missing=(), offs_missing=(), stride_s=STRIDE_S):
    """Events of both feet; `..._missing` are (side, number)."""
    events = []
    for side, shift in (("left", 0.0), ("right", stride_s / 2)):
        for i in range(n):
            time = start + shift + i * stride_s
            if (side, i) not in strikes_missing:
                events.append(Event(time, side, "foot_strike", "file"))
            if (side, i) not in offs_missing:
                events.append(Event(time + STANCE_S * stride_s, side, "foot_off", "file"))
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


def test_every_other_strike_of_both_feet_missing_is_no_walk():
    gone = [(side, i) for side in ("left", "right") for i in (1, 3, 5)]
    events = walk(8, strikes_missing=gone, offs_missing=gone)
    strides, left_out = find_strides(events, 0.0, 12.0)
    assert {side: len(s) for side, s in strides.items()} == {"left": 0, "right": 0}
    assert any("strikes of both are missing" in s.why for s in left_out)
    said = [replace(e, source="manual") for e in events]
    assert len(find_strides(said, 0.0, 12.0)[0]["left"]) > 0


def test_a_stride_with_two_strikes_of_the_other_foot_lacks_one_of_its_own():
    gone = [("left", 2)]
    strides, left_out = find_strides(walk(strikes_missing=gone, offs_missing=gone), 0.0, 10.0)
    np.testing.assert_allclose(strides["left"], [[1, 2], [4, 5], [5, 6]])
    assert "2 strikes of the other foot" in left_out[0].why


def test_limits_go_with_the_kind():
    events = [Event(0.45 * i, "left", "foot_strike", "file") for i in range(1, 6)]
    assert len(find_strides(events, 0.0, 5.0)[0]["left"]) == 0
    assert len(find_strides(events, 0.0, 5.0, kind="running")[0]["left"]) == 4


def doubtful(events, kind="walking"):
    strides, _ = find_strides(events, 0.0, 20.0, kind=kind)
    return doubts(strides, events, kind)


def test_a_usual_walk_raises_no_doubt():
    assert doubtful(walk()) == []


def test_strikes_and_lifts_interchanged_are_doubted():
    swap = {"foot_strike": "foot_off", "foot_off": "foot_strike"}
    said = doubtful([replace(e, kind=swap[e.kind]) for e in walk()])
    assert len(said) == 2
    assert "lifts at 40 % of the stride" in said[0]


def test_strikes_of_both_feet_under_one_name_are_doubted():
    one = [replace(e, side="left") for e in walk(stride_s=1.1) if e.kind == "foot_strike"]
    (said,) = doubtful(one)
    assert "may bear one name" in said


def test_long_strides_of_one_foot_alone_are_doubted():
    one = [e for e in walk(stride_s=2.0) if e.side == "left"]
    (said,) = doubtful(one)
    assert "each may be two" in said


def test_a_strong_limp_is_said_and_kept():
    events = [replace(e, time_s=e.time_s - 0.25) if e.side == "right" else e for e in walk()]
    strides, left_out = find_strides(sorted(events, key=lambda e: e.time_s), 0.0, 10.0)
    assert len(strides["left"]) == 5
    assert left_out == ()
    assert "a strong limp" in " ".join(doubtful(sorted(events, key=lambda e: e.time_s)))
