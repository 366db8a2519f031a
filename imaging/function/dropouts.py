"""Where a channel holds nothing: a sensor that dropped out, a recorder that stopped, clipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.function.events import runs
from imaging.function.recording import Recording

SHORTEST_S = 0.1
# Of a coarse converter the quiet of a muscle is flat, too, but not for as long as a stride,
# and it comes with every stride.
SURELY_S = 1.0
OFTEN_HZ = 0.25
USUAL_SHARE = 0.5
LEAST_CLIPPED = 1e-3
# Peaks of EMG of one task stay within a factor of two from stride to stride.
OUTLYING, LEAST_STRIDES = 4.0, 3


def flat(row: FloatArray, rate_hz: float) -> BoolArray:
    """Return which samples (N,) of raw EMG lie in 100 ms or more of one and the same value."""
    same = np.concatenate([[False], np.diff(row) == 0])
    out = np.zeros(len(row), dtype=bool)
    for first, after in runs(same):
        if after - first + 1 >= SHORTEST_S * rate_hz:
            out[first - 1 : after] = True
    return out


def without_silence(recording: Recording, names: Sequence[str]) -> Recording:
    """Return a recording whose gaps hold what all its channels of raw EMG are flat in.

    A channel that is flat throughout says nothing about the others.
    """
    common: BoolArray | None = None
    for name in names:
        own = flat(recording.signals[recording.labels.index(name)], recording.rate_hz)
        if not own.all():
            common = own if common is None else common & own
    if common is None or recording.enveloped:
        return recording
    gaps = list(recording.gaps)
    found = runs(common)
    often = len(found) >= OFTEN_HZ * len(common) / recording.rate_hz
    for first, after in found:
        if often and after - first < SURELY_S * recording.rate_hz:
            continue
        start, end = (recording.start_s + k / recording.rate_hz for k in (first, after))
        if not any(a < end and start < b for a, b in recording.gaps):
            gaps.append((float(start), float(end)))
    return replace(recording, gaps=tuple(sorted(gaps)))


def dropped_out(
    row: FloatArray, rate_hz: float, windows: NDArray[np.intp], pieces: Sequence[slice]
) -> str:
    """Return why a channel of raw EMG cannot be used; empty where it can.

    Parameters
    ----------
    row : (N,) array
        As recorded.
    windows : (K, 2) array of int
        First sample of every stride and first after it.
    pieces
        Samples that were recorded without a gap.
    """
    if np.ptp(row) == 0:
        return "flat channel"
    recorded = np.zeros(len(row), dtype=bool)
    for piece in pieces:
        recorded[piece] = True
    lost = flat(row, rate_hz) & recorded
    inside = [bool(lost[a:b].any()) for a, b in windows]
    longest = max((b - a for a, b in runs(lost)), default=0)
    rare = 0 < sum(inside) <= USUAL_SHARE * len(inside)
    if not any(inside) or not (rare or longest >= SURELY_S * rate_hz):
        return ""
    total = sum(int(lost[a:b].sum()) for a, b in windows) / rate_hz
    return f"the channel is flat for {total:.2g} s in {sum(inside)} of {len(inside)} strides"


def clipped(row: FloatArray) -> float:
    """Return the share of samples at the largest or smallest value; 0 below one in a thousand."""
    if np.ptp(row) == 0:
        return 0.0
    share = float(((row == row.max()) | (row == row.min())).mean())
    return share if share >= LEAST_CLIPPED else 0.0


def outlying(row: FloatArray, windows: NDArray[np.intp]) -> list[int]:
    """Return the samples of peaks four times as large as those of most other strides.

    Parameters
    ----------
    row : (N,) array
        Band-passed EMG.
    windows : (K, 2) array of int
        First sample of every stride and first after it; of fewer than three nothing is told.
    """
    places = [a + int(np.abs(row[a:b]).argmax()) for a, b in windows if b > a]
    if len(places) < LEAST_STRIDES:
        return []
    sizes = np.abs(row[places])
    usual = float(np.median(sizes))
    return [p for p, size in zip(places, sizes, strict=True) if size > OUTLYING * usual]
