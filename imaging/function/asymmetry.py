"""Left against right, where the two can be compared: the same burst, amplitudes relative to MVC.

Amplitudes without MVC depend on skin, fat and placement. The index of Robinson is unstable near 0,
so times in the cycle are compared by their difference.

Robinson RO, Herzog W, Nigg BM. Use of force platform variables to quantify the effects of
chiropractic manipulation on gait symmetry. J Manipulative Physiol Ther 1987;10:172-176.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.function import timing
from imaging.function.amplitude import MVC
from imaging.function.analysis import MuscleActivity, StrideBurst
from imaging.function.intervals import Difference, Spread, difference, index, over_strides
from imaging.function.timing import main_bursts, main_phase, peak_over_strides
from imaging.measures import Measure, not_measured
from imaging.muscles import label_of, recorded_of

UNITS = {
    "emg_onset_right_minus_left": "percent",
    "emg_peak_time_right_minus_left": "percent",
    "emg_asymmetry_burst_duration": "percent",
    "emg_asymmetry_amplitude": "percent",
}
ONSET, PEAK, DURATION, AMPLITUDE = UNITS


def measures(muscles: Sequence[MuscleActivity]) -> list[Measure]:
    """Return the comparison of every muscle recorded on a side.

    A figure of a pair belongs to neither side: its label is 0, and its name ends with the key, or
    with key and phase where it is of bursts beside the main one.
    """
    by_label = {m.label: m for m in muscles}
    indices = sorted({m.label % 100 for m in muscles})
    rows = []
    for key in (recorded_of(i).key for i in indices):
        left, right = by_label.get(label_of(key, "left")), by_label.get(label_of(key, "right"))
        if left is None or right is None:
            side = "left" if left is None else "right"
            rows += [_missing(name, key, f"no {side} channel") for name in UNITS]
            continue
        rows.append(_amplitude(key, left, right))
        rows += _main(key, left, right)
        rows += _by_phase(key, left, right)
    return rows


def _amplitude(key: str, left: MuscleActivity, right: MuscleActivity) -> Measure:
    sides_named = (("left", left), ("right", right))
    if without := [f"{s}: {m.no_mvc}" for s, m in sides_named if m.unit != MVC or m.mean is None]:
        return _missing(AMPLITUDE, key, f"{'; '.join(without)}: amplitudes do not compare")
    sides = peak_over_strides(right), peak_over_strides(left)
    return _figure(AMPLITUDE, key, index(*sides), sides, "peak of the mean cycle over MVC")


def _main(key: str, left: MuscleActivity, right: MuscleActivity) -> list[Measure]:
    """Compare the main bursts, if both sides have the same."""
    sides = (("left", left), ("right", right))
    if why := "; ".join(f"{s}: {m.no_onsets}" for s, m in sides if m.no_onsets):
        rows = [_missing(name, key, why) for name in (ONSET, DURATION)]
        if left.mean is None or right.mean is None:
            return [*rows, _missing(PEAK, key, "no strides of both feet")]
        found = [over_strides(m.peak_percent, circular=True) for m in (right, left)]
        note = "maximum of the envelope, of whichever burst"
        return [*rows, _figure(PEAK, key, difference(*found), found, note)]
    phases = {s: main_phase(m) for s, m in sides}
    if phases["left"] != phases["right"] or not phases["left"]:
        called = ", ".join(f"{s} {p or 'not the same in its strides'}" for s, p in phases.items())
        why = f"the main bursts of both sides are not the same: {called}"
        return [_missing(name, key, why) for name in (ONSET, PEAK, DURATION)]
    return _same(key, main_bursts(left), main_bursts(right), f"main burst, {phases['left']}")


def _by_phase(key: str, left: MuscleActivity, right: MuscleActivity) -> list[Measure]:
    """Compare the bursts beside those that are the main ones of both sides."""
    if left.no_onsets or right.no_onsets:
        return []
    both = main_phase(left) if main_phase(left) == main_phase(right) else ""
    found = {s: {b.phase for b in m.bursts} - {""} for s, m in (("left", left), ("right", right))}
    rows = []
    for phase in sorted((found["left"] | found["right"]) - {both}):
        name = f"{key}_{phase}"
        if lacks := [s for s in found if phase not in found[s]]:
            there = ", ".join(sorted(found[lacks[0]])) or "none"
            why = f"no such burst on the {lacks[0]}; bursts there: {there}"
            rows += [_missing(measure, name, why) for measure in (ONSET, PEAK, DURATION)]
        else:
            one, other = ([b for b in m.bursts if b.phase == phase] for m in (left, right))
            rows += _same(name, one, other, f"burst at {phase}")
    return rows


def _same(
    key: str, left: Sequence[StrideBurst], right: Sequence[StrideBurst], note: str
) -> list[Measure]:
    """Compare onset, place of the peak and duration of bursts that are the same on both sides."""
    rows = []
    for name, figure, compare in (
        (ONSET, timing.onsets, difference),
        (PEAK, timing.peaks, difference),
        (DURATION, timing.durations, index),
    ):
        sides = figure(right), figure(left)
        rows.append(_figure(name, key, compare(*sides), sides, note))
    return rows


def _missing(name: str, key: str, why: str) -> Measure:
    return not_measured(0, f"{name}_{key}", UNITS[name], why)


def _figure(name: str, key: str, found: Difference, sides: Sequence[Spread], note: str) -> Measure:
    """Return a comparison; `sides` are right and left."""
    right, left = sides
    sd, low, high = (v if np.isfinite(v) else None for v in (found.sd, found.low, found.high))
    told = f"{note}; strides: {left.n} left, {right.n} right"
    n = left.n + right.n
    return Measure(0, f"{name}_{key}", found.value, UNITS[name], n, sd, low, high, note=told)
