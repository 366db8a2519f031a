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
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import CubicSpline

from imaging.arrays import FloatArray
from imaging.function.events import bridge, runs
from imaging.function.recording import Event, EventKind, Recording

SOURCE = "markers"
GRID_HZ = 1000.0
LOW_PASS_HZ, SLOW_HZ = 20.0, 5.0
# Shares of the swing's top speed, at contact and at lift.
STRIKE_SHARE, OFF_SHARE = 0.10, 0.29
# A marker touches down within this share of its range of height above its lowest place.
LOW_SHARE = 0.10
LEAST_SWING_MM_S = 500.0
SWING_APART_S = 0.35
NEAR_S = 0.08
LONGEST_FILL_S = 0.1


@dataclass(frozen=True)
class Track:
    """Smoothed motion of a marker on a fine grid: (3, N) place, velocity and acceleration."""

    place: FloatArray
    velocity: FloatArray
    acceleration: FloatArray


@dataclass(frozen=True)
class FootMotion:
    """What one foot did.

    Attributes
    ----------
    heel : Track
    toe : Track or None
    seen : (N,) array of bool
        Where both were seen, short gaps aside.
    swings : (K,) array of int
        Samples at which the foot moves fastest over the ground.
    ground : (N, 2) array
        Velocity of the ground under the foot, mm/s: 0, or that of the belt.
    rate_hz : float
    """

    heel: Track
    toe: Track | None
    seen: NDArray[np.bool_]
    swings: NDArray[np.intp]
    ground: FloatArray
    rate_hz: float

    def speed(self, path: Track) -> FloatArray:
        """Speed over the ground, mm/s, (N,)."""
        over = path.velocity - np.vstack([self.ground.T, np.zeros(len(self.ground))])
        speed: FloatArray = np.linalg.norm(over, axis=0)
        return speed


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


def foot_motion(heel: FloatArray, toe: FloatArray | None, rate_hz: float) -> FootMotion | None:
    """Return the motion of a foot over the ground; None where nothing swings.

    Parameters
    ----------
    heel, toe
        (3, F), mm, third axis up; NaN where not seen.
    rate_hz
        Of the camera.
    """
    if rate_hz <= 0 or heel.shape[1] < 0.5 * rate_hz:
        return None
    seen = _seen(heel, rate_hz)
    if toe is not None and np.isfinite(toe).all(axis=0).mean() < 0.2:
        toe = None
    if toe is not None:
        seen = seen & _seen(toe, rate_hz)
    if seen.sum() < 0.5 * rate_hz:
        return None
    per_frame = max(int(round(GRID_HZ / rate_hz)), 1)
    grid = rate_hz * per_frame
    fine = [_path(m, rate_hz, per_frame, LOW_PASS_HZ) for m in (heel, toe) if m is not None]
    slow = [_path(m, rate_hz, per_frame, SLOW_HZ) for m in (heel, toe) if m is not None]
    standing = slow[-1]
    ground = _ground(standing)
    speed = np.linalg.norm(slow[0].velocity[:2] - ground[:, None], axis=0)
    top = float(np.percentile(speed, 98))
    swings, _ = signal.find_peaks(
        speed, height=0.5 * top, prominence=0.35 * top, distance=int(SWING_APART_S * grid)
    )
    if top < LEAST_SWING_MM_S or len(swings) == 0:
        return None
    return FootMotion(
        fine[0],
        fine[1] if len(fine) > 1 else None,
        np.repeat(seen, per_frame)[: len(speed)],
        swings.astype(np.intp),
        _under_each_stance(standing, ground, swings, grid),
        grid,
    )


def _seen(path: FloatArray, rate_hz: float) -> NDArray[np.bool_]:
    """Return which frames were seen, with short gaps between as seen, (F,)."""
    mask = np.zeros(path.shape[1], bool)
    for first, after in bridge(
        runs(np.isfinite(path).all(axis=0)), int(LONGEST_FILL_S * rate_hz)
    ).tolist():
        mask[first:after] = True
    return mask


def _path(marker: FloatArray, rate_hz: float, per_frame: int, low_pass_hz: float) -> Track:
    frames = np.arange(marker.shape[1])
    known = np.isfinite(marker).all(axis=0)
    whole = marker
    if not known.all():
        inside = CubicSpline(frames[known], marker[:, known], axis=1)(frames)
        flat = np.stack([np.interp(frames, frames[known], row[known]) for row in marker])
        whole = np.where(_seen(marker, rate_hz), inside, flat)
    sections = signal.butter(2, min(low_pass_hz, 0.4 * rate_hz), fs=rate_hz, output="sos")
    smooth = signal.sosfiltfilt(sections, whole, axis=1)
    curve = CubicSpline(frames / rate_hz, smooth, axis=1)
    time = np.arange((len(frames) - 1) * per_frame + 1) / (rate_hz * per_frame)
    return Track(curve(time), curve(time, 1), curve(time, 2))


def _ground(path: Track) -> FloatArray:
    """Return velocity of the ground, (2,), mm/s: that of the foot where it is low and level."""
    height, rising = path.place[2], np.abs(path.velocity[2])
    standing = (height <= np.percentile(height, 50)) & (rising <= np.percentile(rising, 50))
    standing = standing if standing.any() else np.ones(len(height), bool)
    velocity: FloatArray = np.median(path.velocity[:2, standing], axis=1)
    return velocity


def _under_each_stance(
    path: Track, ground: FloatArray, swings: NDArray[np.intp], rate_hz: float
) -> FloatArray:
    """Return velocity of the ground (N, 2), from one swing to the next where it is slowest."""
    n = path.velocity.shape[1]
    speed = np.linalg.norm(path.velocity[:2] - ground[:, None], axis=0)
    around = int(0.03 * rate_hz)
    found = np.repeat(ground[None], n, axis=0)
    for first, after in pairwise(swings.tolist()):
        at = first + int(np.argmin(speed[first:after]))
        found[first:after] = np.median(path.velocity[:2, max(at - around, 0) : at + around], axis=1)
    if len(swings) > 1:
        found[: swings[0]] = found[swings[0]]
        found[swings[-1] :] = found[swings[-1] - 1]
    return found


def _is_seen(motion: FootMotion, at: int) -> bool:
    around = int(0.03 * motion.rate_hz)
    return bool(motion.seen[max(at - around, 0) : at + around + 1].all())


def _low(path: Track, first: int, after: int) -> NDArray[np.bool_]:
    """Return where a marker is near its lowest place between two swings."""
    height = path.place[2, first:after]
    low: NDArray[np.bool_] = height < height.min() + LOW_SHARE * np.ptp(height)
    return low


def strike_by_speed(motion: FootMotion, first: int, after: int) -> int | None:
    """Return where heel or forefoot, whichever is first, is slow over the ground and low."""
    found = []
    for path in (motion.heel, motion.toe):
        if path is None:
            continue
        speed = motion.speed(path)[first:after]
        down = (speed < STRIKE_SHARE * _top(motion, path, first)) & _low(path, first, after)
        if down.any():
            found.append(first + int(np.argmax(down)))
    return min(found, default=None)


def off_by_speed(motion: FootMotion, first: int, after: int) -> int | None:
    """Return where the forefoot gets fast before a swing."""
    if motion.toe is None:
        return None
    slow = motion.speed(motion.toe)[first:after] < OFF_SHARE * _top(motion, motion.toe, after)
    return None if not slow.any() else first + int(np.flatnonzero(slow)[-1]) + 1


def strike_by_acceleration(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the first highest vertical acceleration of heel or forefoot near contact."""
    return _peak_near(
        strike_by_speed(motion, first, after),
        motion,
        [p.acceleration[2] for p in (motion.heel, motion.toe) if p is not None],
    )


def off_by_acceleration(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the highest acceleration of the forefoot over the ground near its lift."""
    if motion.toe is None:
        return None
    forwards = motion.toe.velocity[:2, after] - motion.ground[after]
    forwards = forwards / np.linalg.norm(forwards)
    along = forwards @ motion.toe.acceleration[:2]
    return _peak_near(off_by_speed(motion, first, after), motion, [along])


def strike_by_velocity(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the lowest vertical velocity of the middle of the foot near contact."""
    return _peak_near(strike_by_speed(motion, first, after), motion, [-_middle(motion)])


def off_by_velocity(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the highest vertical velocity of the middle of the foot near its lift."""
    return _peak_near(off_by_speed(motion, first, after), motion, [_middle(motion)])


def off_by_both(motion: FootMotion, first: int, after: int) -> int | None:
    """Return the middle of lift by speed and by velocity."""
    speed, velocity = off_by_speed(motion, first, after), off_by_velocity(motion, first, after)
    return speed if speed is None or velocity is None else (speed + velocity) // 2


def _middle(motion: FootMotion) -> FloatArray:
    paths = [p for p in (motion.heel, motion.toe) if p is not None]
    middle: FloatArray = np.mean([p.velocity[2] for p in paths], axis=0)
    return middle


def _top(motion: FootMotion, path: Track, swing: int) -> float:
    around = int(0.15 * motion.rate_hz)
    return float(motion.speed(path)[max(swing - around, 0) : swing + around].max())


def _peak_near(at: int | None, motion: FootMotion, rows: list[FloatArray]) -> int | None:
    """Return the first of the rows' highest values within 80 ms."""
    if at is None:
        return None
    reach = int(NEAR_S * motion.rate_hz)
    first = max(at - reach, 0)
    tops: list[int] = []
    for row in rows:
        peaks, _ = signal.find_peaks(row[first : at + reach])
        if len(peaks):
            tops.append(first + int(peaks[np.argmax(row[first + peaks])]))
    return min(tops, default=None)


METHODS: Mapping[str, tuple[Method, Method]] = {
    "used": (strike_by_speed, off_by_both),
    "speed": (strike_by_speed, off_by_speed),
    "acceleration": (strike_by_acceleration, off_by_acceleration),
    "velocity": (strike_by_velocity, off_by_velocity),
}
