"""T2 from a train of spin echoes: one exponential above the floor of noise.

The first echo is left out, since those that follow hold stimulated echoes, too; T2 from one
exponential is longer than that of single spin echoes (Lebel and Wilman 2010), which is said.

Lebel RM, Wilman AH. Transverse relaxometry with stimulated echo compensation. Magn Reson Med
2010;64:1005-1014. Gudbjartsson H, Patz S. The Rician distribution of noisy MRI data. Magn Reson Med
1995;34:910-914.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from imaging.arrays import BoolArray, FloatArray

ROUNDS = 8
FLOOR_OF_NOISE = 1.2533  # mean magnitude of noise alone, in standard deviations of a channel
SHORTEST_MS, LONGEST_MS = 5.0, 500.0


def fit_t2(
    echoes: NDArray[np.float32], echo_ms: FloatArray, inside: BoolArray, noise: float
) -> NDArray[np.float32]:
    """Return T2 (I, J, K), ms; NaN outside, and where the fit ends at its bounds.

    Parameters
    ----------
    echoes : (I, J, K, N) array
        Magnitudes of four echoes or more.
    echo_ms : (N,) array
        ms.
    inside : (I, J, K) bool array
        Where there is signal.
    noise
        Standard deviation of one channel; 0 where it is not known.
    """
    times = np.asarray(echo_ms, float)[1:]
    signal = echoes[inside][:, 1:].astype(float)
    amplitude, rate = _log_linear(signal, times, noise)
    for _ in range(ROUNDS):
        amplitude, rate = _step(signal, times, amplitude, rate, noise)
    t2 = 1.0 / np.clip(rate, 1e-9, None)
    out = np.full(inside.shape, np.nan, np.float32)
    out[inside] = np.where((t2 > SHORTEST_MS) & (t2 < LONGEST_MS), t2, np.nan)
    return out


def _log_linear(
    signal: FloatArray, times: FloatArray, noise: float
) -> tuple[FloatArray, FloatArray]:
    """Return amplitude and rate of a line through the logarithm, weighted by the signal."""
    weight = np.where(signal > 2 * FLOOR_OF_NOISE * noise, signal**2, 1e-12 * signal**2 + 1e-20)
    log = np.log(np.maximum(signal, 1e-12))
    total = weight.sum(axis=1)
    mean_t, mean_l = (weight * times).sum(1) / total, (weight * log).sum(1) / total
    away = times - mean_t[:, None]
    slope = (weight * away * (log - mean_l[:, None])).sum(1) / np.maximum(
        (weight * away**2).sum(1), 1e-20
    )
    rate = np.clip(-slope, 1 / LONGEST_MS, 1 / SHORTEST_MS)
    return np.exp(np.minimum(mean_l + rate * mean_t, 50.0)), rate


def _step(
    signal: FloatArray, times: FloatArray, amplitude: FloatArray, rate: FloatArray, noise: float
) -> tuple[FloatArray, FloatArray]:
    """Return amplitude and rate after a step of Gauss-Newton on the mean of noisy magnitudes."""
    decay = np.exp(-np.outer(rate, times))
    clean = amplitude[:, None] * decay
    model, slope = _mean_magnitude(clean, noise)
    by_amplitude, by_rate = slope * decay, -slope * clean * times
    left = signal - model
    a, b, c = (by_amplitude**2).sum(1), (by_amplitude * by_rate).sum(1), (by_rate**2).sum(1)
    p, q = (by_amplitude * left).sum(1), (by_rate * left).sum(1)
    determinant = np.maximum(a * c - b * b, 1e-20)
    rate = np.clip(rate + (a * q - b * p) / determinant, 0.5 / LONGEST_MS, 2 / SHORTEST_MS)
    amplitude = np.maximum(amplitude + (c * p - b * q) / determinant, 1e-12)
    return amplitude, rate


def _mean_magnitude(clean: FloatArray, noise: float) -> tuple[FloatArray, FloatArray]:
    """Return the mean of Rician magnitudes and its slope by the clean signal."""
    if noise == 0:
        return clean, np.ones_like(clean)
    x = (clean / (2 * noise)) ** 2
    first, second = special.ive(0, x), special.ive(1, x)
    mean = noise * np.sqrt(np.pi / 2) * ((1 + 2 * x) * first + 2 * x * second)
    return mean, np.sqrt(np.pi / 2) * clean / (2 * noise) * (first + second)
