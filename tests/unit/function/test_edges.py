"""Begin and end of a change in energy that is known."""

import numpy as np
import pytest

from imaging.function.edges import binned_energy, refine


def noise(gain, seed=3):
    return gain * np.random.default_rng(seed).standard_normal(len(gain))


@pytest.mark.parametrize("rate", [1000.0, 2000.0])
@pytest.mark.parametrize("rise_s", [0.0, 0.02])
@pytest.mark.parametrize("away", [-12, 0, 12])
def test_edges_of_white_noise(rate, rise_s, away):
    """Whatever the interval they start from, the times are those of the change."""
    time = np.arange(int(4 * rate)) / rate
    starts = np.array([0.8, 1.8, 2.8])
    gain = np.full(len(time), 0.1)
    for on in starts:
        off = on + 0.4
        up, down = ((time - on) / rise_s, (off - time) / rise_s) if rise_s else (
            (time >= on) * 1.0, (time < off) * 1.0)  # fmt: skip
        gain = np.maximum(gain, np.clip(np.minimum(up, down), 0, 1))
    energy = binned_energy(noise(gain), rate)
    assert energy.bin_s == pytest.approx(0.001)
    intervals = np.rint(np.stack([starts, starts + 0.4], 1) / energy.bin_s).astype(int)
    intervals += [away, -away]
    quiet = np.ones(len(energy.values), bool)
    for first, after in intervals:
        quiet[first - 15 : after + 15] = False
    times, sds = refine(energy, quiet, intervals)
    errors = times * energy.bin_s - np.stack([starts, starts + 0.4], 1)
    assert np.abs(errors).max() < 0.006
    assert np.median(np.abs(errors)) < 0.003
    assert (sds < 6).all()


def test_energy_of_a_sine_and_its_weight():
    time = np.arange(4000) / 2000
    energy = binned_energy(np.sin(2 * np.pi * 250 * time), 2000.0)
    # (x(t + 1 ms) - x(t - 1 ms))² of a sine of 250 Hz: twice its amplitude, squared, halved.
    np.testing.assert_allclose(energy.values[10:-10].mean(), 2.0, rtol=0.02)
    low = binned_energy(np.sin(2 * np.pi * 50 * time), 2000.0)
    assert low.values.mean() < 0.11 * energy.values.mean()
    white = binned_energy(noise(np.ones(8000)), 1000.0)
    assert 0.2 < white.weight <= 0.5
    assert low.weight < 0.1


def test_no_bursts_no_times():
    energy = binned_energy(noise(np.ones(1000)), 1000.0)
    times, sds = refine(energy, np.ones(1000, bool), np.zeros((0, 2), int))
    assert times.shape == sds.shape == (0, 2)
