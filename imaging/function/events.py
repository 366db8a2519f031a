"""Contacts in vertical force, the limits of each kind of gait, and events of file and force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.function.recording import Event, EventKind, EventSide, Foot
from imaging.function.trials import Kind

MATCH_S = 0.1


@dataclass(frozen=True)
class Limits:
    """What a contact and a stride can be, s.

    Attributes
    ----------
    shortest_stance_s, longest_stance_s
        Of one foot on a plate.
    longest_dip_s
        Longest unloading within a contact; running flies for longer.
    shortest_stride_s, longest_stride_s
        Of a stride.
    doubled_from_s
        From here two strides may have been taken as one, as half of it is still a stride.
    off_percent
        Where in the stride the foot can lift.
    """

    shortest_stance_s: float
    longest_stance_s: float
    longest_dip_s: float
    shortest_stride_s: float
    longest_stride_s: float
    doubled_from_s: float
    off_percent: tuple[float, float]


WALKING = Limits(0.2, 1.7, 0.05, 0.5, 2.5, 1.4, (45.0, 85.0))
RUNNING = Limits(0.08, 0.6, 0.02, 0.4, 1.3, 0.95, (15.0, 60.0))
OTHER = Limits(0.08, 1.7, 0.05, 0.4, 2.5, 0.95, (15.0, 85.0))
LIMITS: Mapping[Kind, Limits] = {"walking": WALKING, "running": RUNNING}


def limits_of(kind: Kind) -> Limits:
    """Return the limits of a kind of recording."""
    return LIMITS.get(kind, OTHER)


def contacts(
    vertical: FloatArray, rate_hz: float, threshold_n: float, limits: Limits = WALKING
) -> NDArray[np.intp]:
    """Return first sample of contact and first sample after it, one row per stance.

    A stance is loaded beyond twice the threshold as long as the limits ask, short dips aside; its
    ends are where the force crosses the threshold next to that. So re-crossings around toe-off,
    which never reach twice the threshold, neither end a stance late nor make a new one.

    Parameters
    ----------
    vertical : (N,) array
        Vertical force on the body, N.
    rate_hz
        Its sampling rate.
    threshold_n
        Force above which the foot is on the plate.
    limits
        Of the kind of gait: 200 ms of stance and dips of 50 ms in walking.

    Returns
    -------
    (K, 2) array of int
    """
    loaded = bridge(runs(vertical > 2 * threshold_n), int(round(limits.longest_dip_s * rate_hz)))
    loaded = loaded[loaded[:, 1] - loaded[:, 0] >= limits.shortest_stance_s * rate_hz]
    above = np.concatenate([[False], vertical > threshold_n, [False]])
    stances = []
    for first, after in loaded:
        start = first - np.argmin(above[first::-1])
        end = after + np.argmin(above[after + 1 :])
        stances.append((start, end))
    return np.array(stances, dtype=np.intp).reshape(-1, 2)


def runs(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return start and end (exclusive) of every run of true values, shape (K, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return edges.reshape(-1, 2)


def bridge(intervals: NDArray[np.intp], longest_gap: int) -> NDArray[np.intp]:
    """Join intervals whose gap is at most `longest_gap` samples."""
    if len(intervals) < 2:
        return intervals
    apart = intervals[1:, 0] - intervals[:-1, 1] > longest_gap
    starts = intervals[np.concatenate([[True], apart]), 0]
    ends = intervals[np.concatenate([apart, [True]]), 1]
    return np.stack([starts, ends], axis=1)


@dataclass(frozen=True)
class Agreement:
    """How far an event of the file lies from the same event in the vertical force.

    `milliseconds` is file minus force. `frames` is the same in frames of the camera: the file
    can name a frame only, so the force's instant is taken to the frame it falls in.
    """

    event: Event
    milliseconds: float
    frames: float


def compare(of_file: Sequence[Event], of_force: Sequence[Event], frame_s: float) -> list[Agreement]:
    """Pair events of the file with those of the plates: same foot, same kind, within 100 ms."""
    pairs = []
    for event in of_force:
        near = [
            e
            for e in of_file
            if (e.side, e.kind) == (event.side, event.kind)
            and abs(e.time_s - event.time_s) <= MATCH_S
        ]
        if near:
            match = min(near, key=lambda e: abs(e.time_s - event.time_s))
            difference = match.time_s - event.time_s
            frames = np.nan
            if frame_s > 0:
                # Half a sample of slack: times are stored as 32-bit floats.
                frame = np.floor(event.time_s / frame_s + 1e-3)
                frames = round(match.time_s / frame_s) - frame
            pairs.append(Agreement(event, 1000 * difference, float(frames)))
    return pairs


def by_foot(events: Sequence[Event]) -> dict[tuple[EventSide, EventKind], FloatArray]:
    """Return the times of every foot and kind, s, rising."""
    times: dict[tuple[EventSide, EventKind], list[float]] = {}
    for event in events:
        times.setdefault((event.side, event.kind), []).append(float(event.time_s))
    return {key: np.sort(np.array(of)) for key, of in times.items()}


def nearest(times: FloatArray, to: FloatArray) -> FloatArray:
    """Return for each time of `to` that of `times`, rising, which is nearest; inf without any."""
    if len(times) == 0:
        return np.full(len(to), np.inf)
    after = np.clip(np.searchsorted(times, to), 1, max(len(times) - 1, 1))
    before, later = times[after - 1], times[np.minimum(after, len(times) - 1)]
    return np.where(np.abs(later - to) < np.abs(before - to), later, before)


def strikes(events: Sequence[Event], side: Foot) -> FloatArray:
    """Return the times of a foot's strikes, s."""
    return np.array([e.time_s for e in events if (e.side, e.kind) == (side, "foot_strike")])


def offs(events: Sequence[Event], side: Foot) -> FloatArray:
    """Return the times of a foot's lifts, s."""
    return np.array([e.time_s for e in events if (e.side, e.kind) == (side, "foot_off")])
