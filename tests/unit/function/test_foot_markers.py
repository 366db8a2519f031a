"""Strikes and lifts from markers of the feet, on feet whose contact is known."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._gait import STYLES, WALKS, steps
from imaging.function.markers import marker_events
from imaging.function.recording import Event


def errors(found, truth, kind, margin=(0.7, 7.3)):
    """Errors in ms; every true event within the margin must be found once, and no other."""
    true = {
        s: [e.time_s for e in truth if (e.side, e.kind) == (s, kind)] for s in ("left", "right")
    }
    out = []
    for side, times in true.items():
        own = np.array([e.time_s for e in found if (e.side, e.kind) == (side, kind)])
        inside = [t for t in times if margin[0] < t < margin[1]]
        for t in inside:
            near = own[np.abs(own - t) < 0.1]
            assert len(near) == 1, (side, kind, t, own)
            out.append(1000 * (near[0] - t))
        between = (own > margin[0] + 0.1) & (own < margin[1] - 0.1)
        assert all(np.abs(np.array(times) - t).min() < 0.1 for t in own[between])
    return np.array(out)


@pytest.mark.parametrize("name", STYLES)
def test_every_way_to_walk_and_run(name):
    made = steps(STYLES[name], np.random.default_rng(5), seconds=8, heading_deg=200)
    found = marker_events(made.recording)
    for kind in ("foot_strike", "foot_off"):
        error = errors(found, made.truth, kind)
        assert np.median(np.abs(error)) <= 15
        assert np.quantile(np.abs(error), 0.95) <= 25


@pytest.mark.parametrize("rate", [50, 200])
@pytest.mark.parametrize("name", ["walk 1.3", "run 3.5 fore"])
def test_a_belt_counts_as_ground(name, rate):
    style = STYLES[name]
    ground, belt = (
        steps(style, np.random.default_rng(5), seconds=8, frame_hz=rate, treadmill=treadmill)
        for treadmill in (False, True)
    )
    times = [[e.time_s for e in marker_events(m.recording)] for m in (ground, belt)]
    np.testing.assert_allclose(*times, atol=0.002)


def test_a_limp_stays_a_limp():
    made = steps(WALKS["walk 1.0"], np.random.default_rng(2), seconds=8, asymmetry=0.06)
    for kind in ("foot_strike", "foot_off"):
        assert np.abs(errors(marker_events(made.recording), made.truth, kind)).max() < 25


def test_short_gaps_are_bridged_and_long_ones_give_no_event():
    made = steps(WALKS["walk 1.3"], np.random.default_rng(2), seconds=8)
    whole = marker_events(made.recording)
    heel = made.recording.heels["left"].copy()
    strike = next(e.time_s for e in made.truth if e.side == "left" and e.time_s > 3
                  and e.kind == "foot_strike")  # fmt: skip
    at = int(strike * 100)
    heel[:, at - 3 : at + 3] = np.nan
    short = marker_events(replace(made.recording, heels={**made.recording.heels, "left": heel}))
    near = [e.time_s for e in short if e.side == "left" and abs(e.time_s - strike) < 0.1]
    assert near == pytest.approx([strike], abs=0.025)
    heel[:, at - 15 : at + 15] = np.nan
    long = marker_events(replace(made.recording, heels={**made.recording.heels, "left": heel}))
    assert not [e for e in long if e.side == "left" and abs(e.time_s - strike) < 0.1]
    others = [e for e in whole if e.side == "right"]
    assert [e for e in long if e.side == "right"] == others


def test_heels_alone_give_strikes_and_no_lifts():
    made = steps(WALKS["walk 1.3"], np.random.default_rng(2), seconds=8)
    found = marker_events(replace(made.recording, toes={}))
    assert {e.kind for e in found} == {"foot_strike"}
    assert np.abs(errors(found, made.truth, "foot_strike")).max() < 20


def test_the_clock_of_the_recording():
    made = steps(WALKS["walk 1.3"], np.random.default_rng(2), seconds=4)
    first, later = (marker_events(replace(made.recording, start_s=start)) for start in (0.0, 12.5))
    assert [replace(e, time_s=e.time_s + 12.5) for e in first] == [
        Event(pytest.approx(e.time_s), e.side, e.kind, e.source) for e in later
    ]


@pytest.mark.parametrize(
    "path",
    [
        np.zeros((3, 400)),  # stands
        np.full((3, 400), np.nan),
        np.zeros((3, 3)),
        np.random.default_rng(0).normal(0, 1.0, (3, 400)),  # stands, noise of the camera
    ],
)
def test_a_foot_that_does_not_swing_gives_nothing(path):
    made = steps(WALKS["walk 1.3"], np.random.default_rng(2), seconds=4)
    still = replace(made.recording, heels={"left": path}, toes={"left": path})
    assert marker_events(still) == []
