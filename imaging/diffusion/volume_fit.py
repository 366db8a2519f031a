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
_STEPS = 20
_WAVE_MM = 60.0  # shortest wave of the contrast that may differ from the target's
_MAX_WAVES = 4  # half waves along each axis
_SMALL_MM, _SMALL_RAD = 1e-3, 1e-5


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
    columns, nuisance = _columns(target, start.centre, world, samples, eddy)
    weight = np.ones(len(world)) if trust is None else trust
    count = columns.shape[1]
    full = np.hstack([columns, nuisance])
    solve = np.linalg.pinv(full.T @ (full * weight[:, None])) @ (full * weight[:, None]).T
    shading = np.linalg.pinv(nuisance.T @ (nuisance * weight[:, None]))
    precision = np.diag(np.linalg.pinv(full.T @ (full * weight[:, None])))[:count]
    # Linear interpolation would smooth between voxels, which looks like a better fit.
    spline = ndimage.spline_filter(moving, mode="nearest", output=np.float64)
    inverse = np.linalg.inv(grid.affine)
    least, error = np.inf, np.full(9, np.inf)
    placed = before = start
    step = np.zeros(count)
    for _ in range(_STEPS):
        place = inverse @ placed.matrix(grid.rotation, samples.phase_axis)
        voxels = world @ place[:3, :3].T + place[:3, 3]
        signal = ndimage.map_coordinates(spline, voxels.T, mode="nearest", prefilter=False)
        model = nuisance @ (shading @ (nuisance.T @ (weight * signal)))
        misfit = float(weight @ (signal - model) ** 2)
        gain = float(weight @ (model * nuisance[:, 0])) / float(weight @ nuisance[:, 0] ** 2)
        if gain <= 0 or misfit >= least:
            # Too far: half the way, until steps no longer matter.
            step = step / 2
            if np.isinf(least) or _is_small(step):
                return before, error
            placed = _moved(before, step)
            continue
        least, before = misfit, placed
        solution = solve @ signal
        variance = float(weight @ (signal - full @ solution) ** 2) / weight.sum()
        error[:count] = np.sqrt(precision * variance * _INDEPENDENT) / gain
        step = -np.clip(solution[:count] / gain, -_MAX_STEP[:count], _MAX_STEP[:count])
        if _is_small(step):
            break
        placed = _moved(placed, step)
    return before, error


def _is_small(step: FloatArray) -> bool:
    return bool(np.abs(step[:3]).max() < _SMALL_MM and np.abs(step[3:]).max() < _SMALL_RAD)


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
) -> tuple[FloatArray, FloatArray]:
    """Return the change of the signal with motion (P, 6 or 9), and with shading and offset."""
    index = tuple(samples.points.T)
    gradient: list[FloatArray] = list(np.gradient(target))
    inverse = np.linalg.inv(samples.grid.affine)
    slopes = np.stack([g[index] for g in gradient], 1) @ inverse[:3, :3]
    parts = [slopes, np.cross(world - centre, slopes)]
    if eddy and samples.phase_axis is not None:
        axes = samples.grid.rotation
        along = slopes @ axes[:, samples.phase_axis]
        parts.append(along[:, None] * ((world - centre) @ axes))
    values = target[index].astype(float)
    nuisance = [*(values[:, None] * _waves(samples)).T, np.ones(len(values))]
    return np.hstack(parts), np.column_stack(nuisance)


def _waves(samples: Samples) -> FloatArray:
    """Return smooth cosines (P, W) over the field of view, the constant first."""
    shape = np.array(samples.grid.shape)
    extent = shape * samples.grid.spacing
    counts = np.clip(np.rint(2 * extent / _WAVE_MM), 0, _MAX_WAVES).astype(int)
    phase = np.pi * (samples.points + 0.5) / shape
    single = [np.cos(np.outer(phase[:, a], np.arange(counts[a] + 1))) for a in range(3)]
    products = single[0][:, :, None, None] * single[1][:, None, :, None]
    return (products * single[2][:, None, None, :]).reshape(len(phase), -1)


def _moved(placed: Placement, step: FloatArray) -> Placement:
    """Return a placement after one step."""
    pose = placed.pose @ pose_of(step, placed.centre)
    slopes = placed.slopes + step[6:] if len(step) > 6 else placed.slopes
    return replace(placed, pose=pose, slopes=slopes)
