"""Drift over a recording: of timing and amplitude over strides, of frequency over a contraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import signal

from imaging.arrays import FloatArray
from imaging.function.serial import Estimate, slope_of

FEWEST_STRIDES = 8
FEWEST_WINDOWS = 10
WINDOW_S = 1.0
ACTIVE_SHARE = 0.3
COLUMNS = (
    "trial", "label", "muscle", "side", "phase", "outcome", "unit", "slope", "ci_low", "ci_high",
    "p", "start", "n", "note",
)  # fmt: skip


def drift(values: pd.DataFrame) -> pd.DataFrame:
    """Return how every outcome of every muscle drifts over the strides of each recording.

    Parameters
    ----------
    values
        One row per stride (see :mod:`imaging.function.stride_values`).

    Returns
    -------
    DataFrame
        `COLUMNS`. `slope` per minute with its 95 % interval, which neighbouring strides that
        correlate widen; amplitudes in percent of their mean per minute. `start`: the line at the
        first stride, in the outcome's own unit. Fewer than eight strides give no slope.
    """
    rows = []
    keys = ["trial", "label", "muscle", "side", "phase", "outcome", "unit"]
    for what, group in values.groupby(keys, sort=True):
        row = dict(zip(keys, what, strict=True))
        known = group[np.isfinite(group["value"].to_numpy(float))].sort_values("stride")
        y, minutes = known["value"].to_numpy(float), known["at_s"].to_numpy(float) / 60
        row["n"] = len(y)
        if len(y) < FEWEST_STRIDES:
            rows.append({**row, "note": f"{len(y)} strides, {FEWEST_STRIDES} needed"})
            continue
        mean = float(y.mean())
        relative = row["outcome"] in ("amplitude", "peak")
        if relative and not mean > 0:
            rows.append({**row, "note": "no amplitude"})
            continue
        if relative:
            row["unit"] = "percent/min"
            slope = slope_of(100 * y / mean, minutes)
        else:
            row["unit"] = f"{row['unit']}/min"
            slope = slope_of(y, minutes)
        back = (minutes[0] - minutes.mean()) * slope.value
        start = mean + (back * mean / 100 if relative else back)
        rows.append({**row, **_told(slope), "start": start, "note": ""})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _told(slope: Estimate) -> dict[str, float]:
    low, high = slope.interval
    return {"slope": slope.value, "ci_low": low, "ci_high": high, "p": slope.p}


@dataclass(frozen=True)
class Contraction:
    """Median frequency and amplitude over a sustained contraction.

    Attributes
    ----------
    at_s : (L,) array
        Middle of every window of one second, from the start of the recording.
    median_hz, rms : (L,) array
    """

    at_s: FloatArray
    median_hz: FloatArray
    rms: FloatArray


def contraction(filtered: FloatArray, rate_hz: float, band_hz: tuple[float, float]) -> Contraction:
    """Return median frequency and amplitude of the longest stretch in which a muscle is active.

    Windows whose amplitude is below .3 of the 90th percentile are rest; that of the others which
    follow each other longest is the contraction.

    Parameters
    ----------
    filtered : (N,) array
        EMG after its band-pass, without a gap.
    rate_hz, band_hz
        Sampling rate; frequencies that count.
    """
    size = int(round(WINDOW_S * rate_hz))
    windows = filtered[: len(filtered) // size * size].reshape(-1, size)
    rms = np.sqrt((windows**2).mean(axis=1))
    active = rms > ACTIVE_SHARE * np.percentile(rms, 90) if len(rms) else np.zeros(0, bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    if len(edges) == 0:
        return Contraction(np.zeros(0), np.zeros(0), np.zeros(0))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    inside = slice(int(starts[longest]), int(ends[longest]))
    frequencies, power = signal.welch(windows[inside], rate_hz, nperseg=size // 2, axis=1)
    keep = (frequencies >= band_hz[0]) & (frequencies <= band_hz[1])
    share = np.cumsum(power[:, keep], axis=1)
    share /= share[:, -1:]
    median = np.array([np.interp(0.5, row, frequencies[keep]) for row in share])
    at = (np.arange(len(rms))[inside] + 0.5) * WINDOW_S
    return Contraction(at, median, rms[inside])


def frequency_slope(found: Contraction) -> Estimate | None:
    """Return the slope of the median frequency, percent of its start per minute.

    None for fewer than ten windows. De Luca CJ. Myoelectrical manifestations of localized muscular
    fatigue in humans. Crit Rev Biomed Eng 1984;11:251-279.
    """
    return _relative_slope(found.at_s, found.median_hz)


def amplitude_slope(found: Contraction) -> Estimate | None:
    """Return the slope of the amplitude, percent of its start per minute; None if too short."""
    return _relative_slope(found.at_s, found.rms)


def _relative_slope(at_s: FloatArray, values: FloatArray) -> Estimate | None:
    if len(values) < FEWEST_WINDOWS:
        return None
    slope = slope_of(values, at_s / 60)
    start = float(values.mean()) + slope.value * float(at_s[0] - at_s.mean()) / 60
    if not start > 0:
        return None
    scale = 100 / start
    return Estimate(slope.value * scale, slope.error * scale, slope.freedom, slope.n)
