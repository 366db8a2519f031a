"""Gait events: from vertical force, from the file, and how well the two agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.function.recording import Event, EventKind, EventSide, Foot, Plate, Recording

MATCH_S = 0.1
SHORTEST_STANCE_S = 0.2
LONGEST_GAP_S = 0.05
HEEL_REACH_MM = 250.0


def contacts(vertical: FloatArray, rate_hz: float, threshold_n: float) -> NDArray[np.intp]:
    """Return first sample of contact and first sample after it, one row per stance.

    A stance is loaded beyond twice the threshold for 200 ms at least, dips under 50 ms aside; its
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

    Returns
    -------
    (K, 2) array of int
    """
    loaded = bridge(runs(vertical > 2 * threshold_n), int(round(LONGEST_GAP_S * rate_hz)))
    loaded = loaded[loaded[:, 1] - loaded[:, 0] >= SHORTEST_STANCE_S * rate_hz]
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


def force_events(recording: Recording, threshold_n: float) -> list[Event]:
    """Return foot strikes and lifts of all plates, with the side where it can be told.

    The side comes from the event of the file nearest in time, else from the heel marker that
    stands at the point of application. A stance that touches an end of the recording gives no
    event there.
    """
    events = []
    for number, plate in enumerate(recording.plates, start=1):
        n = plate.force.shape[1]
        for first, after in contacts(plate.force[2], recording.rate_hz, threshold_n):
            side = _stance_side(recording, plate, int(first), int(after))
            source = f"force plate {number}"
            marks: list[tuple[int, EventKind]] = []
            if first > 0:
                marks.append((int(first), "foot_strike"))
            if after < n:
                marks.append((int(after), "foot_off"))
            for sample, kind in marks:
                time = recording.start_s + sample / recording.rate_hz
                events.append(Event(time, side, kind, source))
    return sorted(events, key=lambda e: e.time_s)


def is_on_plate(recording: Recording, event: Event) -> bool:
    """Whether the foot was on the plate that gave an event, as far as its markers tell.

    A foot that comes down in front of the plate loads it late, and one that goes on beyond it
    leaves it early. So the heel must lie within the corners at contact, the forefoot (without a
    marker there, the heel) at lift.
    """
    if event.side == "undecided" or recording.marker_rate_hz <= 0:
        return True
    feet = (recording.heels, recording.toes) if event.kind == "foot_off" else (recording.heels,)
    path = next((f[event.side] for f in reversed(feet) if event.side in f), None)
    if path is None:
        return True
    frame = int((event.time_s - recording.start_s) * recording.marker_rate_hz + 1e-6)
    spot = path[:2, min(max(frame, 0), path.shape[1] - 1)]
    plate = recording.plates[int(event.source.split()[-1]) - 1]
    return not np.isfinite(spot).all() or _inside(spot, plate.corners[:, :2])


def _inside(spot: FloatArray, corners: FloatArray) -> bool:
    """Whether a point lies within a convex quadrangle; both in the plane, (2,) and (4, 2)."""
    along = np.roll(corners, -1, axis=0) - corners
    away = spot - corners
    turn = along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
    return bool((turn >= 0).all() or (turn <= 0).all())


def _stance_side(recording: Recording, plate: Plate, first: int, after: int) -> EventSide:
    times = {
        "foot_strike": recording.start_s + first / recording.rate_hz,
        "foot_off": recording.start_s + after / recording.rate_hz,
    }
    near = [
        (abs(e.time_s - times[e.kind]), e.side)
        for e in recording.events
        if e.side != "undecided" and abs(e.time_s - times[e.kind]) <= MATCH_S
    ]
    if near:
        return min(near)[1]
    return _nearest_heel(recording.heels, recording.marker_rate_hz, plate, recording.rate_hz, first)


def _nearest_heel(
    heels: Mapping[Foot, FloatArray], heel_rate: float, plate: Plate, rate: float, first: int
) -> EventSide:
    """Return the foot whose heel is nearest to where the force acts 50 ms after contact."""
    if len(heels) < 2 or heel_rate <= 0:
        return "undecided"
    sample = min(first + int(0.05 * rate), plate.centre.shape[1] - 1)
    spot = plate.centre[:2, sample]
    distances: dict[Foot, float] = {}
    for side, path in heels.items():
        frame = min(int(sample / rate * heel_rate), path.shape[1] - 1)
        distances[side] = float(np.linalg.norm(path[:2, frame] - spot))
    side = min(distances, key=lambda s: distances[s])
    reached = np.isfinite(list(distances.values())).all() and distances[side] < HEEL_REACH_MM
    return side if reached else "undecided"


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


def merge(of_file: Sequence[Event], of_force: Sequence[Event]) -> list[Event]:
    """Return every event once: from the force where a plate was hit, else from the file."""
    sided = [e for e in of_force if e.side != "undecided"]

    def seen(event: Event) -> bool:
        return any(
            (f.side, f.kind) == (event.side, event.kind) and abs(f.time_s - event.time_s) <= MATCH_S
            for f in sided
        )

    rest = [e for e in of_file if not seen(e)]
    return sorted([*sided, *rest], key=lambda e: (e.time_s, e.side, e.kind))


def strikes(events: Sequence[Event], side: Foot) -> FloatArray:
    """Return the times of a foot's strikes, s."""
    return np.array([e.time_s for e in events if (e.side, e.kind) == (side, "foot_strike")])


def offs(events: Sequence[Event], side: Foot) -> FloatArray:
    """Return the times of a foot's lifts, s."""
    return np.array([e.time_s for e in events if (e.side, e.kind) == (side, "foot_off")])
