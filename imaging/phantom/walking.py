"""A synthetic walk with known truth: muscle bursts, ground reaction forces and gait events.

Pure arrays. The times that a stage should find again (onset and offset of every burst, contact
and lift of every foot) are made first; signals are made from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import signal

from imaging.arrays import FloatArray

Foot = Literal["left", "right"]
Kind = Literal["foot_strike", "foot_off"]

STRIDE_S = 1.06
STANCE_SHARE = 0.61
STEP_LENGTH_MM = 620.0
HEEL_HALF_TRACK_MM = 60.0
BODY_WEIGHT_N = 690.0
FORCE_NOISE_N = 0.8
RAMP_S = 0.02
JITTER_PERCENT = 1.5
STRIDE_JITTER = 0.015
BURST_UV = 180.0

# Burst of each superficial muscle in percent of the cycle of its own foot; above 100 it reaches
# into the next cycle. Usual timing of level walking (Perry and Burnfield, Gait Analysis, 2010).
BURSTS: Mapping[str, tuple[float, float]] = {
    "TA": (57.0, 109.0),
    "GM": (11.0, 49.0),
    "GL": (14.0, 50.0),
    "SOL": (8.0, 53.0),
    "PL": (13.0, 54.0),
}


@dataclass(frozen=True)
class GaitEvent:
    """Contact or lift of a foot, in seconds from the start of the recording."""

    time_s: float
    side: Foot
    kind: Kind


@dataclass(frozen=True)
class Burst:
    """One burst of a muscle; `stride` counts the cycles of its foot from 0."""

    muscle: str
    side: Foot
    stride: int
    onset_s: float
    offset_s: float


@dataclass(frozen=True)
class Walk:
    """A recording and its truth.

    Attributes
    ----------
    rate_hz, frame_hz : float
        Sampling of `emg` and `force`, and of `heels`.
    channels : tuple of (muscle, side)
        One per row of `emg`.
    emg : (C, N) array
        Volts.
    force, centre : (2, 3, N) array
        Force on the body from each plate, N, and its point of application, mm; x forwards, y to
        the left, z up.
    plate_corners : (2, 3, 4) array
        Corners of the plates, mm.
    heels : dict of side to (3, F) array
        Heel markers, mm.
    events, bursts : tuple
        The truth, sorted by time.
    """

    rate_hz: float
    frame_hz: float
    channels: tuple[tuple[str, Foot], ...]
    emg: FloatArray
    force: FloatArray
    centre: FloatArray
    plate_corners: FloatArray
    heels: Mapping[Foot, FloatArray]
    events: tuple[GaitEvent, ...]
    bursts: tuple[Burst, ...]

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.emg.shape[1] / self.rate_hz


def walk(
    rng: np.random.Generator,
    *,
    n_strides: int = 8,
    sides: Sequence[Foot] = ("left", "right"),
    snr_db: float = 20.0,
    rate_hz: float = 1000.0,
    frame_hz: float = 100.0,
) -> Walk:
    """Make a level walk of `n_strides` strides of either foot.

    Parameters
    ----------
    rng
        Source of all randomness.
    n_strides
        Strides of the right foot; the left foot has as many, half a stride later.
    sides
        Legs that carry electrodes.
    snr_db
        Power of a burst over that of the baseline.
    rate_hz, frame_hz
        Sampling of signals and markers.
    """
    strikes = _strikes(rng, n_strides)
    events = _events(strikes)
    n = int(np.ceil(events[-1].time_s + 0.4)) * int(rate_hz)
    time = np.arange(n) / rate_hz
    bursts = _bursts(rng, strikes, sides, n / rate_hz)
    channels = tuple((muscle, side) for side in sides for muscle in BURSTS)
    rows = []
    for muscle, side in channels:
        own = [b for b in bursts if (b.muscle, b.side) == (muscle, side)]
        rows.append(_emg(rng, time, own, snr_db, rate_hz))
    force, centre, corners = _plates(rng, time, strikes)
    frames = np.arange(int(round(n / rate_hz * frame_hz))) / frame_hz
    heels = {side: _heel(frames, times, side) for side, times in strikes.items()}
    emg = np.stack(rows) if rows else np.zeros((0, n))
    return Walk(
        rate_hz, frame_hz, channels, emg, force, centre, corners, heels, events, tuple(bursts)
    )


def _strikes(rng: np.random.Generator, n_strides: int) -> dict[Foot, FloatArray]:
    """Return the contacts of both feet; right first, left half a stride later."""
    lengths = STRIDE_S * (1 + STRIDE_JITTER * rng.standard_normal(n_strides + 1))
    right = 0.8 + np.concatenate([[0.0], np.cumsum(lengths[:n_strides])])
    left = right + 0.5 * lengths + 0.004 * rng.standard_normal(n_strides + 1)
    return {"left": left, "right": right}


def _events(strikes: Mapping[Foot, FloatArray]) -> tuple[GaitEvent, ...]:
    events = []
    for side, times in strikes.items():
        events += [GaitEvent(float(t), side, "foot_strike") for t in times]
        lifts = times[:-1] + STANCE_SHARE * np.diff(times)
        events += [GaitEvent(float(t), side, "foot_off") for t in lifts]
    return tuple(sorted(events, key=lambda e: e.time_s))


def _bursts(
    rng: np.random.Generator,
    strikes: Mapping[Foot, FloatArray],
    sides: Sequence[Foot],
    duration_s: float,
) -> list[Burst]:
    """Place the bursts of every stride, and of the cycles before the first and after the last."""
    bursts = []
    for side in sides:
        times = strikes[side]
        starts = np.concatenate([[2 * times[0] - times[1]], times])
        lengths = np.concatenate([np.diff(starts), [STRIDE_S]])
        for muscle, window in BURSTS.items():
            for k, (start, length) in enumerate(zip(starts, lengths, strict=True)):
                on, off = np.asarray(window) + JITTER_PERCENT * rng.standard_normal(2)
                onset, offset = start + length * on / 100, start + length * off / 100
                if onset > 0.05 and offset < duration_s - 0.05:
                    bursts.append(Burst(muscle, side, k - 1, float(onset), float(offset)))
    return sorted(bursts, key=lambda b: (b.side, b.muscle, b.onset_s))


def _emg(
    rng: np.random.Generator,
    time: FloatArray,
    bursts: Sequence[Burst],
    snr_db: float,
    rate_hz: float,
) -> FloatArray:
    """Return band-limited noise that grows inside the bursts, in volts."""
    band = [30.0, min(220.0, 0.45 * rate_hz)]
    sos = signal.butter(2, band, "bandpass", fs=rate_hz, output="sos")
    noise = signal.sosfiltfilt(sos, rng.standard_normal((2, len(time))), axis=1)
    noise /= noise.std(axis=1, keepdims=True)
    gain = np.zeros_like(time)
    for burst in bursts:
        rise = np.clip((time - burst.onset_s) / RAMP_S, 0, 1)
        fall = np.clip((burst.offset_s - time) / RAMP_S, 0, 1)
        inside = np.clip((time - burst.onset_s) / (burst.offset_s - burst.onset_s), 0, 1)
        # A burst is strongest in its middle; its flanks stay well above the baseline.
        height = (0.55 + 0.45 * np.sin(np.pi * inside)) * (1 + 0.08 * rng.standard_normal())
        gain = np.maximum(gain, np.sin(np.pi / 2 * np.minimum(rise, fall)) * height)
    scale = BURST_UV * 1e-6 * rng.uniform(0.6, 1.4)
    baseline = scale * 10 ** (-snr_db / 20)
    offset = 5e-6 * rng.standard_normal()
    return offset + scale * gain * noise[0] + baseline * noise[1]


def _plates(
    rng: np.random.Generator, time: FloatArray, strikes: Mapping[Foot, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return force, point of application and corners of two plates under successive steps."""
    middle = len(strikes["right"]) // 2 - 1
    force = np.zeros((2, 3, len(time)))
    centre = np.zeros((2, 3, len(time)))
    corners = np.zeros((2, 3, 4))
    sides: tuple[Foot, Foot] = ("right", "left")
    for plate, side in enumerate(sides):
        start, end = strikes[side][middle], strikes[side][middle + 1]
        phase = (time - start) / (STANCE_SHARE * (end - start))
        on = (phase > 0) & (phase < 1)
        s = phase[on]
        # Two humps of 1.1 body weights around a valley of 0.8; braking, then propulsion.
        force[plate, 2, on] = BODY_WEIGHT_N * (
            1.178 * np.sin(np.pi * s) + 0.378 * np.sin(3 * np.pi * s)
        )
        force[plate, 0, on] = -0.18 * BODY_WEIGHT_N * np.sin(2 * np.pi * s)
        inward = -1.0 if side == "left" else 1.0
        force[plate, 1, on] = inward * 0.05 * BODY_WEIGHT_N * np.sin(np.pi * s)
        force[plate] += FORCE_NOISE_N * rng.standard_normal((3, len(time)))
        x, y = _footprint(side, middle)
        centre[plate, 0] = x + 230.0 * np.clip(phase, 0, 1)
        centre[plate, 1] = y
        left, front = (y + 250, y - 250), (x - 150, x + 350)
        corners[plate, 0] = [front[0], front[1], front[1], front[0]]
        corners[plate, 1] = [left[0], left[0], left[1], left[1]]
    return force, centre, corners


def _footprint(side: Foot, stride: int) -> tuple[float, float]:
    """Return where the heel stands in a stride, mm."""
    x = 2 * STEP_LENGTH_MM * stride + (STEP_LENGTH_MM if side == "left" else 0.0)
    return x, HEEL_HALF_TRACK_MM if side == "left" else -HEEL_HALF_TRACK_MM


def _heel(frames: FloatArray, strikes: FloatArray, side: Foot) -> FloatArray:
    """Return the path of a heel marker: still in stance, forwards and up in swing."""
    lifts = strikes[:-1] + STANCE_SHARE * np.diff(strikes)
    knots = np.concatenate([np.stack([strikes[:-1], lifts], axis=1).ravel(), strikes[-1:]])
    feet = [_footprint(side, k)[0] for k in range(len(strikes))]
    places = np.repeat(feet, 2)[: len(knots)]
    x = np.interp(frames, knots, places)
    swing = np.concatenate([np.tile([0.0, 1.0], len(lifts)), [0.0]])
    stage = np.searchsorted(knots, frames, side="right") - 1
    inside = (stage >= 0) & (stage < len(knots) - 1)
    share = np.zeros_like(frames)
    k = stage[inside]
    share[inside] = (frames[inside] - knots[k]) / (knots[k + 1] - knots[k])
    up = np.where(inside, swing[np.clip(stage, 0, len(swing) - 1)], 0.0)
    z = 45.0 + 170.0 * up * np.sin(np.pi * share) ** 2
    return np.stack([x, np.full_like(frames, _footprint(side, 0)[1]), z])
