"""How a foot moves over the ground, from markers of heel and forefoot.

The ground is what the standing foot moves with: 0, or the belt of a treadmill, whose speed may
change. No direction of walking is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal
from scipy.interpolate import CubicSpline

from imaging.arrays import FloatArray
from imaging.function.events import bridge, runs

GRID_HZ = 1000.0
LOW_PASS_HZ, SLOW_HZ = 20.0, 5.0
LEAST_SWING_MM_S = 300.0
SWING_APART_S = 0.35
GROUND_S = 5.0
AROUND_S, SWING_SHARE, PROMINENCE = 6.0, 0.5, 0.35
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

    def speed(self, track: Track, first: int, after: int) -> FloatArray:
        """Speed over the ground in a range of samples, mm/s."""
        over = track.velocity[:, first:after].copy()
        over[:2] -= self.ground[first:after].T
        speed: FloatArray = np.linalg.norm(over, axis=0)
        return speed


def foot_motion(heel: FloatArray, toe: FloatArray | None, rate_hz: float) -> FootMotion | None:
    """Return the motion of a foot over the ground; None where nothing swings.

    Parameters
    ----------
    heel, toe
        (3, F), mm, third axis up; NaN where not seen.
    rate_hz
        Of the camera.
    """
    if rate_hz <= 0 or heel.shape[1] < rate_hz:
        return None
    seen = _seen(heel, rate_hz)
    if toe is not None and np.isfinite(toe).all(axis=0).mean() < 0.2:
        toe = None
    if toe is not None:
        seen = seen & _seen(toe, rate_hz)
    if seen.sum() < rate_hz:
        return None
    per_frame = max(int(round(GRID_HZ / rate_hz)), 1)
    grid = rate_hz * per_frame
    fine = [_track(m, rate_hz, per_frame, LOW_PASS_HZ) for m in (heel, toe) if m is not None]
    slow = [_track(m, rate_hz, per_frame, SLOW_HZ) for m in (heel, toe) if m is not None]
    standing = slow[-1]
    ground = _ground(standing, grid)
    speed = np.linalg.norm(slow[0].velocity[:2] - ground.T, axis=0)
    # Against the swings around: the speed of walking may change.
    top = np.maximum(
        ndimage.maximum_filter1d(speed, int(AROUND_S * grid)), LEAST_SWING_MM_S / SWING_SHARE
    )
    swings, _ = signal.find_peaks(
        speed,
        height=SWING_SHARE * top,
        prominence=PROMINENCE * top,
        distance=int(SWING_APART_S * grid),
    )
    if len(swings) == 0:
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
        runs(np.asarray(np.isfinite(path).all(axis=0))), int(LONGEST_FILL_S * rate_hz)
    ).tolist():
        mask[first:after] = True
    return mask


def _track(marker: FloatArray, rate_hz: float, per_frame: int, low_pass_hz: float) -> Track:
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


def _ground(track: Track, rate_hz: float) -> FloatArray:
    """Return velocity of the ground, (N, 2), mm/s: that of the foot where it is low and level.

    In parts of about 5 s, as the speed of a belt may change.
    """
    n = track.place.shape[1]
    ground = np.zeros((n, 2))
    for part in np.array_split(np.arange(n), max(int(round(n / rate_hz / GROUND_S)), 1)):
        height, rising = track.place[2, part], np.abs(track.velocity[2, part])
        standing = (height <= np.median(height)) & (rising <= np.median(rising))
        standing = standing if standing.any() else np.ones(len(part), bool)
        ground[part] = np.median(track.velocity[:2, part[standing]], axis=1)
    return ground


def _under_each_stance(
    track: Track, ground: FloatArray, swings: NDArray[np.intp], rate_hz: float
) -> FloatArray:
    """Return velocity of the ground (N, 2), from one swing to the next where it is slowest."""
    speed = np.linalg.norm(track.velocity[:2] - ground.T, axis=0)
    around = int(0.03 * rate_hz)
    found = ground.copy()
    for first, after in pairwise(swings.tolist()):
        at = first + int(np.argmin(speed[first:after]))
        found[first:after] = np.median(
            track.velocity[:2, max(at - around, 0) : at + around], axis=1
        )
    if len(swings) > 1:
        found[: swings[0]] = found[swings[0]]
        found[swings[-1] :] = found[swings[-1] - 1]
    return found
