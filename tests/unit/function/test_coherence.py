"""Coherence of signals that share something, nothing, or only the rhythm of the steps."""

import numpy as np
import pytest

from imaging.function.coherence import BANDS, coherence, spectra

RATE = 500.0


def pair(rng, seconds, common=0.0, steps=False):
    n = int(seconds * RATE)
    time = np.arange(n) / RATE
    gain = np.clip(8 * (np.sin(2 * np.pi * time / 1.06) - 0.3), 0.05, 1) if steps else 1.0
    a, b, shared = rng.standard_normal((3, n))
    return np.stack([gain * (a + common * shared), gain * (b + common * shared)])


def bands(signals, pieces=None):
    whole = [slice(0, signals.shape[1])]
    found, frequencies = spectra(signals, RATE, pieces or whole)
    return coherence(found[0], found[1], frequencies, 1)


@pytest.mark.parametrize("steps", [False, True])
def test_signals_that_share_nothing_stay_below_the_limit(steps):
    rng = np.random.default_rng(1)
    above = [c.value > c.limit for _ in range(60) for c in bands(pair(rng, 20, 0, steps)).values()]
    assert np.mean(above) < 0.1


@pytest.mark.parametrize("steps", [False, True])
def test_a_share_is_found_with_its_interval(steps):
    rng = np.random.default_rng(2)
    found = [c for _ in range(30) for c in bands(pair(rng, 40, 1.0, steps)).values()]
    # Half of either power is shared: coherency 1/2.
    assert np.mean([c.low < 0.25 < c.high for c in found]) > 0.85
    assert np.mean([c.value > c.limit for c in found]) > 0.98


def test_identical_signals_are_coherent():
    signals = pair(np.random.default_rng(3), 20)
    for c in bands(np.stack([signals[0], -5 * signals[0]])).values():
        assert c.value == pytest.approx(1, abs=1e-6)


def test_windows_do_not_cross_gaps():
    signals = pair(np.random.default_rng(4), 20)
    n = int(RATE)
    found, frequencies = spectra(signals, RATE, [slice(0, n + 10), slice(n + 10, 3 * n)])
    assert found.shape == (2, 2, len(frequencies))
    assert frequencies.min() == 8 and frequencies.max() == 46


def test_same_seed_same_limit():
    signals = pair(np.random.default_rng(5), 15)
    assert bands(signals) == bands(signals)
    assert set(bands(signals)) == set(BANDS)
