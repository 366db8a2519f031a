"""Feet on the ground: force plates under two steps, and markers of the heels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from imaging.arrays import FloatArray

Foot = Literal["left", "right"]

STANCE_SHARE = 0.61
STEP_LENGTH_MM = 620.0
HEEL_HALF_TRACK_MM = 60.0
BODY_WEIGHT_N = 690.0
FORCE_NOISE_N = 0.8


def plates(
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


def heel(frames: FloatArray, strikes: FloatArray, side: Foot) -> FloatArray:
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
