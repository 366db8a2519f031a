"""Intermuscular coherence: what two muscles share at one frequency, over windows of one second.

Halliday DM, Rosenberg JR, Amjad AM, Breeze P, Conway BA, Farmer SF. A framework for the analysis
of mixed time series/point process data. Prog Biophys Mol Biol 1995;64:237-278.

Signals are not rectified: two muscles that burst at the same time of the gait cycle share the
rhythm of the steps, and rectified signals would be coherent by that alone. For the same reason the
95 % limit is not the one of equal windows: phases are turned at random in every window, which
leaves the powers as they are and takes away all that is common. Signals of neighbours can be
coherent because a sensor hears both muscles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.function.serial import Estimate

WINDOW_S = 1.0
FEWEST_WINDOWS = 10
# The highest band ends below the mains, which all channels share.
BANDS: Mapping[str, tuple[float, float]] = {
    "alpha": (8.0, 15.0),
    "beta": (15.0, 30.0),
    "gamma": (30.0, 46.0),
}
LOWEST_HZ, HIGHEST_HZ = 8.0, 46.0
_TURNS = 400
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class Coherence:
    """Coherence of a pair in one band.

    Attributes
    ----------
    value, low, high : float
        Magnitude squared, pooled over the band by Fisher's z; 95 % interval (jackknife of windows).
    limit : float
        Below it lie 95 % of the values of signals that share nothing.
    n : int
        Windows.
    """

    value: float
    low: float
    high: float
    limit: float
    n: int


def spectra(
    signals: FloatArray, rate_hz: float, pieces: Sequence[slice]
) -> tuple[ComplexArray, FloatArray]:
    """Return the spectrum of every window of one second, and its frequencies.

    Parameters
    ----------
    signals : (C, N) array
        EMG, neither rectified nor smoothed.
    rate_hz
        At least twice the highest band.
    pieces
        Samples recorded without a gap.

    Returns
    -------
    (C, L, F) array, (F,) array
        Windows of Hann, without overlap; only the frequencies of `BANDS`, Hz.
    """
    size = int(round(WINDOW_S * rate_hz))
    starts = [s for p in pieces for s in range(p.start, p.stop - size + 1, size)]
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    keep = (frequencies >= LOWEST_HZ) & (frequencies <= HIGHEST_HZ)
    out = np.empty((len(signals), len(starts), int(keep.sum())), dtype=np.complex128)
    taper = np.hanning(size)
    for i, start in enumerate(starts):
        window = signals[:, start : start + size]
        window = window - window.mean(axis=1, keepdims=True)
        out[:, i] = np.fft.rfft(window * taper, axis=1)[:, keep]
    return out, frequencies[keep]


def coherence(
    first: ComplexArray, second: ComplexArray, frequencies: FloatArray, seed: int
) -> dict[str, Coherence]:
    """Return the coherence of two channels in every band.

    Parameters
    ----------
    first, second : (L, F) array
        From :func:`spectra`; at least ten windows.
    frequencies : (F,) array
        Hz.
    seed
        Of the random phases.
    """
    rng = np.random.default_rng([seed, 0xC0])
    n = len(first)
    turns = np.exp(2j * np.pi * rng.random((_TURNS, n)))
    found = {}
    for name, (low, high) in BANDS.items():
        inside = (frequencies >= low) & (frequencies < high)
        cross = first[:, inside] * second[:, inside].conj()
        powers = np.abs(first[:, inside]) ** 2, np.abs(second[:, inside]) ** 2
        sums = cross.sum(axis=0), powers[0].sum(axis=0), powers[1].sum(axis=0)
        z = float(_pooled(*sums))
        without = _pooled(sums[0] - cross, sums[1] - powers[0], sums[2] - powers[1])
        pseudo = n * z - (n - 1) * without
        error = float(pseudo.std(ddof=1) / np.sqrt(n))
        ends = Estimate(z, error, n - 1, n).interval
        chance = _pooled(turns @ cross, sums[1], sums[2])
        limit = float(np.tanh(np.percentile(chance, 95)) ** 2)
        bounds = [float(np.tanh(max(e, 0.0)) ** 2) for e in ends]
        found[name] = Coherence(float(np.tanh(z) ** 2), bounds[0], bounds[1], limit, n)
    return found


def _pooled(cross: ComplexArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the mean of Fisher's z of the coherency over the frequencies (last axis)."""
    power = np.maximum(first * second, np.finfo(float).tiny)
    size = np.clip(np.abs(cross) / np.sqrt(power), 0.0, 1 - 1e-9)
    return np.asarray(np.arctanh(size).mean(axis=-1))
