"""When the bursts of each phase begin and end, against strike and lift of the own foot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.analysis import (
    Analysis,
    MuscleActivity,
    StrideBurst,
    foot_of,
    lift_percent,
)
from imaging.function.intervals import Spread, over_strides
from imaging.muscles import recorded_of, side_of

COLUMNS = ("label", "muscle", "side", "phase", "measure", "value", "sd", "ci_low", "ci_high", "n",
           "unit", "status", "note")  # fmt: skip


def main_bursts(m: MuscleActivity) -> list[StrideBurst]:
    """Return the main burst of every stride that has one."""
    return [b for b in m.bursts if b.main]


def main_phase(m: MuscleActivity) -> str:
    """Return the phase of the main burst, if it is that of most strides; else nothing."""
    main = main_bursts(m)
    [(phase, count)] = Counter(b.phase for b in main).most_common(1) or [("", 0)]
    return phase if 2 * count > len(main) else ""


def peak_over_strides(m: MuscleActivity) -> Spread:
    """Return the amplitude at the peak of the mean cycle, over strides, in the muscle's unit."""
    at = int(m.per_stride.mean(axis=0).argmax())
    return over_strides(m.per_stride[:, at])


def onsets(bursts: Sequence[StrideBurst]) -> Spread:
    """Return onset in percent of the stride, around the circle."""
    return over_strides(np.array([b.onset_percent for b in bursts]), circular=True)


def offsets(bursts: Sequence[StrideBurst]) -> Spread:
    """Return the end in percent of the stride, around the circle."""
    return over_strides(np.array([b.offset_percent for b in bursts]), circular=True)


def peaks(bursts: Sequence[StrideBurst]) -> Spread:
    """Return the place of the largest envelope in percent of the stride, around the circle."""
    return over_strides(np.array([b.peak_percent for b in bursts]), circular=True)


def durations(bursts: Sequence[StrideBurst]) -> Spread:
    """Return end minus onset, ms."""
    return over_strides(np.array([1000 * (b.burst.offset_s - b.burst.onset_s) for b in bursts]))


def before_strike(bursts: Sequence[StrideBurst], strikes_s: FloatArray) -> FloatArray:
    """Return how long before a strike each burst began that holds it, ms; one per strike."""
    begins = np.array([b.burst.onset_s for b in bursts])[:, None]
    ends = np.array([b.burst.offset_s for b in bursts])[:, None]
    held, strike = np.nonzero((begins < strikes_s) & (strikes_s < ends))
    return 1000 * (strikes_s[strike] - begins[held, 0])


def after_lift(bursts: Sequence[StrideBurst], lifts_s: FloatArray) -> FloatArray:
    """Return onset minus the lift of the foot in its stride, ms; negative before it.

    Parameters
    ----------
    lifts_s : (K,) array
        Lift in each stride, s; NaN where it is not known.
    """
    delays = np.array([1000 * (b.burst.onset_s - lifts_s[b.stride]) for b in bursts])
    return delays[np.isfinite(delays)]


def table(analysis: Analysis) -> pd.DataFrame:
    """Return one row per muscle, phase and figure of the bursts of that phase.

    Figures: onset, offset, peak (percent), duration, before_strike, after_toe_off (ms) and
    strides (percent of the strides that have the burst). Percent is below 0 for what begins in the
    stride before, above 100 for what ends in the next. A figure that is not known has a reason.
    """
    rows: list[tuple[object, ...]] = []
    for m in analysis.muscles:
        head = (m.label, recorded_of(m.label).key, side_of(m.label))
        for phase in sorted({b.phase for b in m.bursts} - {""}):
            own = [b for b in m.bursts if b.phase == phase]
            for row in _figures(own, analysis, m):
                rows.append((*head, phase, *row))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "Int64"})


def _figures(
    own: Sequence[StrideBurst], analysis: Analysis, m: MuscleActivity
) -> list[tuple[object, ...]]:
    foot = foot_of(m.label)
    strides = analysis.strides[foot]
    lifts = strides[:, 0] + lift_percent(analysis, foot) / 100 * np.diff(strides)[:, 0]
    strikes = before_strike(own, np.union1d(strides[:, 0], strides[:, 1]))
    delays = after_lift(own, lifts)
    share = 100 * len({b.stride for b in own}) / len(strides)
    return [
        _row("onset", over_strides(np.array([b.onset_percent for b in own])), "percent"),
        _row("offset", over_strides(np.array([b.offset_percent for b in own])), "percent"),
        _row("peak", over_strides(np.array([b.peak_percent for b in own])), "percent"),
        _row("duration", durations(own), "ms"),
        _known("before_strike", strikes, "no strike inside the burst"),
        _known("after_toe_off", delays, "no lift of the foot is known"),
        ("strides", share, *(None,) * 3, len(strides), "percent", "measured", ""),
    ]


def _known(name: str, values: FloatArray, why: str) -> tuple[object, ...]:
    if len(values) == 0:
        return (name, *(None,) * 5, "ms", "not_measured", why)
    return _row(name, over_strides(values), "ms")


def _row(name: str, found: Spread, unit: str) -> tuple[object, ...]:
    spread = (found.sd, *found.interval)
    return (name, found.mean, *spread, found.n, unit, "measured", "")
