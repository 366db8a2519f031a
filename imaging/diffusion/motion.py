"""Motion and eddy currents: registration of each volume to what the others predict for it.

As in FSL eddy (Andersson JLR, Sotiropoulos SN. NeuroImage 2016;125:1063) a diffusion-weighted
volume is compared with a prediction of the same contrast, here from a tensor fit that leaves the
volume out. Gauss-Newton steps on squared differences also give the standard error of the motion,
so that a volume is left alone when its motion cannot be told from noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.diffusion.eddy import linear_in_gradient
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import bounding_box
from imaging.diffusion.prediction import average_others, predict_volumes
from imaging.diffusion.resample import Placement, resample_series
from imaging.diffusion.volume_fit import Samples, parameters, pose_of, register_volume
from imaging.image import Image

FloatArray = NDArray[np.floating[Any]]

Target = Literal["mean", "prediction"]

# Smoothing in mm and targets, one round each.
_ROUNDS: tuple[tuple[float, tuple[Target, ...]], ...] = (
    (4.0, ("mean", "mean", "prediction")),
    (2.0, ("prediction",)),
)
_RIM_VOXELS = 4
_AT_REST = 0.3  # trust above which a volume counts as not displaced
_POINTS = 10_000
_MIN_SHARE_OF_VOXEL = 0.25  # interpolation blurs more than so small a motion
_ANCHOR_SHARE_OF_VOXEL = 0.15
_MIN_STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class Motion:
    """Rigid motion of every volume, and its stretch by eddy currents.

    Attributes
    ----------
    trace : (N, 6) array
        Translation of the legs' centre (mm, world RAS+) and rotation vector (degrees) by which a
        volume is displaced. A shift by eddy currents is part of the translation.
    displacement_mm : (N,) array
        Root mean square displacement inside the mask.
    standard_error_mm : (N,) array
        Standard error of that displacement.
    corrected : (N,) bool array
        Volumes whose motion is above noise.
    centre : (3,) array
        World point that the rotations turn about.
    slopes : (N, 3) array
        Eddy displacement along the phase-encoding axis per mm along the three voxel axes; 0 where
        it cannot be told from noise.
    """

    trace: FloatArray
    displacement_mm: FloatArray
    standard_error_mm: FloatArray
    corrected: NDArray[np.bool_]
    centre: FloatArray
    slopes: FloatArray

    def matrix(self, volume: int) -> FloatArray:
        """Return the (4, 4) motion from the reference position to a volume, world RAS+ mm."""
        values = self.trace[volume].copy()
        values[3:] = np.radians(values[3:])
        return pose_of(values, self.centre)

    def placements(self) -> list[Placement]:
        """Return where each volume lies; unmoved when its motion is within noise."""
        poses = [self.matrix(v) if moved else np.eye(4) for v, moved in enumerate(self.corrected)]
        return [
            Placement(pose, slopes, self.centre)
            for pose, slopes in zip(poses, self.slopes, strict=True)
        ]

    def turned_back(self, table: GradientTable) -> GradientTable:
        """Return the directions relative to the leg at rest: only the rigid part turns them."""
        turns = np.array([placed.pose[:3, :3].T for placed in self.placements()])
        return table.rotated(turns)


def estimate_motion(
    dwi: Image,
    table: GradientTable,
    mask: NDArray[np.bool_],
    *,
    phase_axis: int | None = None,
    slice_weights: FloatArray | None = None,
    slice_axis: int = 2,
) -> Motion:
    """Find the rigid motion of every volume, and its stretch by eddy currents.

    Parameters
    ----------
    dwi : Image
        4-D; denoised images give better estimates.
    table : GradientTable
        World RAS+ directions.
    mask : (I, J, K) bool array
        Legs.
    phase_axis
        Voxel axis of the eddy displacement; none: rigid motion only.
    slice_weights : (N, K) array or None
        Trust in each slice along `slice_axis` of each volume.

    Returns
    -------
    Motion
        Relative to the median position of all volumes, which stays where it is.
    """
    box = bounding_box(mask, _RIM_VOXELS)
    corner = np.eye(4)
    corner[:3, 3] = [b.start for b in box]
    cropped = Image(dwi.data[box], dwi.affine @ corner)
    world = cropped.to_world(_sample_points(mask[box]))
    n = dwi.data.shape[3]
    placements = [Placement(centre=world.mean(0))] * n
    errors: FloatArray = np.full((n, 9), np.inf)
    weights: FloatArray = np.ones(n)
    for width, targets in _ROUNDS:
        series, every = _smaller(cropped, width)
        samples = Samples(series, _sample_points(mask[box][every]), phase_axis)
        height = samples.points[:, slice_axis] * every[slice_axis].step + box[slice_axis].start
        trust = np.ones((n, len(height))) if slice_weights is None else slice_weights[:, height]
        for target in targets:
            placements = _anchored(placements, world, weights, dwi.spacing.min())
            placements, errors = _round(series, placements, table, samples, trust, weights, target)
            weights = _trust(_displacement(placements, world), dwi.spacing.min())
    return _summary(placements, errors, world, dwi)


def _round(
    series: Image,
    placements: list[Placement],
    table: GradientTable,
    samples: Samples,
    trust: FloatArray,
    weights: FloatArray,
    target: Target,
) -> tuple[list[Placement], FloatArray]:
    """Register every volume once to its target; return placements and errors (N, 9)."""
    phase = samples.phase_axis
    aligned = resample_series(series, placements, phase).data
    if target == "mean":
        targets = average_others(aligned, weights)
    else:
        turned = table.rotated(np.array([p.pose[:3, :3].T for p in placements]))
        targets = predict_volumes(aligned, turned, weights)

    def register(starts: list[Placement], eddy: bool) -> list[tuple[Placement, FloatArray]]:
        return [
            register_volume(series.data[..., v], targets[v], start, samples, trust[v], eddy=eddy)
            for v, start in enumerate(starts)
        ]

    if phase is not None:
        found = [p for p, _ in register(placements, True)]
        slopes = linear_in_gradient(np.array([p.slopes for p in found]), weights, table)
        placements = [replace(p, slopes=s) for p, s in zip(found, slopes, strict=True)]
    moved = register(placements, False)
    return _median_at_rest([p for p, _ in moved]), np.array([e for _, e in moved])


def _smaller(series: Image, width_mm: float) -> tuple[Image, tuple[slice, slice, slice]]:
    """Return every volume smoothed by a Gaussian, and the voxels of it that are kept."""
    every = np.maximum((width_mm / series.spacing).astype(int), 1)
    kept = (
        slice(None, None, int(every[0])),
        slice(None, None, int(every[1])),
        slice(None, None, int(every[2])),
    )
    scale = np.diag([*every, 1.0])
    return Image(_smooth(series, width_mm)[kept], series.affine @ scale), kept


def _anchored(
    placements: list[Placement], world: FloatArray, weights: FloatArray, voxel_mm: float
) -> list[Placement]:
    """Put volumes near rest at rest: they anchor the predictions; free, all drift together."""
    small = _displacement(placements, world) < _ANCHOR_SHARE_OF_VOXEL * voxel_mm
    return [
        replace(p, pose=np.eye(4)) if at_rest else p
        for p, at_rest in zip(placements, small & (weights > _AT_REST), strict=True)
    ]


def _sample_points(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return voxel indices (P, 3) of the mask and a rim, thinned evenly."""
    points = np.argwhere(ndimage.binary_dilation(mask, iterations=2))
    return points[:: max(1, len(points) // _POINTS)]


def _smooth(series: Image, width_mm: float) -> FloatArray:
    """Smooth every volume (I, J, K, N) by a Gaussian."""
    out = np.empty(series.data.shape, np.float32)
    for v in range(series.data.shape[3]):
        ndimage.gaussian_filter(
            series.data[..., v], width_mm / series.spacing, output=out[..., v], mode="nearest"
        )
    return out


def _trust(displacement_mm: FloatArray, voxel_mm: float) -> FloatArray:
    """Return weights (N,) that are small for volumes displaced much more than the others."""
    usual = max(float(np.median(displacement_mm)), _MIN_SHARE_OF_VOXEL * voxel_mm)
    return np.square(1 / (1 + np.square(displacement_mm / (2 * usual))))


def _median_at_rest(placements: list[Placement]) -> list[Placement]:
    """Take the median motion off: most volumes then need no correction."""
    values = np.array([parameters(p.pose, p.centre) for p in placements])
    values -= np.median(values, axis=0)
    return [replace(p, pose=pose_of(v, p.centre)) for p, v in zip(placements, values, strict=True)]


def _displacement(placements: list[Placement], world: FloatArray) -> FloatArray:
    """Return the root mean square displacement (N,) of points (P, 3) by motion in mm."""
    moved = np.array([world @ p.pose[:3, :3].T + p.pose[:3, 3] - world for p in placements])
    return np.sqrt(np.square(moved).sum(2).mean(1))


def _summary(
    placements: list[Placement], errors: FloatArray, world: FloatArray, dwi: Image
) -> Motion:
    """Tell motion from noise."""
    centre = placements[0].centre
    trace = np.array([parameters(p.pose, centre) for p in placements])
    displacement = _displacement(placements, world)
    radius = float(np.sqrt(np.square(world - centre).sum(1).mean()))
    standard = np.sqrt(
        np.square(errors[:, :3]).sum(1) + np.square(errors[:, 3:6]).sum(1) * radius**2 * 2 / 3
    )
    limit = np.maximum(_MIN_SHARE_OF_VOXEL * dwi.spacing.min(), _MIN_STANDARD_ERRORS * standard)
    trace[:, 3:] = np.degrees(trace[:, 3:])
    # The last bits of the optimiser depend on the machine; a nanometre does not matter.
    slopes = np.round([p.slopes for p in placements], 8)
    return Motion(np.round(trace, 6), displacement, standard, displacement > limit, centre, slopes)
