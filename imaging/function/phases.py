"""Bursts of a muscle named by where they lie in the cycle of its own foot.

The same burst must have the same name in every stride, on both sides and in all recordings, or
unlike bursts would be compared: tibialis anterior is active through swing and again through foot
strike, in one person as one burst, in the next as two. So bursts that overlap are first put
together, over all strides, and each group is then named once.

Phases are those of Perry J, Burnfield JM. Gait Analysis: Normal and Pathological Function, 2010,
with stance scaled to 60 % of the cycle: *strike* (terminal swing and loading, 87 to 112 %),
*stance* (12 to 50 %), *push-off* (50 to 60 %) and *swing* (60 to 87 %). A burst through several is
named by all, as ``swing+strike``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from imaging.arrays import FloatArray, IntArray

TOE_OFF = 60.0
PHASES: Mapping[str, tuple[float, float]] = {
    "stance": (12.0, 50.0),
    "push-off": (50.0, 60.0),
    "swing": (60.0, 87.0),
    "strike": (87.0, 112.0),
}
# Bursts are the same if what they share is half of what they span together.
SAME = 0.5
# Of the strides of one side of a recording, and two strides: what is rarer is not named.
LEAST_SHARE = 0.25
MOST_COMPARED = 600


def scaled(percent: FloatArray, toe_off: FloatArray) -> FloatArray:
    """Return places in the cycle with stance scaled to 60 % and swing to 40 %.

    Parameters
    ----------
    percent : (B, 2) array
        Percent of the stride; below 0 or above 100 in the stride before or after.
    toe_off : (B,) array
        Of the stride of each, percent.
    """
    turns = np.floor(percent / 100)
    inside = percent - 100 * turns
    lift = toe_off[:, None]
    stance = inside * TOE_OFF / lift
    swing = TOE_OFF + (inside - lift) * (100 - TOE_OFF) / (100 - lift)
    return 100 * turns + np.where(inside < lift, stance, swing)


def overlap(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return what intervals on the circle share over what they span, (A, B), 0 to 1.

    Parameters
    ----------
    a, b : (A, 2) and (B, 2) arrays
        Begin and end, percent of the cycle.
    """
    centres = a.mean(axis=1)[:, None] - b.mean(axis=1)[None]
    turn = 100 * np.round(centres / 100)
    begin, end = b[None, :, 0] + turn, b[None, :, 1] + turn
    shared = np.minimum(a[:, 1, None], end) - np.maximum(a[:, 0, None], begin)
    spanned = np.maximum(a[:, 1, None], end) - np.minimum(a[:, 0, None], begin)
    return np.maximum(shared, 0.0) / np.maximum(spanned, 1e-9)


def groups(intervals: FloatArray) -> IntArray:
    """Return the group (B,) of each burst, from 0; -1 where it is like none.

    Groups come from average linkage of the overlaps, of 600 bursts at most, spread evenly; every
    burst then belongs to the group whose mean it overlaps most.

    Parameters
    ----------
    intervals : (B, 2) array
        Begin and end, percent of the cycle.
    """
    n = len(intervals)
    if n < 2:
        return np.zeros(n, dtype=np.intp)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_COMPARED)).round().astype(int))
    some = intervals[chosen]
    apart = 1 - overlap(some, some)
    tree = hierarchy.linkage(apart[np.triu_indices(len(some), 1)], "average")
    cut = hierarchy.fcluster(tree, 1 - SAME, "distance")
    means = np.stack([mean_interval(some[cut == g]) for g in np.unique(cut)])
    likeness = overlap(intervals, means)
    best = likeness.argmax(axis=1)
    return np.where(likeness.max(axis=1) >= SAME / 2, best, -1)


def mean_interval(intervals: FloatArray) -> FloatArray:
    """Return begin and end of the mean of intervals on the circle, (2,), percent."""
    angles = 2 * np.pi * intervals.mean(axis=1) / 100
    centre = np.angle(np.exp(1j * angles).mean()) * 100 / (2 * np.pi)
    half = np.diff(intervals).mean() / 2
    return np.array([centre - half, centre + half])


def name_of(interval: FloatArray) -> str:
    """Return the phases that a burst fills by half or more, else the one that it lies in.

    Examples
    --------
    >>> name_of(np.array([57.0, 109.0])), name_of(np.array([95.0, 101.0]))
    ('swing+strike', 'strike')
    """
    turns = 100 * np.arange(-2, 3)
    shared, begun = {}, {}
    for name, (begin, end) in PHASES.items():
        inside = np.minimum(interval[1], end + turns) - np.maximum(interval[0], begin + turns)
        shared[name] = float(np.maximum(inside, 0).sum())
        begun[name] = ((begin + end) / 2 - interval[0]) % 100
    filled = [n for n, (begin, end) in PHASES.items() if shared[n] >= 0.5 * (end - begin)]
    filled.sort(key=lambda n: begun[n])
    return "+".join(filled) or max(shared, key=lambda n: shared[n])


@dataclass(frozen=True)
class Steps:
    """Side and recording (``sets``) and stride of each burst, (B,)."""

    sets: NDArray[np.intp]
    strides: NDArray[np.intp]


def names(intervals: FloatArray, toe_off: FloatArray, steps: Steps, counts: IntArray) -> list[str]:
    """Return the name of each burst of a muscle; empty for what is rare.

    Parameters
    ----------
    intervals : (B, 2) array
        Begin and end, percent of the stride of each.
    toe_off : (B,) array
        Lift of the foot in the stride of each, percent.
    steps
        Where each belongs.
    counts : (S,) array of int
        Strides of each side and recording.

    Notes
    -----
    Of two groups with one name that are found in the same strides, each is numbered in the order of
    begin: ``stance-1``, ``stance-2``.
    """
    if len(intervals) == 0:
        return []
    places = scaled(intervals, toe_off)
    group = groups(places)
    means = {g: mean_interval(places[group == g]) for g in _common(group, steps, counts)}
    called = {g: name_of(mean) for g, mean in means.items()}
    for name in sorted(set(called.values())):
        alike = [g for g in called if called[g] == name]
        double = [g for g in alike if any(_together(group, steps, g, h) for h in alike if h != g)]
        double.sort(key=lambda g: (float((means[g][0] + 50) % 100), g))
        called |= {g: f"{name}-{number}" for number, g in enumerate(double, start=1)}
    return [called.get(int(g), "") for g in group]


def _common(group: IntArray, steps: Steps, counts: IntArray) -> list[int]:
    """Return the groups that a quarter of the strides of some set has, and two of them."""
    kept = []
    least = np.maximum(LEAST_SHARE * counts, np.minimum(counts, 2))
    for g in np.unique(group[group >= 0]):
        found = np.bincount(steps.sets[group == g], minlength=len(counts))
        if ((found >= least) & (counts > 0)).any():
            kept.append(int(g))
    return kept


def _together(group: IntArray, steps: Steps, a: int, b: int) -> bool:
    """Whether two groups are found in the same strides, a quarter of those of the rarer one."""
    one, other = (
        set(zip(steps.sets[group == g].tolist(), steps.strides[group == g].tolist(), strict=True))
        for g in (a, b)
    )
    return len(one & other) >= LEAST_SHARE * min(len(one), len(other))
