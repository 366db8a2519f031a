"""Moment arms of the lower leg's muscles over poses, to show that paths are as they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imaging.export.opensim.library import joint_angles, muscles_of

_STEPS = 5
_LEAST_ARM_M = 1e-3  # wrapping gives up to .4 mm about joints that a muscle does not cross


def moment_arm_change(before: Any, after: Any, path: Path) -> tuple[float, int]:
    """Return the largest change of a moment arm (m) over poses, and the number of poses."""
    arms = [_moment_arms(model, path) for model in (before, after)]
    return float(np.abs(arms[0] - arms[1]).max(initial=0.0)), len(arms[0])


def _moment_arms(model: Any, path: Path) -> np.ndarray:
    """Return moment arms (poses, pairs of muscle and joint), one joint after another bent."""
    state = model.initSystem()
    muscles = list(muscles_of(model, path).values())
    crossed = crossed_by(model, state, muscles)
    pairs = [(m, c) for m in muscles for c in crossed
             if abs(m.computeMomentArm(state, c)) > _LEAST_ARM_M]  # fmt: skip
    found = []
    for pose in _poses(crossed):
        for c, value in zip(crossed, pose, strict=True):
            c.setValue(state, value, False)
        model.assemble(state)
        model.realizePosition(state)
        found.append([m.computeMomentArm(state, c) for m, c in pairs])
    return np.array(found)


def _poses(coordinates: Sequence[Any]) -> Iterator[list[float]]:
    """Yield angles (rad): one joint of both legs over its range, others as near 0 as they go."""
    # Some models leave ranges open.
    ends = np.array([(c.getRangeMin(), c.getRangeMax()) for c in coordinates]).reshape(-1, 2)
    ranges = np.clip(ends, -np.pi, np.pi)
    straight = np.clip(0.0, ranges[:, 0], ranges[:, 1])
    joints = [c.getName().removesuffix("_l").removesuffix("_r") for c in coordinates]
    for joint in sorted(set(joints)):
        own = np.array([name == joint for name in joints])
        for part in np.linspace(0, 1, _STEPS):
            bent = ranges[:, 0] + part * (ranges[:, 1] - ranges[:, 0])
            yield [float(v) for v in np.where(own, bent, straight)]


def crossed_by(model: Any, state: Any, muscles: Iterable[Any]) -> list[Any]:
    """Return the free rotations that at least one of the muscles has a moment arm about."""
    muscles = list(muscles)
    model.realizePosition(state)
    return [
        c
        for c in joint_angles(model, state)
        if any(abs(m.computeMomentArm(state, c)) > _LEAST_ARM_M for m in muscles)
    ]
