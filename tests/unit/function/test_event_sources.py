"""One list of events from several sources."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._gait import WALKS, steps
from imaging.function.agreement import events_table
from imaging.function.event_notes import facts
from imaging.function.recording import Event, Plate
from imaging.function.sources import find_events


@pytest.fixture(scope="module")
def walk():
    made = steps(WALKS["walk 1.3"], np.random.default_rng(4), seconds=10)
    return made.recording, made.truth


def of_file(truth, late_s=0.0, **kinds):
    return tuple(replace(e, time_s=e.time_s + late_s, source="file") for e in truth)


def by_plate(recording, truth, side):
    """Plates under every step of one foot."""
    time = np.arange(recording.signals.shape[1]) / recording.rate_hz
    vertical = np.zeros(len(time))
    lifts = [e.time_s for e in truth if (e.side, e.kind) == (side, "foot_off")]
    for event in truth:
        if (event.side, event.kind) == (side, "foot_strike"):
            end = min((t for t in lifts if t > event.time_s), default=20.0)
            vertical[(time >= event.time_s) & (time < end)] = 700.0
    force = np.stack([0 * vertical, 0 * vertical, vertical])
    return Plate(force, np.zeros_like(force), np.full((4, 3), np.nan), side)


def test_plates_rule_then_file_then_markers(walk):
    recording, truth = walk
    kept = [e for e in of_file(truth, 0.008) if e.side == "right" and e.time_s < 5]
    plate = by_plate(recording, truth, "left")
    gait = find_events(replace(recording, plates=(plate,), events=tuple(kept)), "walking", 20.0)
    strikes = [e for e in gait.events if e.kind == "foot_strike" and 0.8 < e.time_s < 9.2]
    assert {e.source for e in strikes if e.side == "left"} == {"force plate 1"}
    right = [e for e in strikes if e.side == "right"]
    assert {e.source for e in right if e.time_s < 5} == {"file"}
    assert {e.source for e in right if e.time_s > 5.1} == {"markers"}
    true = [e.time_s for e in truth if e.kind == "foot_strike" and 0.8 < e.time_s < 9.2]
    assert [e.time_s for e in strikes] == pytest.approx(true, abs=0.02)
    assert any("rest on markers alone" in s for s in gait.said)


def test_every_event_has_its_sources_and_their_spread(walk):
    recording, truth = walk
    gait = find_events(replace(recording, events=of_file(truth, 0.012)), "walking", 20.0)
    table = events_table(gait)
    inner = table[(table["onset"] > 0.8) & (table["onset"] < 9.2)]
    assert (inner["sources"] == 3).all()
    assert inner["spread_ms"].between(0, 45).all()
    pair = next(
        p for p in gait.pairs if (p.first, p.second, p.kind) == ("file", "markers", "foot_strike")
    )
    assert pair.mean_ms == pytest.approx(-12, abs=12)
    assert pair.n >= 16
    assert len(facts(gait)["event_sources"]) == len(gait.pairs)


def test_a_constant_difference_is_said(walk):
    recording, truth = walk
    gait = find_events(replace(recording, events=of_file(truth, 0.06)), "walking", 20.0)
    assert any("foot_strike by markers lies" in s and "on average" in s for s in gait.said)


def test_a_source_on_another_clock_fills_nothing(walk):
    recording, truth = walk
    kept = tuple(e for e in of_file(truth, 0.25) if e.time_s < 6)
    gait = find_events(replace(recording, events=kept), "walking", 20.0)
    assert "markers" in gait.unused
    assert {e.source for e in gait.events} == {"file"}
    assert any("they fill nothing" in s for s in gait.said)


def test_a_corrected_list_rules_alone(walk):
    recording, truth = walk
    manual = tuple(replace(e, source="manual") for e in of_file(truth) if 2 < e.time_s < 5)
    gait = find_events(
        replace(recording, events=manual, events_are_final=True,
                plates=(by_plate(recording, truth, "left"),)), "walking", 20.0,
    )  # fmt: skip
    assert gait.events == manual
    assert {p.second for p in gait.pairs} >= {"file", "markers"}


def test_nothing_known():
    made = steps(WALKS["walk 1.3"], np.random.default_rng(4), seconds=3)
    bare = replace(made.recording, heels={}, toes={}, shanks=None)
    gait = find_events(bare, "walking", 20.0)
    assert gait.events == ()
    assert gait.said == ()
    assert list(events_table(gait).columns) == [
        "onset", "duration", "trial_type", "source", "sources", "spread_ms",
    ]  # fmt: skip


def test_shanks_are_not_read_in_running(walk):
    recording, _ = walk
    only = replace(recording, heels={}, toes={})
    assert find_events(only, "walking", 20.0).events
    assert find_events(only, "running", 20.0).events == ()


def test_shanks_alone_of_what_may_be_running_are_said_and_not_used(walk):
    recording, _ = walk
    shanks = recording.shanks
    quick = {s: row[::2] for s, row in shanks.values.items()}  # strides of .54 s
    only = replace(recording, heels={}, toes={}, shanks=replace(shanks, values=quick))
    gait = find_events(only, "other", 20.0)
    assert gait.events == ()
    assert "may be running" in gait.said[0]


def test_a_strike_next_to_a_better_one_is_not_added(walk):
    recording, truth = walk
    gait = find_events(replace(recording, events=of_file(truth, 0.14)), "walking", 20.0)
    for side in ("left", "right"):
        times = [e.time_s for e in gait.events if (e.side, e.kind) == (side, "foot_strike")]
        assert np.diff(times).min() > 0.9
    assert isinstance(gait.events[0], Event)


@pytest.mark.parametrize(("change", "told"), [(1.0, False), (100.0, True)])
def test_events_outside_of_the_recording_are_said(walk, change, told):
    recording, truth = walk
    events = [replace(e, time_s=change * e.time_s) for e in of_file(truth)]
    found = find_events(replace(recording, events=tuple(events)), "walking", 20.0)
    assert any("outside of the recording" in s for s in found.said) == told
