"""Motion between volumes: rigid registration of each volume to what the others predict for it.

As in FSL eddy (Andersson JLR, Sotiropoulos SN. NeuroImage 2016;125:1063) a diffusion-weighted
volume is compared with a prediction of the same contrast, here from a tensor fit that leaves the
volume out. Gauss-Newton steps on squared differences also give the standard error of the motion,
so that a volume is left alone when its motion cannot be told from noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import bounding_box
from imaging.diffusion.resample import Placement
from imaging.diffusion.tensor import design_matrix
from imaging.image import Image

FloatArray = NDArray[np.floating[Any]]

_SMOOTHING_MM = (4.0, 2.0)
_INDEPENDENT = 8.0  # voxels per independent residual after smoothing
_MAX_STEP = np.array([3.0, 3.0, 3.0, 0.05, 0.05, 0.05])  # mm, rad
_ROUNDS = 2
_RIM_VOXELS = 4
_AT_REST = 0.3  # trust above which a volume counts as not displaced
_MIN_WEIGHT = 1e-3
_STEPS = 15
_POINTS = 25_000
_MIN_SHARE_OF_VOXEL = 0.25  # interpolation blurs more than so small a motion
_ANCHOR_SHARE_OF_VOXEL = 0.5
_MIN_STANDARD_ERRORS = 4.0
_MAX_LEVERAGE = 0.9


@dataclass(frozen=True)
class Motion:
    """Rigid motion of every volume.

    Attributes
    ----------
    trace : (N, 6) array
        Translation of the legs' centre (mm, world RAS+) and rotation vector (degrees) by which a
        volume is displaced.
    displacement_mm : (N,) array
        Root mean square displacement inside the mask.
    standard_error_mm : (N,) array
        Standard error of that displacement.
    corrected : (N,) bool array
        Volumes whose motion is above noise.
    centre : (3,) array
        World point that the rotations turn about.
    """

    trace: FloatArray
    displacement_mm: FloatArray
    standard_error_mm: FloatArray
    corrected: NDArray[np.bool_]
    centre: FloatArray

    def matrix(self, volume: int) -> FloatArray:
        """Return the (4, 4) motion from the reference position to a volume, world RAS+ mm."""
        shift, turn = (
            self.trace[volume, :3],
            Rotation.from_rotvec(self.trace[volume, 3:], degrees=True),
        )
        out = np.eye(4)
        out[:3, :3] = turn.as_matrix()
        out[:3, 3] = self.centre + shift - out[:3, :3] @ self.centre
        return out

    def placements(self) -> list[Placement]:
        """Return where each volume lies; at rest when its motion is within noise."""
        return [
            Placement(self.matrix(v), centre=self.centre) if moved else Placement()
            for v, moved in enumerate(self.corrected)
        ]

    def turned_back(self, table: GradientTable) -> GradientTable:
        """Return the directions relative to the leg at rest."""
        turns = np.array([placed.pose[:3, :3].T for placed in self.placements()])
        return table.rotated(turns)


def estimate_motion(dwi: Image, table: GradientTable, mask: NDArray[np.bool_]) -> Motion:
    """Find the rigid motion of every volume.

    Parameters
    ----------
    dwi : Image
        4-D; denoised images give better estimates.
    table : GradientTable
        World RAS+ directions.
    mask : (I, J, K) bool array
        Legs.

    Returns
    -------
    Motion
        Relative to the median position of all volumes, which stays where it is.
    """
    box = bounding_box(mask, _RIM_VOXELS)
    corner = np.eye(4)
    corner[:3, 3] = [b.start for b in box]
    cropped = Image(dwi.data[box], dwi.affine @ corner)
    points = _sample_points(mask[box])
    world = cropped.to_world(points)
    centre = world.mean(0)
    n = dwi.data.shape[3]
    poses: FloatArray = np.tile(np.eye(4), (n, 1, 1))
    errors: FloatArray = np.zeros((n, 6))
    weights: FloatArray = np.ones(n)
    for level, width in enumerate(_SMOOTHING_MM):
        series = cropped.with_data(_smooth(cropped, width))
        for round_ in range(_ROUNDS):
            targets = _targets(_aligned(series, poses), table, weights)
            for v in range(n):
                poses[v], errors[v] = _gauss_newton(
                    series.data[..., v], targets[v], series.affine, poses[v], centre, points, world
                )
            poses = _median_at_rest(poses, centre)
            displacement = _displacement(poses, world)
            weights = _trust(displacement, dwi.spacing.min())
            last = level + round_ == len(_SMOOTHING_MM) + _ROUNDS - 2
            if not last:
                # Volumes near rest anchor the predictions; left free, all would drift together.
                small = displacement < _ANCHOR_SHARE_OF_VOXEL * dwi.spacing.min()
                poses[small & (weights > _AT_REST)] = np.eye(4)
    return _summary(poses, errors, centre, world, dwi)


def _sample_points(mask: NDArray[np.bool_]) -> FloatArray:
    """Return voxel indices (P, 3) of the mask and a rim, thinned evenly."""
    points = np.argwhere(ndimage.binary_dilation(mask, iterations=2))
    return points[:: max(1, len(points) // _POINTS)].astype(float)


def _smooth(series: Image, width_mm: float) -> FloatArray:
    """Smooth every volume (I, J, K, N) by a Gaussian."""
    out = np.empty(series.data.shape, np.float32)
    for v in range(series.data.shape[3]):
        ndimage.gaussian_filter(
            series.data[..., v], width_mm / series.spacing, output=out[..., v], mode="nearest"
        )
    return out


def _aligned(series: Image, poses: FloatArray) -> FloatArray:
    """Resample every volume (I, J, K, N) into the common position, linearly."""
    out = series.data.copy()
    inverse = np.linalg.inv(series.affine)
    for v, pose in enumerate(poses):
        if np.array_equal(pose, np.eye(4)):
            continue
        matrix = inverse @ pose @ series.affine
        ndimage.affine_transform(
            series.data[..., v], matrix[:3, :3], matrix[:3, 3],
            output=out[..., v], order=1, mode="nearest",
        )  # fmt: skip
    return out


def _trust(displacement_mm: FloatArray, voxel_mm: float) -> FloatArray:
    """Return weights (N,) that are small for volumes displaced much more than the others."""
    usual = max(float(np.median(displacement_mm)), _MIN_SHARE_OF_VOXEL * voxel_mm)
    return np.square(1 / (1 + np.square(displacement_mm / (2 * usual))))


def _targets(aligned: FloatArray, table: GradientTable, weights: FloatArray) -> list[FloatArray]:
    """Return, per volume, its prediction by a log-linear tensor fit to the other volumes.

    The only b = 0 volume cannot be predicted so; it is compared with the mean of the others.
    """
    design = design_matrix(table)
    design = design / np.abs(design).max(0)
    weights = np.maximum(weights, _MIN_WEIGHT)
    root = np.sqrt(weights)
    projection = np.linalg.pinv(design * root[:, None]) * root
    hat = design @ projection
    leverage = np.diag(hat)
    top = float(aligned.max())
    floor = 1e-3 * top + 1e-12
    log = np.log(np.maximum(aligned, floor))
    targets: list[FloatArray] = []
    for v, h in enumerate(leverage):
        if h > _MAX_LEVERAGE:
            others = ~table.is_b0
            others[v] = False
            targets.append(np.average(aligned[..., others], axis=-1, weights=weights[others]))
            continue
        row = (hat[v] / (1 - h)).astype(np.float32)
        row[v] = 0
        targets.append(np.exp(np.minimum(log @ row, np.log(2 * top + floor))))
    return targets


def _gauss_newton(
    moving: FloatArray,
    target: FloatArray,
    affine: FloatArray,
    pose: FloatArray,
    centre: FloatArray,
    points: FloatArray,
    world: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Move a volume onto its target; gain and offset are free.

    Returns
    -------
    pose : (4, 4) array
        From world points of the target to those of the volume.
    error : (6,) array
        Standard errors of translation (mm) and rotation (rad).
    """
    index = tuple(points.astype(int).T)
    inverse = np.linalg.inv(affine)
    gradient: list[FloatArray] = list(np.gradient(target))
    slopes = np.stack([g[index] for g in gradient], 1) @ inverse[:3, :3]
    values = target[index].astype(float)
    jacobian = np.hstack([slopes, np.cross(world - centre, slopes)])
    columns = np.column_stack([jacobian, values, np.ones(len(values))])
    normal = np.linalg.pinv(columns.T @ columns)
    error: FloatArray = np.zeros(6)
    for _ in range(_STEPS):
        place = inverse @ pose
        voxels = _moved(place, world)
        signal = ndimage.map_coordinates(moving, voxels.T, order=1, mode="nearest").astype(float)
        solution: NDArray[np.float64] = normal @ (columns.T @ signal)
        gain = float(solution[6])
        if gain <= 0:
            break
        residual = signal - columns @ solution
        # Smoothing leaves about one independent sample per kernel, not per voxel.
        variance = residual.var() * len(points) / max(len(points) / _INDEPENDENT - 8, 1)
        error = np.sqrt(np.diag(normal)[:6] * variance) / gain
        step = -np.clip(solution[:6] / gain, -_MAX_STEP, _MAX_STEP)
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(step[3:]).as_matrix()
        turn[:3, 3] = centre + step[:3] - turn[:3, :3] @ centre
        pose = pose @ turn
        if np.abs(step[:3]).max() < 1e-3 and np.abs(step[3:]).max() < 1e-5:
            break
    return pose, error


def _moved(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Apply a (4, 4) affine to points (P, 3)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _median_at_rest(poses: FloatArray, centre: FloatArray) -> FloatArray:
    """Take the median motion off: most volumes then need no correction."""
    parameters = np.array([_parameters(pose, centre) for pose in poses])
    parameters -= np.median(parameters, axis=0)
    return np.array([_pose(p, centre) for p in parameters])


def _parameters(pose: FloatArray, centre: FloatArray) -> FloatArray:
    """Return translation of the centre (mm) and rotation vector (rad)."""
    shift = pose[:3, :3] @ centre + pose[:3, 3] - centre
    return np.concatenate([shift, Rotation.from_matrix(pose[:3, :3]).as_rotvec()])


def _pose(parameters: FloatArray, centre: FloatArray) -> FloatArray:
    """Undo :func:`_parameters`."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(parameters[3:]).as_matrix()
    pose[:3, 3] = centre + parameters[:3] - pose[:3, :3] @ centre
    return pose


def _displacement(poses: FloatArray, world: FloatArray) -> FloatArray:
    """Return the root mean square displacement (N,) of points (P, 3) in mm."""
    moved = np.array([_moved(pose, world) - world for pose in poses])
    return np.sqrt(np.square(moved).sum(2).mean(1))


def _summary(
    poses: FloatArray, errors: FloatArray, centre: FloatArray, world: FloatArray, dwi: Image
) -> Motion:
    """Tell motion from noise."""
    trace = np.array([_parameters(pose, centre) for pose in poses])
    displacement = _displacement(poses, world)
    radius = float(np.sqrt(np.square(world - centre).sum(1).mean()))
    standard = np.sqrt(
        np.square(errors[:, :3]).sum(1) + np.square(errors[:, 3:]).sum(1) * radius**2 * 2 / 3
    )
    limit = np.maximum(_MIN_SHARE_OF_VOXEL * dwi.spacing.min(), _MIN_STANDARD_ERRORS * standard)
    trace[:, 3:] = np.degrees(trace[:, 3:])
    return Motion(trace, displacement, standard, displacement > limit, centre)
