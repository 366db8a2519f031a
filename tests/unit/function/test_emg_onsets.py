"""Filters, onsets and offsets against known times."""

import numpy as np
import pytest

from imaging.config import FunctionSettings
from imaging.errors import RecordingError
from imaging.function import double_threshold
from imaging.function.analysis import analyse
from imaging.function.emg import band_pass, energy, envelope, usable_band
from imaging.function.onsets import find
from imaging.function.recording import Event, Recording

RATE = 1000.0
STRIKES = (0.5, 1.5, 2.5, 3.5, 4.5)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def gated(intervals, n=5000, quiet=0.05) -> np.ndarray:
    time = np.arange(n) / RATE
    gain = np.full(n, quiet)
    for start, end in intervals:
        gain[(time >= start) & (time < end)] = 1.0
    return band_pass(noise(n), RATE, (20, 450)) * gain


def gait(signals, labels, **more) -> Recording:
    events = [Event(t, side, "foot_strike", "file") for t in STRIKES for side in ("left", "right")]
    return Recording(tuple(labels), signals, RATE, events=tuple(events), **more)


def test_band_is_clamped_below_nyquist():
    assert usable_band((20, 450), 2000) == (20, 450)
    low, high = usable_band((20, 450), 500)
    assert low == 20
    assert high < 250
    with pytest.raises(RecordingError, match="60 Hz"):
        usable_band((20, 450), 60)


def test_band_pass_keeps_the_band_and_drops_drift():
    time = np.arange(4000) / RATE
    inside = np.sin(2 * np.pi * 100 * time)
    kept = band_pass(inside + 3 + 2 * np.sin(2 * np.pi * 2 * time), RATE, (20, 450))
    np.testing.assert_allclose(kept[500:-500], inside[500:-500], atol=0.02)


def test_envelope_follows_amplitude_without_delay():
    found = envelope(gated([(2.0, 3.0)]), RATE, 6.0)
    assert (found >= 0).all()
    half = found > found.max() / 2
    assert np.flatnonzero(half).mean() / RATE == pytest.approx(2.5, abs=0.1)


def test_energy_of_a_sine():
    # Kaiser: A² sin²(ω) for A sin(ωn).
    time = np.arange(2000) / RATE
    omega = 2 * np.pi * 80 / RATE
    found = energy(3 * np.sin(2 * np.pi * 80 * time), RATE)
    np.testing.assert_allclose(found[200:-200], 9 * np.sin(omega) ** 2, rtol=1e-3)


def found_in(signal, windows, start_s=0.0, rate=RATE):
    smooth = envelope(signal, rate, 6)
    rows = np.array(windows)
    return find(signal, smooth, rate, start_s, rows, threshold_sd=3.0, min_s=0.03)


@pytest.mark.parametrize("start_s", [0.0, 12.3])
def test_bursts_are_found_at_their_times(start_s):
    true = [(0.7, 1.1), (1.75, 2.2), (3.0, 3.4)]
    found = found_in(gated(true), [[500, 1500], [2000, 3000], [3000, 4500]], start_s).bursts
    assert len(found) == 3
    for burst, (onset, offset) in zip(found, true, strict=True):
        assert burst.onset_s - start_s == pytest.approx(onset, abs=0.008)
        assert burst.offset_s - start_s == pytest.approx(offset, abs=0.01)
        assert burst.onset_s < burst.peak_s < burst.offset_s
        assert burst.confidence > 0.9
        assert abs(burst.agreement_ms) < 15


def test_burst_cut_by_the_recording_is_left_out():
    assert len(found_in(gated([(-1, 0.4), (2.0, 2.5), (4.6, 6)]), [[500, 4500]]).bursts) == 1


def test_one_detector_alone_makes_no_burst():
    """A rise to twice the baseline is above the threshold of one detector at most."""
    weak = gated([(1.0, 1.3), (3.0, 3.3)]) + 0.06 * gated([(2.0, 2.3)], quiet=0)
    found = found_in(weak, [[500, 1500], [2500, 3500]])
    assert [round(b.onset_s, 1) for b in found.bursts] == [1.0, 3.0]


def test_muscle_that_never_falls_silent_has_no_onsets():
    signal = band_pass(noise(5000), RATE, (20, 450))
    (muscle,) = analyse(gait(signal[None], ["L_TA"]), FunctionSettings()).muscles
    assert muscle.bursts == ()
    assert "no quiet baseline" in muscle.no_onsets
    assert muscle.mean is not None


def test_noise_alone_is_no_burst():
    power = energy(gated([(4.0, 4.9)], quiet=0.1), RATE)
    windows = np.array([[500, 1500], [1500, 2500], [2500, 3500]])
    quiet = double_threshold.baseline(power, RATE, windows)
    found = double_threshold.intervals(power[:3600], RATE, quiet, threshold_sd=3.0, min_s=0.03)
    assert len(found) == 0


def test_burst_through_foot_strike_belongs_to_the_same_stride_each_time():
    # Begins 10 ms before one strike and 10 ms after the next: the mean must be near 0, not 50.
    true = [(0.49, 0.9), (1.51, 1.9), (2.49, 2.9), (3.51, 3.9)]
    (muscle,) = analyse(gait(gated(true)[None], ["R_SOL"]), FunctionSettings()).muscles
    main = [b for b in muscle.bursts if b.main]
    assert [b.stride for b in main] == [0, 1, 2, 3]
    np.testing.assert_allclose([b.onset_percent for b in main], [-1, 1, -1, 1], atol=2)


def test_envelopes_are_neither_filtered_nor_searched_for_onsets():
    time = np.arange(5000) / RATE
    enveloped = 0.5 + 0.5 * np.cos(2 * np.pi * (time - 0.8))
    found = analyse(gait(enveloped[None], ["R_TA"], enveloped=True), FunctionSettings())
    (muscle,) = found.muscles
    assert found.band_hz is None
    assert "envelopes" in muscle.no_onsets
    assert muscle.mean.mean.argmax() == pytest.approx(30, abs=1)
    np.testing.assert_allclose(muscle.mean.mean, 0.5 + 0.5 * np.cos(
        2 * np.pi * (np.arange(101) / 100 - 0.3)), atol=0.01)  # fmt: skip


def test_channel_without_strides_of_its_foot():
    read = Recording(("L_TA",), gated([(1, 2)])[None], RATE)
    (muscle,) = analyse(read, FunctionSettings()).muscles
    assert muscle.mean is None
    assert "no stride" in muscle.no_onsets


def test_dead_channel():
    (muscle,) = analyse(gait(np.zeros((1, 5000)), ["L_TA"]), FunctionSettings()).muscles
    assert muscle.mean is None
    assert muscle.no_onsets == "flat channel"
