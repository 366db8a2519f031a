"""Recordings with sides interchanged or on another clock are told from those that are right."""

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.function import mains
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.trials import Trial

RATE, STRIDES = 1000.0, 6
NAMES = ("L_TA", "R_TA", "L_SOL", "R_SOL")
WORDS = ("interchanged", "clock")


def walk(name, *, names=NAMES, late=0.0, stride=1.0, seed=1, kind="walking", hum=0.0):
    """TA from 60 to 90 %, SOL from 15 to 55 % of the stride of each foot, left half later."""
    time = np.arange(int((STRIDES + 2) * stride * RATE)) / RATE
    rng = np.random.default_rng(seed)
    rows, events = [], []
    for side, start in (("left", 1.0), ("right", 0.5)):
        for k in range(STRIDES + 1):
            at = (start + k) * stride + late
            events += [Event(at, side, "foot_strike", "file")]
            events += [Event(at + 0.62 * stride, side, "foot_off", "file")]
    for on, off in ((0.6, 0.9), (0.15, 0.55)):
        for start in (1.0, 0.5):
            share = (time / stride - start) % 1.0
            gain = np.where((share > on) & (share < off), 1.0, 0.03)
            rows.append(80 * gain * rng.standard_normal(len(time)))
    signals = np.stack(rows) + hum * np.sin(2 * np.pi * 50 * time)
    events.sort(key=lambda e: e.time_s)
    read = Recording(names, signals, RATE, events=tuple(events), units=dict.fromkeys(names, "uV"))
    return Trial(name, kind, read)


def said(*trials):
    warnings = analyse_session(trials, FunctionSettings()).warnings
    return [w for w in warnings if any(word in w for word in WORDS)]


def test_recordings_that_are_right_are_left_alone():
    assert not said(walk("a"), walk("b", seed=2, stride=1.3), walk("c", seed=3, stride=0.8))


def test_sides_that_are_interchanged_are_said():
    (found,) = said(walk("a"), walk("b", names=("R_TA", "L_TA", "R_SOL", "L_SOL")))
    assert "in b are active" in found and "than in a" in found


def test_one_pair_that_is_interchanged_is_named():
    (found,) = said(walk("a"), walk("b", names=("R_TA", "L_TA", "L_SOL", "R_SOL")))
    assert found.startswith("left TA and right TA in b")


@pytest.mark.parametrize(("late", "words"), [(0.3, "30 % of the cycle earlier"),
                                             (-0.25, "25 % of the cycle later")])  # fmt: skip
def test_events_on_another_clock_are_said(late, words):
    (found,) = said(walk("a"), walk("b", late=late))
    assert words in found


def test_a_run_is_not_held_against_a_walk():
    assert not said(walk("a"), walk("b", late=0.3, kind="running"))


def test_hum_is_said_and_emg_is_not_taken_for_it():
    trials = [walk("a"), walk("b", hum=60.0)]
    (found,) = mains.sentences(trials, {t.name: FunctionSettings() for t in trials})
    assert "in b is hum" in found and "50 Hz" in found


@pytest.mark.parametrize("mains_hz", mains.MAINS_HZ)
def test_share_of_a_known_hum(mains_hz):
    rng = np.random.default_rng(2)
    time = np.arange(20_000) / RATE
    row = rng.standard_normal(len(time))
    alone = mains.share(row, RATE, (20.0, 450.0), mains_hz)
    assert alone < 0.1
    # White noise of variance 1 has 0.86 of its power in the band.
    both = row + np.sqrt(2 * 0.86) * np.sin(2 * np.pi * mains_hz * time)
    assert mains.share(both, RATE, (20.0, 450.0), mains_hz) == pytest.approx(
        0.5 + alone / 2, abs=0.03
    )
    assert mains.share(np.zeros(100), RATE, (20.0, 450.0), mains_hz) == 0


def test_a_pattern_that_names_no_recording_is_said():
    settings = FunctionSettings(conditions={"*tyred*": {"fatigue": "after"}})
    warnings = analyse_session([walk("task-walk")], settings).warnings
    assert any("'*tyred*'" in w and "task-walk" in w for w in warnings)
