"""Foot strikes and lifts of walking from how the shanks turn in the sagittal plane.

The shank swings forwards fast once per stride, and turns backwards fastest just after contact and
just before lift (Aminian et al., J Biomech 2002; Salarian et al., IEEE Trans Biomed Eng 2004). On
a real trial with plates those negative peaks lie 35 to 45 ms after contact and 45 to 70 ms before
lift: used is where the shank turns backwards at three quarters of them, between swing and peak.
Running is not read: the peaks were described for walking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import CubicSpline

from imaging.arrays import FloatArray
from imaging.function.events import bridge, runs
from imaging.function.recording import Event, EventKind, Foot, Recording, Tracks

SOURCE = "shank"
GRID_HZ = 1000.0
LOW_PASS_HZ = 10.0
LEAST_SWING_DEG_S = 60.0
SWING_APART_S = 0.4
PEAK_REACH_S = 0.2
SHARE_OF_PEAK = 0.75
LONGEST_FILL_S = 0.1
SIDES: tuple[Foot, ...] = ("left", "right")


def shank_events(recording: Recording, share: float = SHARE_OF_PEAK) -> list[Event]:
    """Return strikes and lifts of both feet in the order of time.

    From `recording.shanks`, else from the landmarks of knee and ankle.

    Parameters
    ----------
    share
        Of the negative peak at which the event lies; 1: at the peak, as published.
    """
    tracks = recording.shanks
    if tracks is None and recording.landmarks is not None:
        tracks = from_markers(recording.landmarks)
    if tracks is None or tracks.rate_hz <= 0:
        return []
    events: list[Event] = []
    for side in SIDES:
        if side not in tracks.values:
            continue
        found = events_of_turning(tracks.values[side], tracks.rate_hz, share)
        events += [Event(tracks.start_s + t, side, kind, SOURCE) for t, kind in found]
    return sorted(events, key=lambda e: (e.time_s, e.side, e.kind))


def from_markers(landmarks: Tracks) -> Tracks | None:
    """Return how the shanks turn, deg/s, from markers of knee and ankle, (3, F), third axis up.

    The plane is that in which the shank's top goes to and fro most.
    """
    turning: dict[str, FloatArray] = {}
    rate = landmarks.rate_hz
    for side in SIDES:
        knee, ankle = (landmarks.values.get(f"{side} {joint}") for joint in ("knee", "ankle"))
        if knee is None or ankle is None:
            continue
        along = knee - ankle
        seen = np.isfinite(along).all(axis=0)
        if seen.sum() < rate:
            continue
        flat = along[:2, seen] - along[:2, seen].mean(axis=1, keepdims=True)
        axis = np.linalg.svd(flat, full_matrices=False)[0][:, 0]
        angle = np.full(along.shape[1], np.nan)
        angle[seen] = np.rad2deg(np.arctan2(axis @ along[:2, seen], along[2, seen]))
        turning[side] = np.gradient(angle) * rate
    return Tracks(rate, landmarks.start_s, turning) if turning else None


def events_of_turning(
    turning: FloatArray, rate_hz: float, share: float = SHARE_OF_PEAK
) -> list[tuple[float, EventKind]]:
    """Return time (s from the first sample) and kind of the events of one leg.

    Parameters
    ----------
    turning
        (F,) or (3, F), deg/s; the axis of most turning is used, and its sign is the one by which
        the fastest turning is forwards, in swing.
    rate_hz
        Sampling rate.
    """
    known = np.isfinite(np.atleast_2d(turning)).all(axis=0)
    if known.sum() < rate_hz:
        return []
    row = _one_axis(np.atleast_2d(turning), known)
    frames = np.arange(len(row))
    row = np.interp(frames, frames[known], row[known])
    sections = signal.butter(2, min(LOW_PASS_HZ, 0.4 * rate_hz), fs=rate_hz, output="sos")
    row = signal.sosfiltfilt(sections, row)
    row = row if np.mean((row - np.median(row)) ** 3) > 0 else -row
    fine = max(int(round(GRID_HZ / rate_hz)), 1)
    grid_hz = rate_hz * fine
    curve = CubicSpline(frames, row)(np.arange((len(row) - 1) * fine + 1) / fine)
    top = float(np.percentile(curve, 98))
    swings, _ = signal.find_peaks(
        curve, height=0.5 * top, prominence=0.5 * top, distance=int(SWING_APART_S * grid_hz)
    )
    if top < LEAST_SWING_DEG_S:
        return []
    seen = np.zeros(len(row), bool)
    for first, after in bridge(runs(known), int(LONGEST_FILL_S * rate_hz)).tolist():
        seen[first:after] = True
    found: list[tuple[float, EventKind]] = []
    reach = int(PEAK_REACH_S * grid_hz)
    for swing in swings.tolist():
        off = _beyond_zero(curve[swing::-1], reach, share)
        strike = _beyond_zero(curve[swing:], reach, share)
        places: list[tuple[int | None, EventKind]] = [
            (None if off is None else swing - off, "foot_off"),
            (None if strike is None else swing + strike, "foot_strike"),
        ]
        for at, kind in places:
            if at is not None and _is_seen(seen, at // fine, rate_hz):
                found.append((at / grid_hz, kind))
    return found


def _one_axis(rows: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return the component along the axis about which the shank turns most, (F,)."""
    if len(rows) == 1:
        return rows[0]
    axis = np.linalg.svd(rows[:, known], full_matrices=False)[0][:, 0]
    along: FloatArray = axis @ rows
    return along


def _beyond_zero(away: FloatArray, reach: int, share: float) -> int | None:
    """Return samples from a swing's peak to `share` of the first negative peak beyond zero."""
    if not (away < 0).any():
        return None
    zero = int(np.argmax(away < 0))
    peaks, _ = signal.find_peaks(-away[zero : zero + reach])
    if len(peaks) == 0:
        return None
    peak = zero + int(peaks[0])
    return zero + int(np.argmax(away[zero : peak + 1] <= share * away[peak]))


def _is_seen(seen: NDArray[np.bool_], frame: int, rate_hz: float) -> bool:
    around = int(np.ceil(0.05 * rate_hz))
    return bool(seen[max(frame - around, 0) : frame + around + 1].all())
