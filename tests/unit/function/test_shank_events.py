"""Strikes and lifts from the turning of the shanks."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._gait import WALKS, steps
from imaging.function.recording import Tracks
from imaging.function.shank import from_markers, shank_events


def within(found, truth, kind, limit_ms, seconds=10):
    for event in truth:
        if event.kind != kind or not 0.8 < event.time_s < seconds - 0.8:
            continue
        near = [
            abs(e.time_s - event.time_s)
            for e in found
            if (e.side, e.kind) == (event.side, kind) and abs(e.time_s - event.time_s) < 0.15
        ]
        assert len(near) == 1
        assert 1000 * near[0] < limit_ms


@pytest.fixture(scope="module")
def walk():
    return steps(WALKS["walk 1.0"], np.random.default_rng(1), seconds=10)


def test_walking(walk):
    found = shank_events(walk.recording)
    within(found, walk.truth, "foot_strike", 20)
    within(found, walk.truth, "foot_off", 25)


def test_the_sign_of_a_gyroscope_and_its_axes_do_not_matter(walk):
    shanks = walk.recording.shanks
    tilt = np.array([0.3, -0.9, 0.3])
    turned = {s: np.outer(tilt, -row) for s, row in shanks.values.items()}
    other = replace(walk.recording, shanks=Tracks(shanks.rate_hz, shanks.start_s, turned))
    assert [e.time_s for e in shank_events(other)] == pytest.approx(
        [e.time_s for e in shank_events(walk.recording)], abs=0.003
    )


def test_from_markers_of_knee_and_ankle(walk):
    shanks = walk.recording.shanks
    angle = {s: np.deg2rad(np.cumsum(row) / shanks.rate_hz) for s, row in shanks.values.items()}
    marks = {}
    for side, a in angle.items():
        ankle = np.zeros((3, len(a)))
        marks[f"{side} ankle"] = ankle
        marks[f"{side} knee"] = 430 * np.stack([0.6 * np.sin(a), 0.8 * np.sin(a), np.cos(a)])
    landmarks = Tracks(shanks.rate_hz, 0.0, marks)
    assert set(from_markers(landmarks).values) == {"left", "right"}
    found = shank_events(replace(walk.recording, shanks=None, landmarks=landmarks))
    within(found, walk.truth, "foot_strike", 25)


def test_what_was_not_recorded_gives_no_event(walk):
    shanks = walk.recording.shanks
    row = shanks.values["left"].copy()
    row[400:500] = np.nan
    cut = replace(
        walk.recording, shanks=Tracks(100.0, 0.0, {"left": row, "right": shanks.values["right"]})
    )
    found = shank_events(cut)
    assert not [e for e in found if e.side == "left" and 4.0 < e.time_s < 5.0]
    assert [e for e in found if e.side == "left" and e.time_s > 5.2]


@pytest.mark.parametrize("row", [np.zeros(500), np.full(500, np.nan), np.zeros(20)])
def test_a_shank_that_does_not_swing_gives_nothing(walk, row):
    still = replace(walk.recording, shanks=Tracks(100.0, 0.0, {"left": row}))
    assert shank_events(still) == []
