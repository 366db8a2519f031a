"""Left against right, where the two can be compared.

Amplitudes without MVC cannot: they depend on skin, fat and placement. The index of Robinson is
unstable near 0, so times in the cycle are compared by their difference.

Robinson RO, Herzog W, Nigg BM. Use of force platform variables to quantify the effects of
chiropractic manipulation on gait symmetry. J Manipulative Physiol Ther 1987;10:172-176.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.function.analysis import MuscleActivity
from imaging.function.cycles import circular_difference, circular_mean
from imaging.measures import Measure, not_measured
from imaging.muscles import label_of, recorded_of

UNITS = {
    "emg_onset_right_minus_left": "percent",
    "emg_peak_time_right_minus_left": "percent",
    "emg_asymmetry_burst_duration": "percent",
    "emg_asymmetry_amplitude": "percent",
}


def index(right: float, left: float) -> float:
    """Return 100·(R − L) / (½·(R + L)), percent; positive when the right is larger."""
    return 100 * (right - left) / (0.5 * (right + left))


def measures(muscles: Sequence[MuscleActivity]) -> list[Measure]:
    """Return the comparison of every muscle recorded on a side.

    A figure of a pair belongs to neither side: its label is 0, and its name ends with the key.
    """
    by_label = {m.label: m for m in muscles}
    indices = sorted({m.label % 100 for m in muscles})
    rows = []
    for key in (recorded_of(i).key for i in indices):
        left, right = by_label.get(label_of(key, "left")), by_label.get(label_of(key, "right"))
        rows += _pair(key, left, right)
    return rows


def _pair(key: str, left: MuscleActivity | None, right: MuscleActivity | None) -> list[Measure]:
    if left is None or right is None:
        side = "left" if left is None else "right"
        return [_missing(name, key, f"no {side} channel") for name in UNITS]
    why = "no MVC recording: left and right amplitudes are not comparable"
    rows = [_missing("emg_asymmetry_amplitude", key, why)]
    reasons = [f"{s}: {m.no_onsets}" for s, m in (("left", left), ("right", right)) if m.no_onsets]
    if reasons:
        for name in ("emg_onset_right_minus_left", "emg_asymmetry_burst_duration"):
            rows.append(_missing(name, key, "; ".join(reasons)))
    else:
        onset = circular_difference(_mean_onset(right), _mean_onset(left))
        note = "right minus left; main burst of each stride"
        rows.append(_figure("emg_onset_right_minus_left", key, float(onset), note))
        share = index(_mean_duration(right), _mean_duration(left))
        note = "100·(R−L)/(½·(R+L)); main burst of each stride"
        rows.append(_figure("emg_asymmetry_burst_duration", key, share, note))
    name = "emg_peak_time_right_minus_left"
    if left.mean is None or right.mean is None:
        rows.append(_missing(name, key, "no strides of both feet"))
    else:
        peaks = [circular_mean(m.peak_percent)[0] for m in (right, left)]
        note = "right minus left; maximum of the envelope"
        rows.append(_figure(name, key, float(circular_difference(*peaks)), note))
    return rows


def _missing(name: str, key: str, why: str) -> Measure:
    return not_measured(0, f"{name}_{key}", UNITS[name], why)


def _figure(name: str, key: str, value: float, note: str) -> Measure:
    return Measure(0, f"{name}_{key}", value, UNITS[name], note=note)


def _mean_onset(m: MuscleActivity) -> float:
    return circular_mean(np.array([b.onset_percent for b in m.bursts if b.main]))[0]


def _mean_duration(m: MuscleActivity) -> float:
    return float(np.mean([b.burst.offset_s - b.burst.onset_s for b in m.bursts if b.main]))
