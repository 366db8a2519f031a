"""Gait cycles: from one strike of a foot to its next, as 101 points in percent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray

PERCENT = np.arange(101)


@dataclass(frozen=True)
class MeanCycle:
    """Mean over strides of a signal, as share of the peak of the mean.

    Attributes
    ----------
    mean, sd : (101,) array
        Over strides; `sd` is NaN for one stride.
    n : int
        Number of strides.
    peak : float
        What 1 stands for, in the unit of the signal.
    """

    mean: FloatArray
    sd: FloatArray
    n: int
    peak: float


def normalise(
    values: FloatArray, rate_hz: float, start_s: float, strides_s: FloatArray
) -> FloatArray:
    """Resample a signal to 101 points per stride.

    Parameters
    ----------
    values : (N,) array
        The signal; its first sample is at `start_s`.
    strides_s : (K, 2) array
        Start and end of every stride, s.

    Returns
    -------
    (K, 101) array
    """
    times = start_s + np.arange(len(values)) / rate_hz
    share = PERCENT / 100
    wanted = strides_s[:, :1] + share * (strides_s[:, 1:] - strides_s[:, :1])
    return np.interp(wanted, times, values)


def mean_cycle(per_stride: FloatArray) -> MeanCycle | None:
    """Return the mean cycle relative to its own peak, or None where the signal is flat."""
    n = len(per_stride)
    if n == 0:
        return None
    mean = per_stride.mean(axis=0)
    peak = float(mean.max())
    if not peak > 0:
        return None
    sd = per_stride.std(axis=0, ddof=1) if n > 1 else np.full(mean.shape, np.nan)
    return MeanCycle(mean / peak, sd / peak, n, peak)


def percent_of_cycle(time_s: float, strides_s: FloatArray) -> tuple[int, float] | None:
    """Return the stride that holds a time, and the time in percent of it; None if none does."""
    inside = np.flatnonzero((strides_s[:, 0] <= time_s) & (time_s < strides_s[:, 1]))
    if len(inside) == 0:
        return None
    start, end = strides_s[inside[0]]
    return int(inside[0]), float(100 * (time_s - start) / (end - start))


def circular_mean(percent: FloatArray) -> tuple[float, float]:
    """Return mean and SD of times in the cycle, percent; 99 and 1 have the mean 0, not 50.

    Mardia KV, Jupp PE. Directional Statistics. Wiley, 2000. The SD is that of the differences
    to the circular mean, each taken the short way round; NaN for one value.
    """
    angles = 2 * np.pi * np.asarray(percent) / 100
    mean = float(np.angle(np.exp(1j * angles).mean()) * 100 / (2 * np.pi)) % 100
    away = circular_difference(np.asarray(percent), mean)
    sd = float(np.sqrt((away**2).sum() / (len(away) - 1))) if len(away) > 1 else float("nan")
    return mean, sd


def circular_difference(a: FloatArray | float, b: FloatArray | float) -> FloatArray:
    """Return a − b in percent of the cycle, the short way round: −50 to 50."""
    return (np.asarray(a) - np.asarray(b) + 50) % 100 - 50
