"""Motion and eddy currents: registration of each volume to the mean of the others.

As in FSL eddy (Andersson JLR, Sotiropoulos SN. NeuroImage 2016;125:1063) motion is free in every
volume, and the stretch by eddy currents follows the diffusion gradient through one matrix for all
volumes. Gauss-Newton steps on squared differences also give the standard error of the motion, so
that a volume is left alone when its motion cannot be told from noise. What the mean of the others
does not tell from contrast of tensors is found last, see `hidden_motion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.eddy import linear_in_gradient, shift_in_gradient
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.hidden_motion import hidden_motion
from imaging.diffusion.legmask import bounding_box
from imaging.diffusion.prediction import templates
from imaging.diffusion.resample import Placement, resample_splines
from imaging.diffusion.volume_fit import (
    Registered,
    Samples,
    moved,
    parameters,
    pose_of,
    register_volume,
)
from imaging.image import Image
from imaging.threads import in_threads

_COARSE_MM, _FINE_MM = 4.0, 2.0  # smoothing
_COARSE_ROUNDS, _FINE_ROUNDS = 3, 2
_HIDDEN_ROUNDS = 3
_SETTLED_SHARE_OF_VOXEL = 0.005  # change of a round, far below any standard error
_RIM_VOXELS = 4
_POINTS = 6000
_EDGES = 0.5  # share of the voxels, those of the steepest signal
_MIN_SHARE_OF_VOXEL = 0.15  # interpolation blurs more than so small a motion
_MIN_EDDY_SHARE_OF_VOXEL = 0.15
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

    def placements(self, *, every: bool = False) -> list[Placement]:
        """Return where each volume lies; unmoved when its motion is within noise.

        Parameters
        ----------
        every
            Also move those within noise.
        """
        return [
            Placement(self.matrix(v) if moved or every else np.eye(4), slopes, self.centre)
            for v, (moved, slopes) in enumerate(zip(self.corrected, self.slopes, strict=True))
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
    start: Motion | None = None,
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
    start : Motion or None
        To be refined.

    Returns
    -------
    Motion
        Relative to the median position of all volumes, which stays where it is.
    """
    box = bounding_box(mask, _RIM_VOXELS)
    corner = np.eye(4)
    corner[:3, 3] = [b.start for b in box]
    cropped = Image(dwi.data[box], dwi.affine @ corner)
    n = dwi.data.shape[3]
    legs = cropped.to_world(np.argwhere(mask[box]))
    placements: list[Placement] = [Placement(centre=legs.mean(0))] * n
    if start is not None:
        placements = start.placements(every=True)
    weights = np.ones((n, dwi.data.shape[slice_axis])) if slice_weights is None else slice_weights
    weights = weights[:, box[slice_axis]]
    settled_mm = _SETTLED_SHARE_OF_VOXEL * float(dwi.spacing.min())
    levels = [(_FINE_MM, _FINE_ROUNDS)]
    if start is None:
        levels.insert(0, (_COARSE_MM, _COARSE_ROUNDS))
    for width, rounds in levels:
        level = _level(cropped, mask[box], width, phase_axis, slice_axis, weights)
        for _ in range(rounds):
            before, found = placements, _round(level, placements, table)
            placements = [f.placed for f in found]
            if _most_change(before, placements, level.samples) < settled_mm:
                break
    for _ in range(_HIDDEN_ROUNDS):
        before, found = placements, _without_hidden(level, found, table)
        placements = [f.placed for f in found]
        if _most_change(before, placements, level.samples) < settled_mm:
            break
    return _summary(found, legs, dwi)


@dataclass(frozen=True)
class _Level:
    """Volumes at one smoothing, as splines (I, J, K, N), and the points they are compared at."""

    splines: Image
    mask: NDArray[np.bool_]
    samples: Samples
    slice_axis: int
    trust: FloatArray  # (N, slices)
    least_mm: float  # displacement by eddy currents that is worth a correction

    def trust_at(self, volume: int, placed: Placement) -> FloatArray:
        """Return the trust (P,) in what is found at the points: that of the worse slice beside."""
        rows = self.trust[volume]
        height = self.samples.voxels(placed)[:, self.slice_axis]
        low = np.clip(np.floor(height).astype(int), 0, len(rows) - 1)
        return np.minimum(rows[low], rows[np.minimum(low + 1, len(rows) - 1)])


def _level(
    series: Image,
    mask: NDArray[np.bool_],
    width_mm: float,
    phase_axis: int | None,
    slice_axis: int,
    weights: FloatArray,
) -> _Level:
    """Smooth and thin the volumes."""
    every = np.maximum((width_mm / series.spacing).astype(int), 1)
    kept = tuple(slice(None, None, int(e)) for e in every)
    sigma = width_mm / series.spacing
    n = series.data.shape[3]
    thin = mask[kept]
    splines, mean = np.empty((*thin.shape, n), np.float32), np.zeros(thin.shape)

    def smoothed(v: int) -> tuple[FloatArray, FloatArray]:
        smooth = ndimage.gaussian_filter(series.data[..., v], sigma, mode="nearest", truncate=3.0)
        return smooth[kept], ndimage.spline_filter(smooth[kept], mode="nearest", output=np.float64)

    for v, (smooth, spline) in enumerate(in_threads(smoothed, range(n))):
        mean += smooth
        splines[..., v] = spline
    scale = np.diag([*every, 1.0])
    image = Image(splines, series.affine @ scale)
    points = _sample_points(thin, mean, image.spacing)
    trust = weights[:, kept[slice_axis]]
    samples = Samples(image, points, phase_axis)
    least = _MIN_EDDY_SHARE_OF_VOXEL * float(series.spacing.min())
    return _Level(image, thin, samples, slice_axis, trust, least)


def _round(
    level: _Level, placements: Sequence[Placement], table: GradientTable
) -> list[Registered]:
    """Register every volume once to the mean of the others."""
    samples, splines = level.samples, level.splines
    eddy = samples.phase_axis is not None
    aligned = resample_splines(splines, placements, samples.phase_axis)
    target_of = templates(aligned, splines.spacing)

    def registered(v: int) -> Registered:
        trust = level.trust_at(v, placements[v])
        return register_volume(
            splines.data[..., v], target_of(v), placements[v], samples, trust, eddy=eddy
        )

    found = list(in_threads(registered, range(len(placements))))
    if samples.phase_axis is not None:
        slopes = np.array([f.placed.slopes for f in found])
        told = np.array([_of_slopes(f.information) for f in found])
        slopes = linear_in_gradient(slopes, table, told)
        lever = (samples.world - placements[0].centre) @ splines.rotation
        if np.sqrt(np.square(lever @ slopes.T).mean()) < level.least_mm:
            slopes = np.zeros(slopes.shape)
        found = [f.with_slopes(s) for f, s in zip(found, slopes, strict=True)]
    return _median_at_rest(level, found, table)


def _without_hidden(
    level: _Level, found: list[Registered], table: GradientTable
) -> list[Registered]:
    """Take off motion that the tensor follows."""
    placements = [f.placed for f in found]
    splines = level.splines
    aligned = resample_splines(splines, placements, level.samples.phase_axis)
    steps = hidden_motion(splines.with_data(aligned), placements, table, level.mask)
    found = [replace(f, placed=moved(f.placed, step)) for f, step in zip(found, steps, strict=True)]
    return _median_at_rest(level, found, table)


def _of_slopes(information: FloatArray) -> FloatArray:
    """Return what is known of the slopes (3, 3) when nothing is known of the motion."""
    mixed = information[6:, :6]
    return information[6:, 6:] - mixed @ np.linalg.pinv(information[:6, :6]) @ mixed.T


def _sample_points(
    mask: NDArray[np.bool_], mean: FloatArray, spacing: FloatArray
) -> NDArray[np.intp]:
    """Return voxel indices (P, 3) of the mask and a rim where signal is steep, thinned evenly."""
    points = np.argwhere(ndimage.binary_dilation(mask, iterations=2))
    steep = np.zeros(mask.shape)
    for axis, step in enumerate(spacing):
        if mask.shape[axis] > 1:
            steep += np.square(np.gradient(mean, step, axis=axis))
    values = steep[tuple(points.T)]
    points = points[values >= np.quantile(values, 1 - _EDGES)]
    return points[:: max(1, len(points) // _POINTS)]


def _median_at_rest(
    level: _Level, found: list[Registered], table: GradientTable
) -> list[Registered]:
    """Take the median motion off, shifts by eddy currents not counted."""
    centre = found[0].placed.centre
    values = np.array([parameters(f.placed.pose, centre) for f in found])
    own = values.copy()
    if level.samples.phase_axis is not None:
        axis = level.splines.rotation[:, level.samples.phase_axis]
        own[:, :3] -= shift_in_gradient(values[:, :3] @ axis, table)[:, None] * axis
    values -= np.median(own, axis=0)
    return [
        replace(f, placed=replace(f.placed, pose=pose_of(v, centre)))
        for f, v in zip(found, values, strict=True)
    ]


def _most_change(
    before: Sequence[Placement], after: Sequence[Placement], samples: Samples
) -> float:
    """Return by how far the volume that changed most did, root mean square over points, mm."""
    axes, phase = samples.grid.rotation, samples.phase_axis
    steps = [
        b.matrix(axes, phase) - a.matrix(axes, phase) for a, b in zip(before, after, strict=True)
    ]
    moved = np.array([samples.world @ s[:3, :3].T + s[:3, 3] for s in steps])
    return float(np.sqrt(np.square(moved).sum(2).mean(1)).max())


def _displacement(placements: list[Placement], world: FloatArray) -> FloatArray:
    """Return the root mean square displacement (N,) of points (P, 3) by motion in mm."""
    moved = np.array([world @ p.pose[:3, :3].T + p.pose[:3, 3] - world for p in placements])
    return np.sqrt(np.square(moved).sum(2).mean(1))


def _summary(found: list[Registered], world: FloatArray, dwi: Image) -> Motion:
    """Tell motion from noise."""
    placements = [f.placed for f in found]
    errors = np.array([f.error for f in found])
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
