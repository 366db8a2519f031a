"""A synthetic walk with known truth: muscle bursts, ground reaction forces and gait events.

Pure arrays. The times that a stage should find again (onset and offset of every burst, contact
and lift of every foot) are made first; signals are made from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy import signal

from imaging.arrays import FloatArray
from imaging.phantom.ground import STANCE_SHARE, Foot, heel, plates

Kind = Literal["foot_strike", "foot_off"]

STRIDE_S = 1.06
RAMP_S = 0.02
JITTER_PERCENT = 1.5
STRIDE_JITTER = 0.015
BURST_UV = 180.0

# Burst of each superficial muscle in percent of the cycle of its own foot; above 100 it reaches
# into the next cycle, below 0 it begins in the one before. Usual timing of level walking (Perry
# and Burnfield, Gait Analysis, 2010).
BURSTS: Mapping[str, tuple[float, float]] = {
    "TA": (57.0, 109.0),
    "GM": (11.0, 49.0),
    "GL": (14.0, 50.0),
    "SOL": (8.0, 53.0),
    "PL": (13.0, 54.0),
}
UPPER_BURSTS: Mapping[str, tuple[float, float]] = {
    "GMED": (-5.0, 31.0),
    "GMAX": (-8.0, 20.0),
    "RF": (-6.0, 19.0),
    "VL": (-12.0, 22.0),
    "BF": (80.0, 110.0),
    "ST": (78.0, 107.0),
}
Channel = tuple[str, Foot]


@dataclass(frozen=True)
class Change:
    """What a condition does to a muscle: a later onset, and another amplitude."""

    onset_s: float = 0.0
    amplitude: float = 1.0


NO_CHANGE = Change()
NO_CHANGES: Mapping[Channel, Change] = MappingProxyType({})
NO_SCALE: Mapping[Channel, float] = MappingProxyType({})


@dataclass(frozen=True)
class GaitEvent:
    """Contact or lift of a foot, in seconds from the start of the recording."""

    time_s: float
    side: Foot
    kind: Kind


@dataclass(frozen=True)
class Burst:
    """One burst of a muscle; `stride` counts the cycles of its foot from 0.

    `height` is its amplitude over that of the muscle's mean burst.
    """

    muscle: str
    side: Foot
    stride: int
    onset_s: float
    offset_s: float
    height: float = 1.0


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
    scale : (C,) array
        Amplitude of each channel in the middle of a mean burst, V.
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
    scale: FloatArray

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
    changes: Mapping[Channel, Change] = NO_CHANGES,
    scale: Mapping[Channel, float] = NO_SCALE,
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
    changes
        What a condition does to muscles.
    scale
        Amplitude of channels, V, as of another recording with the same sensors; else drawn.
    """
    strikes = _strikes(rng, n_strides)
    events = _events(strikes)
    n = int(np.ceil(events[-1].time_s + 0.4)) * int(rate_hz)
    time = np.arange(n) / rate_hz
    bursts = _bursts(rng, strikes, sides, n / rate_hz, BURSTS, changes)
    channels = tuple((muscle, side) for side in sides for muscle in BURSTS)
    emg, told, scales = _channels(rng, time, channels, bursts, snr_db, rate_hz, changes, scale)
    force, centre, corners = plates(rng, time, strikes)
    frames = np.arange(int(round(n / rate_hz * frame_hz))) / frame_hz
    heels = {side: heel(frames, times, side) for side, times in strikes.items()}
    return Walk(
        rate_hz, frame_hz, channels, emg, force, centre, corners, heels, events, told, scales
    )


def with_upper_muscles(
    rng: np.random.Generator,
    trial: Walk,
    *,
    snr_db: float = 20.0,
    changes: Mapping[Channel, Change] = NO_CHANGES,
    scale: Mapping[Channel, float] = NO_SCALE,
) -> Walk:
    """Return the walk with channels of hip and thigh behind its own, which stay as they are."""
    sides = tuple(dict.fromkeys(side for _, side in trial.channels))
    feet: tuple[Foot, ...] = ("left", "right")
    strikes = {side: _times(trial.events, side) for side in feet}
    bursts = _bursts(rng, strikes, sides, trial.duration_s, UPPER_BURSTS, changes)
    channels = tuple((muscle, side) for side in sides for muscle in UPPER_BURSTS)
    time = np.arange(trial.emg.shape[1]) / trial.rate_hz
    emg, told, scales = _channels(
        rng, time, channels, bursts, snr_db, trial.rate_hz, changes, scale
    )
    return replace(
        trial,
        channels=(*trial.channels, *channels),
        emg=np.concatenate([trial.emg, emg]),
        bursts=(*trial.bursts, *told),
        scale=np.concatenate([trial.scale, scales]),
    )


def _times(events: Sequence[GaitEvent], side: Foot) -> FloatArray:
    return np.array([e.time_s for e in events if (e.side, e.kind) == (side, "foot_strike")])


def _channels(
    rng: np.random.Generator,
    time: FloatArray,
    channels: Sequence[Channel],
    bursts: Sequence[Burst],
    snr_db: float,
    rate_hz: float,
    changes: Mapping[Channel, Change],
    scale: Mapping[Channel, float],
) -> tuple[FloatArray, tuple[Burst, ...], FloatArray]:
    """Return the rows of the channels, the bursts with their heights, and the scales."""
    rows: list[FloatArray] = [np.zeros((0, len(time)))]
    told: list[Burst] = []
    scales: list[float] = []
    for channel in channels:
        own = [b for b in bursts if (b.muscle, b.side) == channel]
        row, heights, drawn = _emg(
            rng, time, own, snr_db, rate_hz, scale.get(channel), changes.get(channel, NO_CHANGE)
        )
        rows.append(row[None])
        told += [replace(b, height=h) for b, h in zip(own, heights, strict=True)]
        scales.append(drawn)
    ordered = sorted(told, key=lambda b: (b.side, b.muscle, b.onset_s))
    return np.concatenate(rows), tuple(ordered), np.array(scales)


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
    windows: Mapping[str, tuple[float, float]],
    changes: Mapping[Channel, Change],
) -> list[Burst]:
    """Place the bursts of every stride, and of the cycles before the first and after the last."""
    bursts = []
    for side in sides:
        times = strikes[side]
        starts = np.concatenate([[2 * times[0] - times[1]], times])
        lengths = np.concatenate([np.diff(starts), [STRIDE_S]])
        for muscle, window in windows.items():
            later = changes.get((muscle, side), NO_CHANGE).onset_s
            for k, (start, length) in enumerate(zip(starts, lengths, strict=True)):
                on, off = np.asarray(window) + JITTER_PERCENT * rng.standard_normal(2)
                onset, offset = later + start + length * on / 100, start + length * off / 100
                if onset > 0.05 and offset < duration_s - 0.05:
                    bursts.append(Burst(muscle, side, k - 1, float(onset), float(offset)))
    return sorted(bursts, key=lambda b: (b.side, b.muscle, b.onset_s))


def _emg(
    rng: np.random.Generator,
    time: FloatArray,
    bursts: Sequence[Burst],
    snr_db: float,
    rate_hz: float,
    scale: float | None,
    change: Change,
) -> tuple[FloatArray, list[float], float]:
    """Return noise that grows inside the bursts, V, the bursts' heights, and the scale, V."""
    noise = muscle_noise(rng, len(time), rate_hz)
    gain = np.zeros_like(time)
    heights = []
    for burst in bursts:
        rise = np.clip((time - burst.onset_s) / RAMP_S, 0, 1)
        fall = np.clip((burst.offset_s - time) / RAMP_S, 0, 1)
        inside = np.clip((time - burst.onset_s) / (burst.offset_s - burst.onset_s), 0, 1)
        heights.append(change.amplitude * float(1 + 0.08 * rng.standard_normal()))
        # A burst is strongest in its middle; its flanks stay well above the baseline.
        height = (0.55 + 0.45 * np.sin(np.pi * inside)) * heights[-1]
        gain = np.maximum(gain, np.sin(np.pi / 2 * np.minimum(rise, fall)) * height)
    drawn = BURST_UV * 1e-6 * float(rng.uniform(0.6, 1.4))
    used = drawn if scale is None else scale
    baseline = used * 10 ** (-snr_db / 20)
    offset = 5e-6 * rng.standard_normal()
    return offset + used * gain * noise[0] + baseline * noise[1], heights, used


def muscle_noise(rng: np.random.Generator, n: int, rate_hz: float) -> FloatArray:
    """Return two rows of noise in the band of surface EMG, of SD 1."""
    band = [30.0, min(220.0, 0.45 * rate_hz)]
    sos = signal.butter(2, band, "bandpass", fs=rate_hz, output="sos")
    noise = signal.sosfiltfilt(sos, rng.standard_normal((2, n)), axis=1)
    return np.asarray(noise / noise.std(axis=1, keepdims=True))
