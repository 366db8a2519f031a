"""Channels that hold nothing for a while, and channels at their limits."""

from dataclasses import replace

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.function.analysis import analyse
from imaging.function.dropouts import clipped, dropped_out, flat, without_silence
from imaging.function.notes import notes
from imaging.function.recording import Event, Recording
from imaging.function.session import analyse_session
from imaging.function.trials import Trial

RATE = 1000.0
STRIDES = np.stack([500 + 1000 * np.arange(8), 1500 + 1000 * np.arange(8)], 1)


def walk(change=None, rows=(0, 1)) -> Recording:
    """Soleus of both sides, a burst from 10 to 50 % of every stride of 1 s."""
    time = np.arange(9000) / RATE
    gain = np.where(((time - 0.5) % 1 > 0.1) & ((time - 0.5) % 1 < 0.5), 40.0, 1.0)
    signals = gain * np.random.default_rng(2).standard_normal((2, len(time)))
    if change is not None:
        for row in rows:
            signals[row] = change(signals[row].copy())
    events = [Event(0.5 + k, side, "foot_strike", "file")
              for k in range(9) for side in ("left", "right")]  # fmt: skip
    return Recording(("L_SOL", "R_SOL"), signals, RATE, events=tuple(events))


def set_zero(first, after):
    def change(row):
        row[first:after] = 0.0
        return row

    return change


def test_flat_is_a_hundred_milliseconds_of_one_value():
    row = np.random.default_rng(0).standard_normal(1000)
    row[100:199] = 3.0
    row[300:450] = 3.0
    found = flat(row, RATE)
    assert found[300:450].all()
    assert found.sum() == 150


def test_what_all_channels_lack_is_a_gap():
    found = analyse(walk(set_zero(3000, 4500)), FunctionSettings())
    assert len(found.strides["left"]) == len(found.strides["right"]) == 6
    assert {s.why for s in found.left_out} == {"a gap in the recording"}
    whole = analyse(walk(), FunctionSettings())
    for m, reference in zip(found.muscles, whole.muscles, strict=True):
        assert m.mean.peak == pytest.approx(reference.mean.peak, rel=0.05)
        assert all(not 3.0 < b.burst.onset_s < 4.5 for b in m.bursts)


def test_gaps_of_the_file_are_kept():
    read = replace(walk(set_zero(3000, 3400)), gaps=((3.0, 3.4),))
    assert without_silence(read, ["L_SOL", "R_SOL"]).gaps == ((3.0, 3.4),)
    more = without_silence(
        replace(walk(set_zero(6000, 9000)), gaps=((3.0, 3.4),)), ["L_SOL", "R_SOL"]
    )
    assert more.gaps == ((3.0, 3.4), (6.0, 9.0))


def test_a_sensor_that_dropped_out_measures_nothing():
    found = analyse(walk(set_zero(3000, 3400), rows=[0]), FunctionSettings())
    left, right = found.muscles
    assert left.mean is None
    assert left.no_onsets == "the channel is flat for 0.4 s in 1 of 8 strides"
    assert right.mean.n == 8


def test_the_quiet_of_a_coarse_converter_is_none():
    """Rounded to 8 uV, the muscle is flat between all of its bursts."""
    found = analyse(walk(lambda row: 8 * np.round(row / 8)), FunctionSettings())
    assert [len(s) for s in found.strides.values()] == [8, 8]
    assert all(m.mean is not None for m in found.muscles)


def test_a_dead_channel_makes_no_gap():
    found = analyse(walk(lambda row: 0 * row, rows=[0]), FunctionSettings())
    assert len(found.strides["left"]) == 8
    assert found.muscles[0].mean is None


def test_dropouts_outside_strides_do_not_matter():
    row = walk(set_zero(0, 400)).signals[0]
    assert dropped_out(row, RATE, STRIDES, [slice(0, 9000)]) == ""


def test_clipped_channels_are_named():
    assert clipped(walk().signals[0]) == 0
    session = analyse_session(
        [Trial("task-walk", "walking", walk(lambda r: np.clip(r, -30, 30), rows=[1]))],
        FunctionSettings(),
    )
    said = [w for w in notes(session, FunctionSettings()).warnings if "at its limits" in w]
    assert len(said) == 1
    assert "of R_SOL" in said[0]


@pytest.mark.parametrize(("size", "told"), [(0.0, False), (4000.0, True)])
def test_an_artefact_in_one_stride_is_said(size, told):
    def spike(row):
        row = row.copy()
        row[3210] += size
        return row

    session = analyse_session(
        [Trial("task-walk", "walking", walk(spike, rows=[1]))], FunctionSettings()
    )
    said = [w for w in notes(session, FunctionSettings()).warnings if "artefact" in w]
    assert len(said) == told
    assert not told or said[0].startswith("right SOL is far larger at 3.2 s")
