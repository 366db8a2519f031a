"""Foot strikes and lifts from the markers of heel and forefoot alone.

Three published methods on the foot's motion over the ground. The ground is what the standing foot
moves with, so that a treadmill's belt counts as ground, and no direction of walking is assumed.

``speed``: the foot is down from where the speed of heel or forefoot falls below a share of the
swing's top speed until that of the forefoot exceeds one (Ghoussayni et al., Gait Posture 2004;
Bruening and Ridge, Gait Posture 2014: the threshold goes with walking speed). ``acceleration``:
highest vertical acceleration of heel or forefoot, whichever is first; highest acceleration of the
forefoot over the ground (Hreljac and Marshall, J Biomech 2000; Handsaker et al., J Biomech 2016).
``velocity``: lowest and highest vertical velocity of the middle of the foot (O'Connor et al., Gait
Posture 2007).

``python -m benchmarks.gait_events`` compares them, on a real trial with plates as well. Used is
``speed`` at contact, and at lift the middle of ``speed`` and ``velocity``, whose errors over the
range of walking speeds are opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from imaging.arrays import FloatArray
from imaging.function.foot_motion import FootMotion, Track, foot_motion
from imaging.function.recording import Event, EventKind, Recording

SOURCE = "markers"
# Shares of the swing's top speed, at contact and at lift.
STRIKE_SHARE, OFF_SHARE = 0.10, 0.29
# A marker touches down within this share of its range of height above its lowest place.
LOW_SHARE = 0.10
NEAR_S = 0.08


Method = Callable[[FootMotion, int, int], int | None]


def marker_events(recording: Recording, method: str = "used") -> list[Event]:
    """Return strikes and lifts of both feet in the order of time.

    Lifts need a marker of the forefoot. Where a marker was not seen for over 100 ms there is no
    event.
    """
    strike, off = METHODS[method]
    events: list[Event] = []
    for side, heel in recording.heels.items():
        motion = foot_motion(heel, recording.toes.get(side), recording.marker_rate_hz)
        if motion is None:
            continue
        finders: list[tuple[EventKind, Method]] = [("foot_strike", strike)]
        if motion.toe is not None:
            finders.append(("foot_off", off))
        bounds = [0, *motion.swings.tolist(), len(motion.seen) - 1]
        for first, after in pairwise(bounds):
            for kind, find in finders:
                # Before the first swing no strike was seen, after the last no lift.
                if (kind == "foot_strike" and first == 0) or (
                    kind == "foot_off" and after == bounds[-1]
                ):
                    continue
                at = find(motion, first, after)
                if at is not None and _is_seen(motion, at):
                    time = recording.start_s + at / motion.rate_hz
                    events.append(Event(time, side, kind, SOURCE))
    return sorted(events, key=lambda e: (e.time_s, e.side, e.kind))


def _is_seen(motion: FootMotion, at: int) -> bool:
    around = int(0.03 * motion.rate_hz)
    return bool(motion.seen[max(at - around, 0) : at + around + 1].all())


def _low(track: Track, first: int, after: int) -> NDArray[np.bool_]:
    """Return where a marker is near its lowest place between two swings."""
    height = track.place[2, first:after]
    low: NDArray[np.bool_] = height < height.min() + LOW_SHARE * np.ptp(height)
    return low


def strike_by_speed(motion: FootMotion, first: int, after: int) -> int | None:
    """Return where heel or forefoot, whichever is first, is slow over the ground and low."""
    found = []
    for track in (motion.heel, motion.toe):
        if track is None:
            continue
        speed = motion.speed(track, first, after)
        down = (speed < STRIKE_SHARE * _top(motion, track, first)) & _low(track, first, after)
        if down.any():
            found.append(first + int(np.argmax(down)))
    return min(found, default=None)


def off_by_speed(motion: FootMotion, first: int, after: int) -> int | None:
    """Return where the forefoot gets fast before a swing."""
    if motion.toe is None:
        return None
    slow = motion.speed(motion.toe, first, after) < OFF_SHARE * _top(motion, motion.toe, after)
    return None if not slow.any() else first + int(np.flatnonzero(slow)[-1]) + 1


def strike_by_acceleration(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the first highest vertical acceleration of heel or forefoot near contact."""
    near = _near(strike_by_speed(motion, first, after), motion)
    tracks = [t for t in (motion.heel, motion.toe) if t is not None]
    return _first_peak(near, [t.acceleration[2, near] for t in tracks])


def off_by_acceleration(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the highest acceleration of the forefoot over the ground near its lift."""
    if motion.toe is None:
        return None
    near = _near(off_by_speed(motion, first, after), motion)
    forwards = motion.toe.velocity[:2, after] - motion.ground[after]
    forwards = forwards / np.linalg.norm(forwards)
    return _first_peak(near, [forwards @ motion.toe.acceleration[:2, near]])


def strike_by_velocity(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the lowest vertical velocity of the middle of the foot near contact."""
    near = _near(strike_by_speed(motion, first, after), motion)
    return _first_peak(near, [-_rising(motion, near)])


def off_by_velocity(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the highest vertical velocity of the middle of the foot near its lift."""
    near = _near(off_by_speed(motion, first, after), motion)
    return _first_peak(near, [_rising(motion, near)])


def off_by_both(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the middle of lift by speed and by velocity."""
    speed, velocity = off_by_speed(motion, first, after), off_by_velocity(motion, first, after)
    return speed if speed is None or velocity is None else (speed + velocity) // 2


def _rising(motion: FootMotion, part: slice) -> FloatArray:
    """Return the vertical velocity of the middle of the foot."""
    tracks = [t for t in (motion.heel, motion.toe) if t is not None]
    rising: FloatArray = np.mean([t.velocity[2, part] for t in tracks], axis=0)
    return rising


def _top(motion: FootMotion, track: Track, swing: int) -> float:
    around = int(0.15 * motion.rate_hz)
    return float(motion.speed(track, max(swing - around, 0), swing + around).max())


def _near(at: int | None, motion: FootMotion) -> slice:
    """Return the samples within 80 ms; none where there is no event."""
    if at is None:
        return slice(0, 0)
    reach = int(NEAR_S * motion.rate_hz)
    return slice(max(at - reach, 0), min(at + reach, len(motion.seen)))


def _first_peak(part: slice, rows: list[FloatArray]) -> int | None:
    """Return the first of the rows' highest peaks."""
    tops: list[int] = []
    for row in rows:
        peaks, _ = signal.find_peaks(row)
        if len(peaks):
            tops.append(part.start + int(peaks[np.argmax(row[peaks])]))
    return min(tops, default=None)


METHODS: Mapping[str, tuple[Method, Method]] = {
    "used": (strike_by_speed, off_by_both),
    "speed": (strike_by_speed, off_by_speed),
    "acceleration": (strike_by_acceleration, off_by_acceleration),
    "velocity": (strike_by_velocity, off_by_velocity),
}
