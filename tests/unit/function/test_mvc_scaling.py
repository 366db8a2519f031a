"""Amplitudes relative to maximal contractions, over the recordings of a session."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.errors import ConfigError
from imaging.function.amplitude import largest
from imaging.function.notes import notes
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.stride_values import ALONE, OWN_PEAK
from imaging.function.summary import measures
from imaging.function.trials import Trial
from imaging.muscles import label_of

RATE = 1000.0
SOL = {side: label_of("SOL", side) for side in ("left", "right")}
NAMES = ("L_SOL", "R_SOL")


def noise(n, seed):
    return np.random.default_rng(seed).standard_normal(n)


def walking(scale=(40.0, 60.0), n=8, seed=1, **more) -> Recording:
    """A burst from 10 to 50 % in each stride of 1 s of both feet."""
    time = np.arange(int((n + 1) * RATE)) / RATE
    inside = ((time - 0.5) % 1.0 > 0.1) & ((time - 0.5) % 1.0 < 0.5)
    gain = np.where(inside, 1.0, 0.03)
    rows = np.stack([s * gain * noise(len(time), seed) for s in scale])
    events = []
    for k in range(n + 1):
        for side in ("left", "right"):
            events.append(Event(0.5 + k, side, "foot_strike", "file"))
            if k < n:
                events.append(Event(0.5 + k + 0.6, side, "foot_off", "file"))
    held = {"units": dict.fromkeys(NAMES, "uV"), "events": tuple(events)} | more
    return Recording(NAMES, rows, RATE, **held)


def contraction(scale=(100.0, 100.0), seed=9, **more) -> Recording:
    """Two seconds of effort, in the middle of four; the same noise in all channels."""
    time = np.arange(int(4 * RATE)) / RATE
    gain = np.where((time > 1) & (time < 3), 1.0, 0.02)
    rows = np.stack([s * gain * noise(len(time), seed) for s in scale])
    return Recording(NAMES, rows, RATE, **({"units": dict.fromkeys(NAMES, "uV")} | more))


def session(*trials, **settings):
    return analyse_session(trials, FunctionSettings(**settings))


def walk(name="task-walk", **more):
    return Trial(name, "walking", walking(**more))


def mvc(name="task-mvc", **more):
    return Trial(name, "mvc", contraction(**more))


def muscles(found, name="task-walk"):
    return {m.label: m for m in found.analyses[name].muscles}


def test_largest_mean_over_half_a_second():
    envelope = np.concatenate([np.zeros(1000), np.full(250, 4.0), np.full(250, 2.0), np.zeros(500)])
    whole = [slice(0, 2000)]
    assert largest(envelope, envelope, RATE, whole) == pytest.approx(3.0)
    parts = [slice(0, 1250), slice(1300, 2000)]
    assert largest(envelope, envelope, RATE, parts) == pytest.approx(2.0)
    assert largest(envelope, envelope, RATE, [slice(0, 400)]) == 0


@pytest.mark.parametrize("kind", ["spike", "step"])
def test_an_artefact_is_no_contraction(kind):
    clean = contraction()
    rows = clean.signals.copy()
    rows[:, 3500 : 3501 if kind == "spike" else None] += 20_000
    found = session(walk(), Trial("task-mvc", "mvc", replace(clean, signals=rows)))
    whole = session(walk(), mvc())
    assert found.mvc[SOL["left"]] == pytest.approx(whole.mvc[SOL["left"]], rel=0.02)


def test_a_clipped_contraction_is_said():
    clean = contraction()
    cut = replace(clean, signals=np.clip(clean.signals, -100, 100))
    found = session(walk(), Trial("task-mvc", "mvc", cut))
    assert [w for w in found.warnings if "its MVC is too low" in w]


def test_amplitudes_are_in_percent_of_mvc_and_sides_compare():
    found = session(walk(), mvc())
    rows = {(r.label, r.measure): r for r in measures(found)}
    left, right = (rows[SOL[s], "emg_amplitude_mvc"] for s in ("left", "right"))
    assert left.value == pytest.approx(40, abs=6)
    assert right.value / left.value == pytest.approx(1.5, rel=1e-6)
    assert left.n == 8
    assert left.ci_low < left.value < left.ci_high
    index = rows[0, "emg_asymmetry_amplitude_SOL"]
    assert index.value == pytest.approx(100 * 20 / 50, abs=0.1)
    assert muscles(found)[SOL["left"]].unit == "MVC"
    assert found.mvc[SOL["left"]] == pytest.approx(100 * np.sqrt(2 / np.pi), rel=0.1)


def test_the_largest_of_several_counts():
    both = session(walk(), mvc("task-mvc_run-1"), mvc("task-mvc_run-2", scale=(150.0, 50.0)))
    assert both.contractions[SOL["left"]].trial == "task-mvc_run-2"
    assert both.contractions[SOL["right"]].trial == "task-mvc_run-1"
    assert both.contractions[SOL["left"]].n == 2
    assert both.mvc[SOL["left"]] == pytest.approx(1.5 * both.mvc[SOL["right"]], rel=1e-6)


def test_beyond_mvc_is_said():
    found = session(walk(), mvc(scale=(100.0, 20.0)))
    said = [w for w in notes(found, FunctionSettings()).warnings if "Beyond" in w]
    assert len(said) == 1
    assert "right SOL (2" in said[0]
    assert "not maximal" in said[0]


@pytest.mark.parametrize(
    ("units", "why"),
    [({}, "not known"), ({"L_SOL": "mV", "R_SOL": "uV"}, "recorded in uV, its MVC in mV")],
)
def test_other_or_unknown_units_are_not_scaled(units, why):
    found = session(walk(), mvc(units=units))
    assert muscles(found)[SOL["left"]].unit == OWN_PEAK
    said = " ".join(notes(found, FunctionSettings()).warnings)
    assert "Not relative to MVC in task-walk (" in said
    assert why in said
    (row,) = [r for r in measures(found) if r.measure == "emg_asymmetry_amplitude_SOL"]
    assert row.value is None
    assert why in row.note


def test_another_rate_is_not_scaled():
    slow = contraction()
    slow = replace(slow, signals=slow.signals[:, ::2], rate_hz=RATE / 2)
    found = session(walk(), Trial("task-mvc", "mvc", slow))
    assert muscles(found)[SOL["left"]].unit == OWN_PEAK
    assert "sampled or filtered in another way" in " ".join(found.warnings)


def test_a_flat_mvc_is_none():
    found = session(walk(), mvc(scale=(0.0, 100.0)))
    assert muscles(found)[SOL["left"]].unit == OWN_PEAK
    assert muscles(found)[SOL["right"]].unit == "MVC"
    assert found.warnings[0].startswith("No MVC of left SOL: flat")


def test_recordings_without_mvc_share_the_peak_of_the_reference():
    found = session(walk(), walk("task-walk_run-2", scale=(20.0, 120.0)))
    first, second = muscles(found), muscles(found, "task-walk_run-2")
    assert first[SOL["left"]].mean.mean.max() == pytest.approx(1)
    assert second[SOL["left"]].mean.mean.max() == pytest.approx(0.5)
    assert second[SOL["right"]].mean.mean.max() == pytest.approx(2)
    assert second[SOL["right"]].unit == OWN_PEAK
    np.testing.assert_allclose(second[SOL["right"]].per_stride.mean(axis=0),
                               second[SOL["right"]].mean.mean)  # fmt: skip


def test_recordings_of_unknown_units_are_not_put_on_one_scale():
    found = session(walk(), walk("task-walk_run-2", scale=(20.0, 120.0), units={}))
    second = muscles(found, "task-walk_run-2")[SOL["left"]]
    assert second.mean.mean.max() == pytest.approx(1)
    assert second.unit == ALONE
    assert "do not compare" in found.warnings[0]
    assert found.warnings[0].endswith(": left SOL, right SOL.")


def test_a_named_channel_may_be_in_one_recording_only():
    only = replace(contraction(), labels=("L_SOL", "EMG 7"))
    found = session(walk(), Trial("task-mvc", "mvc", only), channels={"EMG 7": "right SOL"})
    assert muscles(found)[SOL["left"]].unit == "MVC"
    assert muscles(found)[SOL["right"]].unit == OWN_PEAK
    with pytest.raises(ConfigError, match="EMG 9"):
        session(walk(), channels={"EMG 9": "right SOL"})


def test_a_session_of_contractions_alone_measures_nothing():
    found = session(mvc())
    rows = measures(found)
    assert rows
    assert all(r.value is None and "no recording of walking" in r.note for r in rows)
    assert any("No recording of walking" in w for w in notes(found, FunctionSettings()).warnings)


def test_a_contraction_that_was_not_of_its_muscle_is_not_used():
    found = session(walk(), mvc(scale=(2.0, 100.0)))
    left, right = (muscles(found)[SOL[side]] for side in ("left", "right"))
    assert left.unit == OWN_PEAK and right.unit == "MVC"
    assert SOL["left"] not in found.mvc
    rows = {r.label: r for r in measures(found) if r.measure == "emg_amplitude_mvc"}
    assert rows[SOL["left"]].status == "not_measured"
    assert "not maximal, or not of this muscle" in rows[SOL["left"]].note
    assert any(w.startswith("No MVC of left SOL") for w in found.warnings)


def test_a_sensor_that_is_off_in_one_recording_is_said():
    found = session(walk(), walk("task-walk_run-2", scale=(0.3, 60.0), seed=2))
    (said,) = [w for w in found.warnings if "times as strong" in w]
    assert said.startswith("left SOL") and "in task-walk_run-2" in said
    dead = notes(session(walk(scale=(0.3, 60.0)), mvc()), FunctionSettings()).warnings
    assert any(w.startswith("Below 1 % of their MVC in task-walk: left SOL.") for w in dead)
