"""Gauss-Newton registration of one volume to its prediction: rigid, and stretched by eddy currents.

Unknowns are the rigid motion, the three slopes of the eddy displacement (see `resample`), gain
and offset; a shift along the phase-encoding axis is part of the motion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.arrays import FloatArray
from imaging.diffusion.resample import Placement
from imaging.image import Image

_INDEPENDENT = 8.0  # voxels per independent residual after smoothing
_MAX_STEP = np.array([3.0, 3.0, 3.0, 0.05, 0.05, 0.05, 0.02, 0.02, 0.02])  # mm, rad, 1
_STEPS = 8
_WAVE_MM = 60.0  # shortest wave of the contrast that may differ from the target's
_MAX_WAVES = 2  # half waves along each axis
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

    @cached_property
    def world(self) -> FloatArray:
        """The points (P, 3) in world mm."""
        return self.grid.to_world(self.points)

    @cached_property
    def waves(self) -> FloatArray:
        """Smooth cosines (P, W) over the field of view, the constant first."""
        shape = np.array(self.grid.shape)
        extent = shape * self.grid.spacing
        counts = np.clip(np.rint(2 * extent / _WAVE_MM), 0, _MAX_WAVES).astype(int)
        phase = np.pi * (self.points + 0.5) / shape
        single = [np.cos(np.outer(phase[:, a], np.arange(counts[a] + 1))) for a in range(3)]
        products = single[0][:, :, None, None] * single[1][:, None, :, None]
        return (products * single[2][:, None, None, :]).reshape(len(phase), -1)

    def voxels(self, placed: Placement) -> FloatArray:
        """Return where the points (P, 3) lie in a volume, in its voxels."""
        place = np.linalg.inv(self.grid.affine) @ placed.matrix(self.grid.rotation, self.phase_axis)
        return self.world @ place[:3, :3].T + place[:3, 3]


@dataclass(frozen=True)
class Registered:
    """Where a volume was found.

    Attributes
    ----------
    placed : Placement
    information : (M, M) array
        Inverse covariance of translation (mm), rotation (rad) and, where they were estimated,
        slopes; brightness and shading are taken into account.
    """

    placed: Placement
    information: FloatArray

    @property
    def error(self) -> FloatArray:
        """Standard errors (6,) of translation (mm) and rotation (rad)."""
        return np.sqrt(np.diag(np.linalg.pinv(self.information)))[:6]

    def with_slopes(self, slopes: FloatArray) -> Registered:
        """Return the best motion under other slopes (3,) than those found."""
        within = self.information[:6, :6]
        step = -np.linalg.pinv(within) @ self.information[:6, 6:] @ (slopes - self.placed.slopes)
        best = moved(self.placed, step)
        return Registered(replace(best, slopes=slopes), within)


def register_volume(
    spline: FloatArray,
    target: FloatArray,
    start: Placement,
    samples: Samples,
    trust: FloatArray,
    *,
    eddy: bool = False,
) -> Registered:
    """Move a volume onto its target.

    Parameters
    ----------
    spline : (I, J, K) array
        Coefficients of the cubic spline through the volume. Linear interpolation would smooth
        between voxels, which looks like a better fit.
    target : (I, J, K) array
        Smoothed like the volume.
    start : Placement
    samples : Samples
    trust : (P,) array
        Weight of each point.
    eddy
        Estimate the slopes too; otherwise they stay.
    """
    columns, nuisance = _columns(target, start.centre, samples, eddy)
    count = columns.shape[1]
    full = np.hstack([columns, nuisance])
    weighted = full * trust[:, None]
    normal = np.linalg.pinv(full.T @ weighted, hermitian=True)
    shading = np.linalg.pinv(nuisance.T @ weighted[:, count:], hermitian=True)
    precision = np.linalg.pinv(normal[:count, :count], hermitian=True)
    least, scale = np.inf, 0.0
    placed = before = start
    step = np.zeros(count)
    for _ in range(_STEPS):
        signal = ndimage.map_coordinates(
            spline, samples.voxels(placed).T, mode="nearest", prefilter=False, output=np.float64
        )
        projected = weighted.T @ signal
        model = nuisance @ (shading @ projected[count:])
        misfit = float(trust @ (signal - model) ** 2)
        first = weighted[:, count]
        gain = float(first @ model) / float(first @ nuisance[:, 0])
        if gain <= 0 or misfit >= least:
            # Too far: half the way, until steps no longer matter.
            step = step / 2
            if np.isinf(least) or _is_small(step):
                break
            placed = moved(before, step)
            continue
        least, before = misfit, placed
        solution = normal @ projected
        variance = float(trust @ (signal - full @ solution) ** 2) / trust.sum()
        scale = gain**2 / (variance * _INDEPENDENT)
        step = -np.clip(solution[:count] / gain, -_MAX_STEP[:count], _MAX_STEP[:count])
        if _is_small(step):
            break
        placed = moved(placed, step)
    return Registered(before, precision * scale)


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
    target: FloatArray, centre: FloatArray, samples: Samples, eddy: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the change of the signal with motion (P, 6 or 9), and with shading and offset."""
    index = tuple(samples.points.T)
    gradient: list[FloatArray] = list(np.gradient(target))
    inverse = np.linalg.inv(samples.grid.affine)
    slopes = np.stack([g[index] for g in gradient], 1) @ inverse[:3, :3]
    lever = samples.world - centre
    parts = [slopes, np.cross(lever, slopes)]
    if eddy and samples.phase_axis is not None:
        axes = samples.grid.rotation
        along = slopes @ axes[:, samples.phase_axis]
        parts.append(along[:, None] * (lever @ axes))
    values = target[index].astype(float)
    nuisance = [*(values[:, None] * samples.waves).T, np.ones(len(values))]
    return np.hstack(parts), np.column_stack(nuisance)


def moved(placed: Placement, step: FloatArray) -> Placement:
    """Return a placement after one step (6 or 9,): mm, rad, and slopes where they take part."""
    pose = placed.pose @ pose_of(step, placed.centre)
    slopes = placed.slopes + step[6:] if len(step) > 6 else placed.slopes
    return replace(placed, pose=pose, slopes=slopes)
