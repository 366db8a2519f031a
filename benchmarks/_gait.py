"""Walking and running feet with known contact: a rigid foot that rolls over heel, ball and tip.

The instants of contact and lift are chosen first and the foot is laid around them: in stance its
lowest point is fixed to the ground, after contact a damped impact runs out, in swing a quintic
carries it to the next contact. Heel and toe markers, pelvis, and the shank (two links from hip to
ankle) follow. No detector is built on these formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly

from imaging.arrays import FloatArray
from imaging.function.recording import Event, Foot, Recording, Tracks

FOOT_M, TIP_M, THIGH_M, SHANK_M = 0.18, 0.06, 0.43, 0.43
HEEL_MARKER = np.array([-0.02 - FOOT_M, 0.04])
TOE_MARKER = np.array([-0.01, 0.045])
ANKLE = np.array([0.05 - FOOT_M, 0.07])
STEP_WIDTH_M = 0.1


@dataclass(frozen=True)
class Style:
    """How a foot is set down and lifted.

    Attributes
    ----------
    speed, stride, duty
        m/s, s, stance as a share of the stride.
    strike_deg, impact
        Pitch at contact (toes up positive); forward and vertical speed over the ground, m/s.
    flat, rise
        When the foot lies flat and when the heel rises, as shares of the stance.
    off_deg
        Pitch at lift.
    """

    speed: float
    stride: float
    duty: float
    strike_deg: float = 20.0
    impact: tuple[float, float] = (0.5, -0.25)
    flat: float = 0.18
    rise: float = 0.58
    off_deg: float = -62.0
    hip_m: float = 0.80


WALKS: Mapping[str, Style] = {
    "walk 0.6": Style(0.6, 1.6, 0.68, 12.0, (0.25, -0.12), 0.16, 0.66, -50.0),
    "walk 1.0": Style(1.0, 1.2, 0.64, 17.0, (0.4, -0.2)),
    "walk 1.3": Style(1.3, 1.08, 0.62, 20.0, (0.5, -0.25)),
    "walk 2.0": Style(2.0, 0.92, 0.58, 26.0, (0.8, -0.4), 0.15, 0.52, -68.0, 0.77),
    "flat foot": Style(0.8, 1.25, 0.68, 2.0, (0.2, -0.2), 0.08, 0.62, -45.0),
    "on toes": Style(1.0, 1.1, 0.62, -22.0, (0.35, -0.25), 0.3, 0.5, -55.0, 0.84),
}
RUNS: Mapping[str, Style] = {
    "run 2.5 rear": Style(2.5, 0.74, 0.40, 12.0, (0.7, -0.8), 0.25, 0.5, -65.0, 0.74),
    "run 3.5 rear": Style(3.5, 0.70, 0.33, 15.0, (0.9, -1.0), 0.25, 0.48, -70.0, 0.70),
    "run 3.5 mid": Style(3.5, 0.69, 0.33, -1.0, (0.7, -1.0), 0.15, 0.45, -68.0, 0.70),
    "run 3.5 fore": Style(3.5, 0.68, 0.32, -14.0, (0.6, -1.1), 0.35, 0.5, -68.0, 0.72),
    "run 5.0 fore": Style(5.0, 0.62, 0.26, -16.0, (0.9, -1.4), 0.35, 0.5, -72.0, 0.68),
}
STYLES: Mapping[str, Style] = {**WALKS, **RUNS}


@dataclass(frozen=True)
class Steps:
    """A recording without EMG and the truth of its events."""

    recording: Recording
    truth: tuple[Event, ...]


def steps(
    style: Style,
    rng: np.random.Generator,
    *,
    seconds: float = 12.0,
    frame_hz: float = 100.0,
    treadmill: bool = False,
    heading_deg: float = 0.0,
    asymmetry: float = 0.0,
    noise_mm: float = 1.0,
) -> Steps:
    """Walk or run for a while.

    Parameters
    ----------
    asymmetry
        The left stance is longer, and the left step later, by this share of the stride.
    noise_mm
        SD of the noise of markers; soft tissue and impact come on top.
    """
    n = int(seconds / style.stride) + 4
    lengths = style.stride * (1 + 0.02 * rng.standard_normal(n))
    right = -0.9 * style.stride + np.concatenate([[0.0], np.cumsum(lengths)])
    shift = 0.5 + asymmetry
    left = right[:-1] + shift * np.diff(right) - style.stride
    left = np.append(left, left[-1] + style.stride)
    time = np.arange(int(seconds * frame_hz)) / frame_hz
    truth: list[Event] = []
    markers: dict[str, dict[Foot, FloatArray]] = {k: {} for k in ("heel", "toe", "ankle", "knee")}
    hip = np.stack([style.speed * time, np.full(len(time), style.hip_m)])
    hip[1] -= 0.02 * np.cos(4 * np.pi * (time - right[0]) / style.stride)
    hip[0] += 0.01 * np.sin(4 * np.pi * (time - right[0]) / style.stride)
    angles: dict[str, FloatArray] = {}
    for side, times in (("left", left), ("right", right)):
        duty = style.duty + (asymmetry if side == "left" else 0.0)
        duties = duty * (1 + 0.015 * rng.standard_normal(len(times)))
        ball, pitch = _foot(style, times, duties, time)
        offs = times + duties * style.stride
        for at, kind in ((times, "foot_strike"), (offs, "foot_off")):
            truth += [Event(float(t), side, kind, "truth") for t in at]  # type: ignore[arg-type]
        tissue = _tissue(time, times, style.impact[1])
        markers["heel"][side] = ball + _turned(HEEL_MARKER, pitch) + tissue
        markers["toe"][side] = ball + _turned(TOE_MARKER, pitch) + 0.4 * tissue
        ankle = ball + _turned(ANKLE, pitch)
        angle = _shank_angle(hip, ankle)
        angles[side] = np.gradient(np.rad2deg(angle), 1 / frame_hz)
        markers["ankle"][side] = ankle + tissue
        markers["knee"][side] = ankle + SHANK_M * np.stack([-np.sin(angle), np.cos(angle)])
    # The whole moves with the belt; the truth does not.
    drift = style.speed * time if treadmill else 0.0 * time
    heading = np.deg2rad(heading_deg)
    along = np.array([np.cos(heading), np.sin(heading)])

    def place(path: FloatArray, side: Foot | None) -> FloatArray:
        across = {"left": 0.5, "right": -0.5, None: 0.0}[side] * STEP_WIDTH_M
        flat = (
            along[:, None] * (path[0] - drift) + np.array([-along[1], along[0]])[:, None] * across
        )
        clean = 1000 * np.vstack([flat, path[1]])
        return clean + noise_mm * rng.standard_normal(clean.shape)

    placed = {k: {s: place(p, s) for s, p in paths.items()} for k, paths in markers.items()}
    rate = 1000.0
    recording = Recording(
        (), np.zeros((0, int(seconds * rate))), rate,
        heels=placed["heel"], toes=placed["toe"], marker_rate_hz=frame_hz,
        shanks=Tracks(frame_hz, 0.0, angles),
    )  # fmt: skip
    inside = [e for e in truth if 0.0 < e.time_s < seconds - 1 / frame_hz]
    return Steps(recording, tuple(sorted(inside, key=lambda e: e.time_s)))


def _stance(style: Style, stance_s: float) -> Callable[[FloatArray], FloatArray]:
    """Return time after contact (K,) -> ball x, z (m, from the heel's place) and pitch, (3, K)."""
    first, last = np.deg2rad([style.strike_deg, style.off_deg])
    flat, rise = style.flat * stance_s, style.rise * stance_s
    lowered = 0.0 if first >= 0 else 0.35 * first
    pitch = BPoly.from_derivatives(
        [0.0, flat, rise, stance_s],
        [[first, -1.2 * first / flat * 0.5], [lowered, 0.0], [lowered, 0.0],
         [last, max(2.2 * (last - lowered) / (stance_s - rise), -12.0)]],
    )  # fmt: skip
    tip_from = rise + 0.6 * (stance_s - rise)
    tau = 0.014

    def at(t: FloatArray) -> FloatArray:
        angle = pitch(t)
        up = np.maximum(angle, 0.0)
        share = np.clip((t - tip_from) / (stance_s - tip_from), 0.0, None)
        roll = np.deg2rad(45.0) * share**3
        x = FOOT_M * np.cos(up) + TIP_M * (1 - np.cos(roll))
        z = FOOT_M * np.sin(up) + TIP_M * np.sin(roll)
        given = 1 - np.exp(-np.maximum(t, 0.0) / tau)
        x = x + style.impact[0] * tau * given
        z = z + style.impact[1] * tau * given * np.exp(-np.maximum(t, 0.0) / 0.12)
        return np.stack([x, z, angle])

    return at


def _foot(
    style: Style, strikes: FloatArray, duties: FloatArray, time: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return path of the ball, (2, F), m, and pitch, (F,), rad."""
    out = np.full((3, len(time)), np.nan)
    step = 1e-4
    for i in range(len(strikes)):
        stance_s = duties[i] * style.stride
        end = strikes[i + 1] if i + 1 < len(strikes) else strikes[i] + style.stride
        following = duties[i + 1] * style.stride if i + 1 < len(strikes) else stance_s
        place = np.array([style.speed * strikes[i] + 0.1, 0.0, 0.0])[:, None]
        ahead = np.array([style.speed * end + 0.1, 0.0, 0.0])[:, None]
        stance, after = _stance(style, stance_s), _stance(style, following)
        last = stance(stance_s - step * np.array([2.0, 1.0, 0.0])) + place
        begin = after(step * np.array([0.0, 1.0, 2.0])) + ahead
        leave = [last[:, 2], (last[:, 2] - last[:, 1]) / step,
                 (last[:, 2] - 2 * last[:, 1] + last[:, 0]) / step**2]  # fmt: skip
        arrive = [begin[:, 0], (begin[:, 1] - begin[:, 0]) / step, [-6.0 * style.speed, 0.0, 0.0]]
        swing_s = end - strikes[i] - stance_s
        local = time - strikes[i]
        standing = (local >= 0) & (local <= stance_s)
        out[:, standing] = stance(local[standing]) + place
        swinging = (local > stance_s) & (time < end)
        for axis in (0, 2):
            path = BPoly.from_derivatives(
                [0.0, swing_s],
                [[float(d[axis]) for d in leave], [float(d[axis]) for d in arrive]],
            )
            out[axis, swinging] = path(local[swinging] - stance_s)
        top = leave[0][1] + 0.015 + 0.03 * max(style.speed - 1.5, 0.0)
        path = BPoly.from_derivatives(
            [0.0, 0.3 * swing_s, swing_s],
            [[leave[0][1], leave[1][1]], [top, 0.0], [float(d[1]) for d in arrive]],
        )
        out[1, swinging] = path(local[swinging] - stance_s)
    seen = np.isfinite(out[0])
    for axis in range(3):
        out[axis] = np.interp(time, time[seen], out[axis, seen])
    return out[:2], out[2]


def _turned(point: FloatArray, pitch: FloatArray) -> FloatArray:
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.stack([cos * point[0] - sin * point[1], sin * point[0] + cos * point[1]])


def _tissue(time: FloatArray, strikes: FloatArray, fall: float) -> FloatArray:
    """Return a damped oscillation of skin after every contact, m, (2, F)."""
    shake = np.zeros(len(time))
    for t in strikes:
        after = np.maximum(time - t, 0.0)
        shake += np.where(time > t, 0.004 * fall * np.exp(-after / 0.04) * np.sin(80 * after), 0.0)
    return np.stack([0.5 * shake, shake])


def _shank_angle(hip: FloatArray, ankle: FloatArray) -> FloatArray:
    """Return the shank's angle (knee behind the ankle positive), rad, from two links."""
    along = hip - ankle
    reach = np.hypot(*along)
    reach = np.minimum(reach, 0.9995 * (THIGH_M + SHANK_M))
    inner = np.arccos((SHANK_M**2 + reach**2 - THIGH_M**2) / (2 * SHANK_M * reach))
    angle: FloatArray = np.unwrap(np.arctan2(-along[0], along[1]) - inner)
    return angle
