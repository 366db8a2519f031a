"""The instant at which a burst begins or ends: where the energy changes, with its probability.

Staude G, Flachenecker C, Daumer M, Wolf W. Onset detection in surface electromyographic signals: a
systematic comparison of methods. EURASIP J Appl Signal Process 2001;2001:67-81: of the detectors
compared, those of a change in likelihood are the most accurate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray

BIN_S = 0.001
LAG_S = 0.001
# Amplitude rises at once, or evenly over 20 ms; to what share of the energy next to the edge.
RISES_S = (0.0, 0.02)
SHARES = (0.35, 0.6, 1.0, 1.7, 3.0)
BEFORE_S, AFTER_S = 0.06, 0.1
EARLIER_S, LATER_S = 0.045, 0.03
AROUND_S = 0.25
APART_S = 0.015
FEWEST_BINS = 20


@dataclass(frozen=True)
class BinnedEnergy:
    """Energy of a channel in bins of about 1 ms.

    Attributes
    ----------
    values : (M,) array
        Mean square of the central difference over 1 ms to either side, unit squared: expectation
        of the Teager-Kaiser energy of lag 1 ms, and never negative. 50 Hz count for a tenth of
        250 Hz.
    bin_s : float
        Length of a bin.
    weight : float
        Independent samples of the noise in a bin, halved: what a bin counts for.
    """

    values: FloatArray
    bin_s: float
    weight: float


def binned_energy(filtered: FloatArray, rate_hz: float) -> BinnedEnergy:
    """Return the energy of a band-passed channel (N,) in bins."""
    lag = max(1, int(round(LAG_S * rate_hz)))
    width = max(1, int(round(BIN_S * rate_hz)))
    difference = np.zeros_like(filtered)
    difference[lag:-lag] = filtered[2 * lag :] - filtered[: -2 * lag]
    count = len(difference) // width
    values = (difference[: count * width].reshape(count, width) ** 2).mean(axis=1)
    return BinnedEnergy(values, width / rate_hz, _weight(difference, width))


def _weight(difference: FloatArray, width: int) -> float:
    """Return half the independent samples per bin: by the sum of squared autocorrelations."""
    size = min(len(difference), 1 << 16)
    middle = (len(difference) - size) // 2
    power = np.abs(np.fft.rfft(difference[middle : middle + size], 2 * size)) ** 2
    correlation = np.fft.irfft(power)[: 40 * width]
    if not correlation[0] > 0:
        return 0.5
    shares = (correlation / correlation[0]) ** 2
    return float(min(0.5, 0.5 * width / (2 * shares.sum() - 1)))


def refine(
    energy: BinnedEnergy, quiet: BoolArray, intervals: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Return begin and end of bursts, and the SD of both, in bins.

    The energy before an edge is that of the quiet bins next to it; after it, it rises at once or
    over 20 ms to an unknown height. Under each pair of these, energy is chi-squared. The time is
    the mean over all instants by their likelihood.

    Parameters
    ----------
    energy
        Of the channel.
    quiet : (M,) array
        Bins outside bursts.
    intervals : (K, 2) array of int
        First bin of every burst and first after it, as detected, in the order of time.

    Returns
    -------
    times, sds : (K, 2) array
        In bins.
    """
    n = len(energy.values)
    bounds = np.concatenate([[0], intervals.ravel(), [n]])
    levels = _quiet_levels(energy, quiet, intervals)
    forward, backward = energy.values, np.ascontiguousarray(energy.values[::-1])
    times, sds = np.empty(intervals.shape), np.empty(intervals.shape)
    for k, (first, after) in enumerate(intervals):
        middle = (first + after) // 2
        room = slice((bounds[2 * k] + first) // 2, middle)
        times[k, 0], sds[k, 0] = _edge(forward, first, room, levels[k, 0], energy)
        room = slice(n - (after + bounds[2 * k + 3]) // 2, n - middle)
        end, sds[k, 1] = _edge(backward, n - after, room, levels[k, 1], energy)
        times[k, 1] = n - end
    return times, sds


def _quiet_levels(
    energy: BinnedEnergy, quiet: BoolArray, intervals: NDArray[np.intp]
) -> FloatArray:
    """Return the mean energy of the quiet bins of 250 ms before and after each burst, (K, 2)."""
    sums = np.concatenate([[0.0], np.cumsum(np.where(quiet, energy.values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(quiet)])
    around, apart = (int(round(s / energy.bin_s)) for s in (AROUND_S, APART_S))
    whole = sums[-1] / max(counts[-1], 1)
    levels = np.full(intervals.shape, whole)
    for side, (low, high) in enumerate(((-around, -apart), (apart, around))):
        first = np.clip(intervals[:, side] + low, 0, len(quiet))
        after = np.clip(intervals[:, side] + high, 0, len(quiet))
        inside = counts[after] - counts[first]
        enough = inside > FEWEST_BINS
        levels[enough, side] = (sums[after] - sums[first])[enough] / inside[enough]
    return np.maximum(levels, 1e-9 * max(float(energy.values.max()), 1e-300))


def _edge(
    values: FloatArray, at: int, room: slice, level: float, energy: BinnedEnergy
) -> tuple[float, float]:
    """Return instant and SD of a rising edge next to a bin, both in bins."""
    before, after, earlier, later = (
        int(round(s / energy.bin_s)) for s in (BEFORE_S, AFTER_S, EARLIER_S, LATER_S)
    )
    start, stop = max(room.start, at - before), min(max(room.stop, at + FEWEST_BINS), at + after)
    part = values[start:stop]
    first = max(0, at - start - earlier)
    last = min(len(part) - FEWEST_BINS // 2, at - start + later)
    if len(part) < FEWEST_BINS or last <= first:
        return float(at), float("nan")
    top = float(part[at - start :].mean())
    heights = np.maximum(np.multiply(SHARES, top) - level, level)
    rises = [r / energy.bin_s for r in RISES_S]
    lag = LAG_S / energy.bin_s
    models = (part, level, heights, np.array(rises), lag)
    likelihood = _likelihoods(*models, first, last, energy.weight)
    chances = np.exp(likelihood - likelihood.max()).sum(axis=0)
    chances /= chances.sum()
    instants = start + np.arange(first, last)
    mean = float((chances * instants).sum())
    return mean, float(np.sqrt((chances * (instants - mean) ** 2).sum()))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _risen(time, rise):  # type: ignore[no-untyped-def]
    """Return the share of the energy that is reached a time after the edge."""
    if time < 0:
        return 0.0
    share = time / rise if time < rise else 1.0
    return share * share


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _likelihoods(part, level, heights, rises, lag, first, last, weight):  # type: ignore[no-untyped-def]
    """Return the log likelihood (models, instants) of energy (M,) whose edge is at each bin."""
    n = len(part)
    out = np.empty((len(heights) * len(rises), last - first))
    inverse = np.empty(2 * n)
    logs = np.zeros(2 * n + 1)
    model = 0
    for rise in rises:
        for height in heights:
            for t in range(2 * n):
                # The difference spans two lags, of which half may lie behind the edge.
                early = _risen(t - n + 0.5 - lag, rise)
                late = _risen(t - n + 0.5 + lag, rise)
                expected = level + height * 0.5 * (early + late)
                inverse[t] = 1 / expected
                logs[t + 1] = logs[t] + np.log(expected)
            for at in range(first, last):
                total = logs[2 * n - at] - logs[n - at] + _product(part, inverse[n - at :])
                out[model, at - first] = -weight * total
            model += 1
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _product(part, inverse):  # type: ignore[no-untyped-def]
    total = 0.0
    for x in range(len(part)):
        total += part[x] * inverse[x]
    return total
