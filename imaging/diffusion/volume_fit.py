"""Gauss-Newton registration of one volume to its prediction: rigid, and stretched by eddy currents.

Unknowns are the rigid motion, the three slopes of the eddy displacement (see `resample`), gain
and offset; a shift along the phase-encoding axis is part of the motion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.diffusion.resample import Placement
from imaging.image import Image

FloatArray = NDArray[np.floating[Any]]

_INDEPENDENT = 8.0  # voxels per independent residual after smoothing
_MAX_STEP = np.array([3.0, 3.0, 3.0, 0.05, 0.05, 0.05, 0.02, 0.02, 0.02])  # mm, rad, 1
_STEPS = 15


@dataclass(frozen=True)
class Samples:
    """Where volumes are compared.

    Attributes
    ----------
    grid : Image
        Any image on the grid of the volumes.
    points : (P, 3) array
        Whole voxel indices.
    phase_axis : int or None
        Voxel axis of eddy displacement; None: rigid only.
    """

    grid: Image
    points: NDArray[np.intp]
    phase_axis: int | None = None

    @property
    def world(self) -> FloatArray:
        """The points (P, 3) in world mm."""
        return self.grid.to_world(self.points)


def register_volume(
    moving: FloatArray,
    target: FloatArray,
    start: Placement,
    samples: Samples,
    trust: FloatArray | None = None,
    *,
    eddy: bool = False,
) -> tuple[Placement, FloatArray]:
    """Move a volume onto its target.

    Parameters
    ----------
    moving, target : (I, J, K) array
        Smoothed alike.
    start : Placement
    samples : Samples
    trust : (P,) array or None
        Weight of each point.
    eddy
        Estimate the slopes too; otherwise they stay.

    Returns
    -------
    placement : Placement
    error : (9,) array
        Standard errors of translation (mm), rotation (rad) and slopes; infinite where not
        estimated.
    """
    world, grid = samples.world, samples.grid
    columns = _columns(target, start.centre, world, samples, eddy)
    weight = np.ones(len(world)) if trust is None else trust
    weighted = columns * weight[:, None]
    normal = np.linalg.pinv(columns.T @ weighted)
    inverse, placed = np.linalg.inv(grid.affine), start
    count = columns.shape[1] - 2
    error: FloatArray = np.full(9, np.inf)
    for _ in range(_STEPS):
        place = inverse @ placed.matrix(grid.rotation, samples.phase_axis)
        voxels = world @ place[:3, :3].T + place[:3, 3]
        signal = ndimage.map_coordinates(moving, voxels.T, order=1, mode="nearest").astype(float)
        solution = normal @ (weighted.T @ signal)
        gain = float(solution[-2])
        if gain <= 0:
            break
        residual = signal - columns @ solution
        # Smoothing leaves about one independent sample per kernel, not per voxel.
        effective = weight.sum() / _INDEPENDENT
        variance = (weight @ residual**2) / max(effective - count - 2, 1) * effective / weight.sum()
        error[:count] = np.sqrt(np.diag(normal)[:count] * variance * _INDEPENDENT) / gain
        step = -np.clip(solution[:count] / gain, -_MAX_STEP[:count], _MAX_STEP[:count])
        placed = _moved(placed, step)
        if np.abs(step[:3]).max() < 1e-3 and np.abs(step[3:]).max() < 1e-5:
            break
    return placed, error


def parameters(pose: FloatArray, centre: FloatArray) -> FloatArray:
    """Return translation of the centre (mm) and rotation vector (rad) of a (4, 4) pose."""
    shift = pose[:3, :3] @ centre + pose[:3, 3] - centre
    return np.concatenate([shift, Rotation.from_matrix(pose[:3, :3]).as_rotvec()])


def pose_of(values: FloatArray, centre: FloatArray) -> FloatArray:
    """Undo :func:`parameters`."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(values[3:6]).as_matrix()
    pose[:3, 3] = centre + values[:3] - pose[:3, :3] @ centre
    return pose


def _columns(
    target: FloatArray, centre: FloatArray, world: FloatArray, samples: Samples, eddy: bool
) -> FloatArray:
    """Return the change of the signal (P, 6 or 9 and gain, offset) with each unknown."""
    index = tuple(samples.points.T)
    gradient: list[FloatArray] = list(np.gradient(target))
    inverse = np.linalg.inv(samples.grid.affine)
    slopes = np.stack([g[index] for g in gradient], 1) @ inverse[:3, :3]
    values = target[index].astype(float)
    parts = [slopes, np.cross(world - centre, slopes)]
    if eddy and samples.phase_axis is not None:
        axes = samples.grid.rotation
        along = slopes @ axes[:, samples.phase_axis]
        parts.append(along[:, None] * ((world - centre) @ axes))
    return np.column_stack([*parts, values, np.ones(len(values))])


def _moved(placed: Placement, step: FloatArray) -> Placement:
    """Return a placement after one step."""
    pose = placed.pose @ pose_of(step, placed.centre)
    slopes = placed.slopes + step[6:] if len(step) > 6 else placed.slopes
    return replace(placed, pose=pose, slopes=slopes)
