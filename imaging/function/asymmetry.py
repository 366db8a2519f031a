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
from imaging.muscles import label_of, structure_of

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
    """Return the comparison of every muscle recorded on both sides.

    The label has no side: the figure belongs to the pair.
    """
    by_label = {m.label: m for m in muscles}
    keys = sorted({structure_of(m.label).key for m in muscles})
    rows = []
    for key in sorted(keys, key=lambda k: label_of(k, "undecided")):
        left, right = by_label.get(label_of(key, "left")), by_label.get(label_of(key, "right"))
        rows += _pair(label_of(key, "undecided"), left, right)
    return rows


def _pair(label: int, left: MuscleActivity | None, right: MuscleActivity | None) -> list[Measure]:
    if left is None or right is None:
        side = "left" if left is None else "right"
        return [not_measured(label, n, u, f"no {side} channel") for n, u in UNITS.items()]
    rows = [
        not_measured(
            label,
            "emg_asymmetry_amplitude",
            UNITS["emg_asymmetry_amplitude"],
            "no MVC recording: left and right amplitudes are not comparable",
        )
    ]
    names = ("emg_onset_right_minus_left", "emg_asymmetry_burst_duration")
    if left.no_onsets or right.no_onsets:
        why = "; ".join(
            f"{side}: {m.no_onsets}"
            for side, m in (("left", left), ("right", right))
            if m.no_onsets
        )
        rows += [not_measured(label, n, UNITS[n], why) for n in names]
    else:
        onset = [_mean_onset(m) for m in (right, left)]
        duration = [_mean_duration(m) for m in (right, left)]
        note = "right minus left; main burst of each stride"
        difference = float(circular_difference(*onset))
        rows.append(Measure(label, names[0], difference, "percent", note=note))
        note = "100·(R−L)/(½·(R+L)); main burst of each stride"
        rows.append(Measure(label, names[1], index(*duration), "percent", note=note))
    name = "emg_peak_time_right_minus_left"
    if left.mean is None or right.mean is None:
        rows.append(not_measured(label, name, UNITS[name], "no strides of both feet"))
    else:
        peaks = [circular_mean(m.peak_percent)[0] for m in (right, left)]
        note = "right minus left; maximum of the envelope"
        rows.append(Measure(label, name, float(circular_difference(*peaks)), "percent", note=note))
    return rows


def _mean_onset(m: MuscleActivity) -> float:
    return circular_mean(np.array([b.onset_percent for b in m.bursts if b.main]))[0]


def _mean_duration(m: MuscleActivity) -> float:
    return float(np.mean([b.burst.offset_s - b.burst.onset_s for b in m.bursts if b.main]))
