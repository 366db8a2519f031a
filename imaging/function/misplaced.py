"""Recordings whose activity lies elsewhere in the cycle: sides interchanged, or another clock.

The mean cycles of one person's muscles keep their place from recording to recording, give or take
a tenth of the cycle. Where those of all muscles lie far from it by one and the same share, it is
not the muscles that changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.analysis import Analysis
from imaging.function.trials import Trial
from imaging.muscles import side_and_key

LEAST_SHIFT, HALF = 15, (35, 50)
LEAST_LIKE, LEAST_GAIN = 0.7, 0.3
FEWEST_MUSCLES = 2


def sentences(trials: Sequence[Trial], analyses: Mapping[str, Analysis]) -> list[str]:
    """Return a sentence on each recording that is unlike the first of its kind.

    Parameters
    ----------
    trials
        The reference first.
    analyses
        Of the cyclic recordings, by name.
    """
    first: dict[str, str] = {}
    said = []
    for trial in trials:
        if trial.name not in analyses:
            continue
        head = first.setdefault(trial.kind, trial.name)
        if head == trial.name:
            continue
        likeness = _likeness(analyses[head], analyses[trial.name])
        shift = _shift(np.mean(list(likeness.values()), axis=0)) if likeness else 0
        if len(likeness) >= FEWEST_MUSCLES and shift:
            where = f"{abs(shift)} % of the cycle {'later' if shift > 0 else 'earlier'}"
            said.append(
                f"The muscles in {trial.name} are active {where} than in {head}: left and right "
                "may be interchanged, or its events are on another clock."
            )
        else:
            said += _pairs(likeness, trial.name, head)
    return said


def _pairs(likeness: Mapping[int, FloatArray], name: str, head: str) -> list[str]:
    """Return sentences on muscles of which both sides lie half a cycle away, unlike the others."""
    far = {v for v, curve in likeness.items() if HALF[0] <= abs(_shift(curve)) <= HALF[1]}
    return [
        f"{side_and_key(v)} and {side_and_key(v + 100)} in {name} are active half a cycle apart "
        f"from {head}: these two may be interchanged."
        for v in sorted(far)
        if v // 100 == 1 and v + 100 in far
    ]


def _likeness(head: Analysis, other: Analysis) -> dict[int, FloatArray]:
    """Return by muscle the correlation of two mean cycles, the other one moved by 0-99 percent."""
    cycles = [{m.label: m.mean.mean for m in a.muscles if m.mean} for a in (head, other)]
    found = {}
    for label in sorted(set(cycles[0]) & set(cycles[1])):
        own, moved = (_standard(c[label][:-1]) for c in cycles)
        found[label] = np.array([float(own @ np.roll(moved, -lag)) for lag in range(len(own))])
    return found


def _standard(cycle: FloatArray) -> FloatArray:
    away = cycle - cycle.mean()
    size = float(np.linalg.norm(away))
    return away / size if size > 0 else away


def _shift(likeness: FloatArray) -> int:
    """Return how much later a cycle is, -50 to 50 percent; 0 where it lies as well unmoved."""
    best = int(likeness.argmax())
    shift = best if best <= 50 else best - 100
    clear = likeness[best] >= LEAST_LIKE and likeness[best] - likeness[0] >= LEAST_GAIN
    return shift if clear and abs(shift) >= LEAST_SHIFT else 0
