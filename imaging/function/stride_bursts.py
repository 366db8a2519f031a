"""Bursts in the strides of their foot, and which of a stride is the main one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.onsets import Burst

MAIN_REACH = 0.15


@dataclass(frozen=True)
class StrideBurst:
    """A burst in percent of its stride: that of the peak it holds, else that its middle is in.

    Percent is negative for what begins in the stride before, above 100 for what ends in the next.
    `phase` names the burst by where it lies in the gait cycle, the same in all strides; empty
    where it cannot be named.
    """

    burst: Burst
    stride: int
    onset_percent: float
    offset_percent: float
    peak_percent: float
    main: bool
    phase: str = ""


def in_stride(
    burst: Burst, stride: int, strides_s: FloatArray, *, main: bool, phase: str = ""
) -> StrideBurst:
    """Return a burst with its times in percent of a stride."""
    start, end = strides_s[stride]
    onset, offset, peak = (
        float(100 * (t - start) / (end - start))
        for t in (burst.onset_s, burst.offset_s, burst.peak_s)
    )
    return StrideBurst(burst, stride, onset, offset, peak, main, phase)


def place(
    found: Sequence[Burst], strides_s: FloatArray, peak_percent: int
) -> tuple[tuple[StrideBurst, ...], tuple[Burst, ...]]:
    """Give every burst its stride, and every stride its main burst; return those without, too.

    The main burst of a stride is the one that holds the peak of the mean cycle, or lies within
    15 % of the cycle of it; so the same burst is compared over strides, also where it begins
    before foot strike in one and after it in another.
    """
    begins, ends = (np.array(t) for t in ([b.onset_s for b in found], [b.offset_s for b in found]))
    main = _main(begins, ends, strides_s, peak_percent)
    middles = (begins + ends) / 2
    around = np.searchsorted(strides_s[:, 0], middles, side="right") - 1
    placed, outside = [], []
    for i, burst in enumerate(found):
        k = main.get(i, int(around[i]))
        if k < 0 or (i not in main and middles[i] >= strides_s[k, 1]):
            outside.append(burst)
            continue
        placed.append(in_stride(burst, k, strides_s, main=i in main))
    return tuple(placed), tuple(outside)


def _main(
    begins: FloatArray, ends: FloatArray, strides_s: FloatArray, peak_percent: int
) -> dict[int, int]:
    """Return number of burst to number of stride whose main burst it is."""
    main: dict[int, int] = {}
    for k, (start, end) in enumerate(strides_s):
        time = start + peak_percent / 100 * (end - start)
        after = int(np.searchsorted(begins, time, side="right"))
        near = [i for i in (after - 1, after) if 0 <= i < len(begins)]
        gaps = [max(begins[i] - time, time - ends[i], 0.0) for i in near]
        if near and min(gaps) <= MAIN_REACH * (end - start):
            main.setdefault(near[int(np.argmin(gaps))], k)
    return main
