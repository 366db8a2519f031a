"""Bursts of a muscle named by where they lie in the cycle of its own foot.

The same burst must have the same name in every stride, on both sides and in all recordings, or
unlike bursts would be compared: tibialis anterior is active through swing and again through foot
strike, in one person as one burst, in the next as two. So bursts that begin and end alike are first
put together, over all strides, and each group is then named once.

Phases are those of Perry J, Burnfield JM. Gait Analysis: Normal and Pathological Function, 2010,
with stance scaled to 60 % of the cycle: *strike* (terminal swing and loading, 87 to 112 %),
*stance* (12 to 50 %), *push-off* (50 to 60 %) and *swing* (60 to 87 %). A burst through several is
named by all, as ``swing+strike``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

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
# Bursts are the same where begin and end are less than this apart, percent of the cycle.
NEAR = 15.0
# Of the strides of one side of a recording, and two strides: what is rarer is not named.
LEAST_SHARE = 0.25
MOST_COMPARED = 600


@dataclass(frozen=True)
class Steps:
    """Side and recording (``sets``) and stride of each burst, (B,)."""

    sets: NDArray[np.intp]
    strides: NDArray[np.intp]


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


def apart(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the larger of the distances of begin and end on the circle, (A, B), percent.

    Of bursts longer than 45 % of the cycle a third of their length counts as 15 %.

    Parameters
    ----------
    a, b : (A, 2) and (B, 2) arrays
        Begin and end, percent of the cycle.
    """
    middles = a.mean(axis=1)[:, None] - b.mean(axis=1)[None]
    turn = 100 * np.round(middles / 100)
    away = np.abs(a[:, None] - b[None] - turn[..., None]).max(axis=-1)
    longer = np.maximum(np.diff(a), np.diff(b)[:, 0])
    return away * np.minimum(1.0, 3 * NEAR / np.maximum(longer, 1.0))


def groups(intervals: FloatArray, steps: Steps) -> IntArray:
    """Return the group (B,) of each burst, from 0; -1 where it is like none.

    Groups come from average linkage of their distances, of 600 bursts at most, spread evenly; two
    bursts of one turn of the cycle are never in one. Every burst then belongs to the group whose
    mean is the nearest.

    Parameters
    ----------
    intervals : (B, 2) array
        Begin and end, percent of the cycle.
    steps
        Where each belongs.
    """
    n = len(intervals)
    if n < 2:
        return np.zeros(n, dtype=np.intp)
    chosen = np.unique(np.linspace(0, n - 1, min(n, MOST_COMPARED)).round().astype(int))
    some, sets = intervals[chosen], steps.sets[chosen]
    distance = apart(some, some)
    # Less than half a stride apart in time; one stride may hold the last strike and the next.
    turns = steps.strides[chosen] + some.mean(axis=1) / 100
    together = (sets[:, None] == sets) & (np.abs(turns[:, None] - turns) < 0.5)
    # So large that the mean over all pairs is beyond what is near.
    distance[together] = NEAR * len(some) ** 2
    tree = hierarchy.linkage(distance[np.triu_indices(len(some), 1)], "average")
    cut = hierarchy.fcluster(tree, NEAR, "distance")
    means = np.stack([mean_interval(some[cut == g]) for g in np.unique(cut)])
    away = apart(intervals, means)
    return np.where(away.min(axis=1) <= 1.5 * NEAR, away.argmin(axis=1), -1)


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
    group = _joined(groups(places, steps), places, steps, counts)
    means = {g: mean_interval(places[group == g]) for g in _common(group, steps, counts)}
    called = {g: name_of(mean) for g, mean in means.items()}
    for name in sorted(set(called.values())):
        alike = [g for g in called if called[g] == name]
        double = [g for g in alike if any(_together(group, steps, g, h) for h in alike if h != g)]
        double.sort(key=lambda g: (float((means[g][0] + 50) % 100), g))
        called |= {g: f"{name}-{number}" for number, g in enumerate(double, start=1)}
    return [called.get(int(g), "") for g in group]


def _joined(group: IntArray, places: FloatArray, steps: Steps, counts: IntArray) -> IntArray:
    """Join groups that are one burst of changing length: one or the other in the strides of a set.

    Not if one of them is a part of the other, and the rest of that is a burst of its own.
    """
    common = _common(group, steps, counts)
    means = {g: mean_interval(places[group == g]) for g in common}
    least = np.maximum(LEAST_SHARE * counts, np.minimum(counts, 2))
    often = {g: np.bincount(steps.sets[group == g], minlength=len(counts)) >= least for g in common}
    beside = {(g, h): _together(group, steps, g, h) for g in common for h in common if g != h}
    out = group.copy()
    for g, h in combinations(common, 2):
        if beside[g, h] or not (often[g] & often[h]).any() or _within(means[g], means[h]) < 0.5:
            continue
        split = any(
            (beside[g, k] and _within(means[k], means[h]) > 0.5)
            or (beside[h, k] and _within(means[k], means[g]) > 0.5)
            for k in common
            if k not in (g, h)
        )
        if not split:
            one, other = out[group == g][0], out[group == h][0]
            out[out == max(one, other)] = min(one, other)
    return out


def _within(a: FloatArray, b: FloatArray) -> float:
    """Return what two intervals on the circle share, over the shorter of them."""
    turn = 100 * np.round((a.mean() - b.mean()) / 100)
    shared = min(a[1], b[1] + turn) - max(a[0], b[0] + turn)
    return float(max(shared, 0.0) / max(min(np.diff(a)[0], np.diff(b)[0]), 1e-9))


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
