"""One interpolation for all that displaces a volume: motion, eddy currents, field inhomogeneity.

What belongs at a world point x of the leg at rest is found in a volume of the file at

    s(x) = y + u e(y) + u d(x),   y = P x

with P the rigid motion of the leg, u the unit direction of the phase-encoding axis, e the eddy
currents' displacement (linear in y: it stays with the scanner) and d the displacement by field
inhomogeneity (mm; it moves with the leg). Signal that is squeezed together along u is brighter:
the value found is multiplied by the Jacobian 1 + de/du + dd/du.

Andersson JLR, Sotiropoulos SN. NeuroImage 2016;125:1063 (composition of the three).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.cubic import read_splines
from imaging.image import Image
from imaging.threads import in_threads

_MIN_JACOBIAN = 0.1


@dataclass(frozen=True)
class Placement:
    """Where a volume lies relative to the leg at rest.

    Attributes
    ----------
    pose : (4, 4) array
        Rigid motion from rest to the volume, world RAS+ mm.
    slopes : (3,) array
        Eddy displacement along the phase-encoding axis per mm along the three voxel axes.
    centre : (3,) array
        World point where the eddy displacement is 0.
    """

    pose: FloatArray = field(default_factory=lambda: np.eye(4))
    slopes: FloatArray = field(default_factory=lambda: np.zeros(3))
    centre: FloatArray = field(default_factory=lambda: np.zeros(3))

    @property
    def at_rest(self) -> bool:
        """Tell whether nothing moved and nothing was stretched."""
        return bool(np.array_equal(self.pose, np.eye(4)) and not np.any(self.slopes))

    def matrix(self, rotation: FloatArray, phase_axis: int | None) -> FloatArray:
        """Return the (4, 4) affine from the leg at rest to the volume, world RAS+ mm.

        Parameters
        ----------
        rotation : (3, 3) array
            Unit voxel axes in the world, as columns (`Image.rotation`).
        phase_axis : int or None
            Without it slopes have no effect.
        """
        if phase_axis is None:
            return self.pose
        eddy = np.eye(4)
        eddy[:3, :3] += np.outer(rotation[:, phase_axis], rotation @ self.slopes)
        eddy[:3, 3] = self.centre - eddy[:3, :3] @ self.centre
        return eddy @ self.pose


@dataclass(frozen=True)
class PlacedSeries:
    """Volumes as cleaned, before any interpolation, and where each of them lies.

    Attributes
    ----------
    source : Image
        4-D magnitude on the grid of the file.
    placements
        One for each volume.
    phase_axis : int or None
    slice_axis : int
    slice_weights : (N, K) array or None
        Trust in each slice of each volume, 0..1.
    """

    source: Image
    placements: Sequence[Placement]
    phase_axis: int | None = None
    slice_axis: int = 2
    slice_weights: FloatArray | None = None

    def at_rest(self) -> Image:
        """Return all volumes at rest; see :func:`resample_series`."""
        return resample_series(self.source, self.placements, self.phase_axis)

    def weights(self) -> FloatArray | None:
        """Return the trust (I, J, K, N) in each sample at rest: that of the slices beside it."""
        if self.slice_weights is None:
            return None
        trust = np.empty(self.source.data.shape, np.float32)
        last = self.source.shape[self.slice_axis] - 1
        for v, (placed, rows) in enumerate(zip(self.placements, self.slice_weights, strict=True)):
            height = slice_heights(self.source, placed, self.phase_axis, self.slice_axis)
            trust[..., v] = np.interp(np.clip(height, 0, last), np.arange(last + 1), rows)
        return trust

    def with_model(self, signal: FloatArray) -> PlacedSeries:
        """Put what a model predicts into slices of less than half the trust.

        They keep their small weights; this keeps them from spreading to their neighbours when
        volumes are interpolated.

        Parameters
        ----------
        signal : (I, J, K, N) array
            Of every volume at rest.
        """
        if self.slice_weights is None:
            return self
        data = self.source.data.copy()
        slices = np.moveaxis(data, self.slice_axis, 0)
        grid = self.source
        for v, placed in enumerate(self.placements):
            bad = np.flatnonzero(self.slice_weights[v] < 0.5)
            if not len(bad):
                continue
            moved = in_volume(signal[..., v], grid, placed, self.phase_axis, order=1)
            slices[bad, ..., v] = np.moveaxis(moved, self.slice_axis, 0)[bad]
        return replace(self, source=grid.with_data(data))


def resample_series(
    series: Image,
    placements: Sequence[Placement] | None = None,
    phase_axis: int | None = None,
    displacement_mm: FloatArray | None = None,
    order: int = 5,
) -> Image:
    """Bring every volume to rest and undistort it, with one interpolation.

    Parameters
    ----------
    series : Image
        4-D magnitude.
    placements
        One for each volume; none: at rest.
    phase_axis
        Voxel axis; needed for eddy slopes and for `displacement_mm`.
    displacement_mm : (I, J, K) array or None
        On the undistorted grid: what belongs at a voxel appears in the file so far along the
        phase-encoding axis, towards larger indices.
    order
        Of the spline. Across thick slices a cubic one blurs each volume by as much as it moved,
        which turns fibre directions; the fifth order halves that.

    Returns
    -------
    Image
        On the same grid, not negative. Volumes at rest keep their values when there is no
        displacement; the series itself, not a copy, where that holds for all.
    """
    n = series.data.shape[3]
    placements = [Placement()] * n if placements is None else placements
    if displacement_mm is None and all(placed.at_rest for placed in placements):
        return series
    stretch: FloatArray | float = 0.0
    if displacement_mm is not None and phase_axis is not None:
        stretch = np.gradient(displacement_mm, series.spacing[phase_axis], axis=phase_axis)
    data = series.data.copy()
    inverse = np.linalg.inv(series.affine)
    for v, placed in enumerate(placements):
        if placed.at_rest and displacement_mm is None:
            continue
        matrix = inverse @ placed.matrix(series.rotation, phase_axis) @ series.affine
        moved = _sample(series, v, matrix, phase_axis, displacement_mm, order)
        slope = 0.0 if phase_axis is None else float(placed.slopes[phase_axis])
        jacobian = np.maximum(1.0 + slope + stretch, _MIN_JACOBIAN)
        data[..., v] = np.clip(moved * jacobian, 0, None)
    return series.with_data(data)


def resample_signed(
    volume: Image, placed: Placement, phase_axis: int | None, order: int = 1
) -> FloatArray:
    """Return a 3-D image of either sign brought to rest (I, J, K), as `resample_series` does."""
    matrix = np.linalg.inv(volume.affine) @ placed.matrix(volume.rotation, phase_axis)
    matrix = matrix @ volume.affine
    moved: FloatArray = ndimage.affine_transform(
        volume.data, matrix[:3, :3], matrix[:3, 3], order=order, mode="nearest"
    )
    slope = 0.0 if phase_axis is None else float(placed.slopes[phase_axis])
    return moved * np.float32(max(1.0 + slope, _MIN_JACOBIAN))


def in_volume(
    signal: FloatArray, grid: Image, placed: Placement, phase_axis: int | None, order: int = 5
) -> FloatArray:
    """Return how a signal (I, J, K) at rest looks in a volume: the way back of `resample_series`.

    Parameters
    ----------
    signal : (I, J, K) array
        At rest.
    grid : Image
        Any image on the grid of both.
    placed : Placement
    phase_axis
        Voxel axis; needed for eddy slopes.
    order
        Of the spline.
    """
    matrix = placed.matrix(grid.rotation, phase_axis)
    back = np.linalg.inv(grid.affine) @ np.linalg.inv(matrix) @ grid.affine
    moved: FloatArray = ndimage.affine_transform(
        signal, back[:3, :3], back[:3, 3], order=order, mode="nearest"
    )
    slope = 0.0 if phase_axis is None else float(placed.slopes[phase_axis])
    return moved / np.float32(max(1.0 + slope, _MIN_JACOBIAN))


def resample_splines(
    splines: Image, placements: Sequence[Placement], phase_axis: int | None
) -> FloatArray:
    """Bring volumes to rest that are given as coefficients of their cubic splines.

    Parameters
    ----------
    splines : Image
        4-D, of `scipy.ndimage.spline_filter` with mode ``nearest``.
    placements
        One for each volume.
    phase_axis
        Voxel axis; needed for eddy slopes.

    Returns
    -------
    (I, J, K, N) float32 array
    """
    inverse = np.linalg.inv(splines.affine)
    out = np.empty(splines.data.shape, np.float32)

    def read(v: int) -> FloatArray:
        placed = placements[v]
        matrix = inverse @ placed.matrix(splines.rotation, phase_axis) @ splines.affine
        slope = 0.0 if phase_axis is None else float(placed.slopes[phase_axis])
        jacobian = max(1.0 + slope, _MIN_JACOBIAN)
        return read_splines(splines.data[..., v], matrix[:3, :3], matrix[:3, 3], jacobian)

    for v, moved in enumerate(in_threads(read, range(len(placements)))):
        out[..., v] = moved
    return out


def slice_heights(
    image: Image, placed: Placement, phase_axis: int | None, slice_axis: int
) -> FloatArray:
    """Return where (I, J, K) along the slices of a volume a voxel at rest comes from, in voxels."""
    matrix = np.linalg.inv(image.affine) @ placed.matrix(image.rotation, phase_axis) @ image.affine
    row = matrix[slice_axis]
    axes = np.ogrid[tuple(slice(0, n) for n in image.shape)]
    height: FloatArray = row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2] + row[3]
    return height


def _sample(
    series: Image,
    volume: int,
    matrix: FloatArray,
    phase_axis: int | None,
    displacement_mm: FloatArray | None,
    order: int,
) -> FloatArray:
    """Return one volume (I, J, K) at its voxels moved by a voxel matrix and a displacement."""
    values = series.data[..., volume]
    # Background is noise: the nearest value is a better guess at the rim than 0.
    if displacement_mm is None or phase_axis is None:
        return ndimage.affine_transform(
            values, matrix[:3, :3], matrix[:3, 3], order=order, mode="nearest"
        )
    grid = np.indices(series.shape, dtype=np.float64)
    place = np.einsum("ij,jxyz->ixyz", matrix[:3, :3], grid) + matrix[:3, 3, None, None, None]
    place[phase_axis] += displacement_mm / series.spacing[phase_axis]
    return ndimage.map_coordinates(values, place, order=order, mode="nearest")
