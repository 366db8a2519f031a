"""Stances on force plates: whose foot, wholly on the plate, and alone on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.events import MATCH_S, WALKING, Limits, by_foot, contacts, nearest
from imaging.function.plates import follow_zero
from imaging.function.recording import Event, EventKind, EventSide, Foot, Plate, Recording

HEEL_REACH_MM = 250.0
FEET: tuple[Foot, ...] = ("left", "right")


@dataclass(frozen=True)
class Stance:
    """One contact on one plate.

    Attributes
    ----------
    plate : int
        Number of the plate, from 1.
    first, after : int
        First sample of contact, and first after it.
    side : str
        left, right or undecided.
    refused : str
        Why it gives no event of one foot; empty where it does.
    """

    plate: int
    first: int
    after: int
    side: EventSide
    refused: str = ""


def stances(
    recording: Recording,
    threshold_n: float,
    limits: Limits = WALKING,
    others: Sequence[Event] = (),
) -> tuple[list[Stance], list[str]]:
    """Return every contact on every plate, and what is to be said of the plates.

    Parameters
    ----------
    threshold_n
        Force above which a foot is on the plate.
    limits
        Of the kind of gait.
    others
        Events of markers and shanks, by which the foot is told where the file does not tell it.
    """
    found: list[Stance] = []
    said: list[str] = []
    of_file, of_others = by_foot(recording.events), by_foot(others)
    known = by_foot([*recording.events, *others])
    for number, plate in enumerate(recording.plates, start=1):
        vertical, drift = follow_zero(plate.force[2], recording.rate_hz)
        if drift > threshold_n / 4:
            said.append(
                f"The zero of force plate {number} drifts by up to {drift:.0f} N; it was followed."
            )
        for first, after in contacts(vertical, recording.rate_hz, threshold_n, limits).tolist():
            side = plate.side or _side(recording, plate, first, after, of_file, of_others)
            why = "" if plate.side else _not_one_foot(recording, plate, first, after, limits, known)
            found.append(Stance(number, first, after, side, why))
    return found, said


def events_of(recording: Recording, found: Sequence[Stance]) -> list[Event]:
    """Return contacts and lifts of stances of one foot, in the order of time.

    A stance that touches an end of the recording gives no event there.
    """
    n = recording.signals.shape[1]
    events = []
    for stance in found:
        marks: list[tuple[int, EventKind]] = []
        if stance.first > 0:
            marks.append((stance.first, "foot_strike"))
        if stance.after < n:
            marks.append((stance.after, "foot_off"))
        for sample, kind in marks:
            time = recording.start_s + sample / recording.rate_hz
            events.append(Event(time, stance.side, kind, f"force plate {stance.plate}"))
    return sorted(events, key=lambda e: e.time_s)


def force_events(
    recording: Recording,
    threshold_n: float,
    limits: Limits = WALKING,
    others: Sequence[Event] = (),
) -> list[Event]:
    """Return contacts and lifts of all plates, those refused aside.

    The side comes from the event of the file nearest in time, else from the heel marker that
    stands at the point of application, else from the events of markers and shanks.
    """
    found, _ = stances(recording, threshold_n, limits, others)
    return events_of(recording, [s for s in found if not s.refused])


def is_on_plate(recording: Recording, event: Event) -> bool:
    """Whether the foot was on the plate that gave an event, as far as its markers tell.

    A foot that comes down in front of the plate loads it late, and one that goes on beyond it
    leaves it early. So the heel must lie within the corners at contact, the forefoot (without a
    marker there, the heel) at lift.
    """
    if event.side == "undecided" or recording.marker_rate_hz <= 0:
        return True
    plate = recording.plates[int(event.source.split()[-1]) - 1]
    if plate.side or not np.isfinite(plate.corners).all():
        return True
    feet = (recording.heels, recording.toes) if event.kind == "foot_off" else (recording.heels,)
    path = next((f[event.side] for f in reversed(feet) if event.side in f), None)
    if path is None:
        return True
    spot = _at(path, event.time_s, recording)
    return not np.isfinite(spot).all() or _inside(spot, plate.corners[:, :2])


def whose(recording: Recording, plate: Plate, first: int) -> tuple[Foot, ...]:
    """Return the feet whose heel or forefoot is within a plate at a sample of it."""
    time = recording.start_s + first / recording.rate_hz
    if recording.marker_rate_hz <= 0 or not np.isfinite(plate.corners).all():
        return ()
    return tuple(
        side
        for side in FEET
        if any(
            side in paths and _inside(_at(paths[side], time, recording), plate.corners[:, :2])
            for paths in (recording.heels, recording.toes)
        )
    )


def once_per_step(events: Sequence[Event]) -> list[Event]:
    """Return events of plates without those of one foot that stood on two of them.

    Its contact is the first of them, its lift the last.
    """
    kept: list[Event] = []
    for event in sorted(events, key=lambda e: e.time_s):
        twin = next(
            (
                k
                for k in kept
                if (k.side, k.kind) == (event.side, event.kind)
                and event.side != "undecided"
                and event.time_s - k.time_s <= MATCH_S
            ),
            None,
        )
        if twin is None:
            kept.append(event)
        elif event.kind == "foot_off":
            kept[kept.index(twin)] = event
    return kept


Times = Mapping[tuple[EventSide, EventKind], FloatArray]


def _not_one_foot(
    recording: Recording, plate: Plate, first: int, after: int, limits: Limits, known: Times
) -> str:
    """Return why a contact is not that of one foot; empty where it may be."""
    start, end = (recording.start_s + s / recording.rate_hz for s in (first, after))
    # A foot that comes down and stays until the end of the recording did come down.
    stays = first > 0 and after == plate.force.shape[1]
    if end - start > limits.longest_stance_s and not stays:
        return f"loaded for longer than a step ({limits.longest_stance_s:g} s)"
    begun, _ = _named(known, "foot_strike", start)
    ended, _ = _named(known, "foot_off", end)
    if "undecided" not in (begun, ended) and begun != ended:
        return f"the {begun} foot began and the {ended} foot ended it"
    if not np.isfinite(plate.corners).all():
        return ""
    for side, path in recording.heels.items():
        times = known.get((side, "foot_strike"), np.zeros(0))
        for time in times[(times > start + MATCH_S) & (times < end - MATCH_S)].tolist():
            spot = _at(path, time, recording)
            if np.isfinite(spot).all() and _inside(spot, plate.corners[:, :2]):
                return f"the {side} foot came down on it as well"
    return ""


def _named(known: Times, kind: EventKind, time_s: float) -> tuple[EventSide, float]:
    """Return the foot of the nearest event of a kind within 100 ms, and how near it is, s."""
    near: list[tuple[float, Foot]] = []
    for side in FEET:
        times = known.get((side, kind), np.zeros(0))
        apart = abs(float(nearest(times, np.array([time_s]))[0]) - time_s)
        if apart <= MATCH_S:
            near.append((apart, side))
    return (min(near)[1], min(near)[0]) if near else ("undecided", np.inf)


def _side(
    recording: Recording, plate: Plate, first: int, after: int, of_file: Times, others: Times
) -> EventSide:
    times: tuple[tuple[EventKind, float], ...] = (
        ("foot_strike", recording.start_s + first / recording.rate_hz),
        ("foot_off", recording.start_s + after / recording.rate_hz),
    )
    side, apart = min((_named(of_file, kind, t) for kind, t in times), key=lambda n: n[1])
    if np.isfinite(apart):
        return side
    heel = _nearest_heel(recording.heels, recording.marker_rate_hz, plate, recording.rate_hz, first)
    if heel != "undecided":
        return heel
    told = {named for kind, t in times if (named := _named(others, kind, t)[0]) != "undecided"}
    return told.pop() if len(told) == 1 else "undecided"


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


def _at(path: FloatArray, time_s: float, recording: Recording) -> FloatArray:
    """Return where a marker is in the plane, (2,)."""
    frame = int((time_s - recording.start_s) * recording.marker_rate_hz + 1e-6)
    return path[:2, min(max(frame, 0), path.shape[1] - 1)]


def _inside(spot: FloatArray, corners: FloatArray) -> bool:
    """Whether a point lies within a convex quadrangle; both in the plane, (2,) and (4, 2)."""
    along = np.roll(corners, -1, axis=0) - corners
    away = spot - corners
    turn = along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
    return bool((turn >= 0).all() or (turn <= 0).all())
