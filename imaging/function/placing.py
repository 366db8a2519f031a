"""Bursts named over all recordings of a session, each in the stride that its name belongs to.

A burst that holds foot strike begins in one stride and ends in the next. Which of both it is given
to follows from the middle of all bursts of its name, so it is the same in every stride.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imaging.arrays import FloatArray
from imaging.function import phases
from imaging.function.analysis import (
    Analysis,
    MuscleActivity,
    foot_of,
    lift_percent,
)
from imaging.function.recording import Foot
from imaging.function.stride_bursts import StrideBurst, in_stride
from imaging.function.strides import SIDES

MEET_S = 1e-3


def with_phases(analyses: Mapping[str, Analysis]) -> dict[str, Analysis]:
    """Name the bursts of every muscle by phase, over all recordings and both sides."""
    muscles = {(name, m.label): m for name, a in analyses.items() for m in a.muscles}
    lifts = {(name, side): usual_lift(a, side) for name, a in analyses.items() for side in SIDES}
    for index in sorted({label % 100 for _, label in muscles}):
        keys = [key for key in muscles if key[1] % 100 == index]
        called = _names([muscles[k] for k in keys], [lifts[n, foot_of(v)] for n, v in keys])
        named = [
            [replace(b, phase=p) for b, p in zip(muscles[k].bursts, own, strict=True)]
            for k, own in zip(keys, called, strict=True)
        ]
        middles = _middles([b for own in named for b in own])
        for key, own in zip(keys, named, strict=True):
            strides = analyses[key[0]].strides[foot_of(key[1])]
            muscles[key] = _placed(muscles[key], own, middles, strides)
    return {
        name: replace(a, muscles=tuple(muscles[name, m.label] for m in a.muscles))
        for name, a in analyses.items()
    }


def _names(muscles: Sequence[MuscleActivity], lifts: Sequence[FloatArray]) -> list[list[str]]:
    """Return the names of the bursts of one muscle on its sides and in its recordings."""
    bursts = [(k, b) for k, m in enumerate(muscles) for b in m.bursts]
    places = np.reshape([(b.onset_percent, b.offset_percent) for _, b in bursts], (-1, 2))
    which = np.array([k for k, _ in bursts], dtype=np.intp)
    strides = np.array([b.stride for _, b in bursts], dtype=np.intp)
    toe_off = np.array([lifts[k][b.stride] for k, b in bursts])
    counts = np.array([len(lift) for lift in lifts])
    called = phases.names(places, toe_off, phases.Steps(which, strides), counts)
    ends = np.cumsum([len(m.bursts) for m in muscles])[:-1]
    return [list(own) for own in np.split(np.array(called, dtype=object), ends)]


def _middles(bursts: Sequence[StrideBurst]) -> dict[str, float]:
    """Return the mean middle of the bursts of each name, 0 to 100 % of the cycle."""
    middles = {}
    for phase in sorted({b.phase for b in bursts} - {""}):
        own = np.array([(b.onset_percent, b.offset_percent) for b in bursts if b.phase == phase])
        middles[phase] = float(phases.mean_interval(own).mean() % 100)
    return middles


def _placed(
    m: MuscleActivity,
    bursts: Sequence[StrideBurst],
    middles: Mapping[str, float],
    strides_s: FloatArray,
) -> MuscleActivity:
    """Return a muscle with each burst in its stride, one of each name, and the main ones."""
    kept, outside = [], list(m.outside)
    for b in bursts:
        stride = _stride_of(b, middles, strides_s)
        if stride is None:
            outside.append(b.burst)
        else:
            kept.append(in_stride(b.burst, stride, strides_s, main=b.main, phase=b.phase))
    strongest: dict[tuple[int, str], StrideBurst] = {}
    for b in kept:
        held = strongest.setdefault((b.stride, b.phase), b)
        if b.burst.strength > held.burst.strength:
            strongest[b.stride, b.phase] = b
    alone = [b if strongest[b.stride, b.phase] is b else replace(b, phase="") for b in kept]
    counted = Counter(b.phase for b in alone if b.main and b.phase).most_common(1)
    phase = counted[0][0] if counted else ""
    have = {b.stride for b in alone if phase and b.phase == phase}
    marked = [
        replace(b, main=b.phase == phase if b.stride in have else b.main and not b.phase)
        for b in alone
    ]
    outside.sort(key=lambda burst: burst.onset_s)
    why = m.no_onsets
    if not why and m.mean is not None and not any(b.main for b in marked):
        why = "its main bursts belong to strides that are not known"
    return replace(m, bursts=tuple(marked), outside=tuple(outside), no_onsets=why)


def _stride_of(b: StrideBurst, middles: Mapping[str, float], strides_s: FloatArray) -> int | None:
    """Return the stride in which the middle of a burst is nearest to that of its name."""
    if not b.phase:
        return b.stride
    middle = (b.onset_percent + b.offset_percent) / 2
    turn = round((middle - middles[b.phase]) / 100)
    for step in range(abs(turn)):
        here = b.stride + (step if turn > 0 else -step - 1)
        known = 0 <= here < len(strides_s) - 1
        if not known or abs(strides_s[here, 1] - strides_s[here + 1, 0]) > MEET_S:
            return None
    return b.stride + turn


def usual_lift(analysis: Analysis, side: Foot) -> FloatArray:
    """Return the lift of a foot in each stride, (K,), percent.

    Where it is not known it is the median of the foot's other strides, else of the other foot's,
    else 60: phases are then named as if the foot left the ground there.
    """
    own = lift_percent(analysis, side)
    both = np.concatenate([lift_percent(analysis, s) for s in SIDES])
    for known in (own, both, np.array([phases.TOE_OFF])):
        if np.isfinite(known).any():
            return np.where(np.isfinite(own), own, np.nanmedian(known))
    return own


def lifts_known(analysis: Analysis) -> bool:
    """Tell whether the lift of a foot is known in any stride."""
    return any(np.isfinite(lift_percent(analysis, side)).any() for side in SIDES)
