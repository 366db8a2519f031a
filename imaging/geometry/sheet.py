"""Open sheets inside a muscle, internal aponeuroses, in world mm: a mesh, its sides, its reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator, RegularGridInterpolator
from scipy.spatial import cKDTree

from imaging.arrays import FloatArray, IntArray
from imaging.errors import LabelError
from imaging.image import apply_affine, voxel_size

_MOST_KNOTS = 600
_BEYOND_MM, _TABLE_MM = 40.0, 2.0

_Height = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class AponeurosisSurface:
    """An internal aponeurosis as a height over its own principal plane.

    Attributes
    ----------
    points : (N, 3) float array
        World mm.
    faces : (M, 3) int array
        Triangles.
    """

    points: FloatArray
    faces: IntArray
    _origin: FloatArray
    _axes: FloatArray  # rows: two axes in the plane, then its normal
    _height: _Height
    _footprint: cKDTree
    _reach_mm: float

    def side_mm(self, points: FloatArray) -> FloatArray:
        """Return the height of points above the sheet; its sign is the side.

        Beyond the rim the sheet is thought to go on smoothly. Which side is the positive one is
        the same for all points of one sheet, and means nothing else.

        Parameters
        ----------
        points : (P, 3) array
            World mm.

        Returns
        -------
        (P,) array
            mm, along the normal of the sheet's principal plane.

        Examples
        --------
        >>> x, y = (a.ravel() for a in np.meshgrid(np.arange(9.0), np.arange(9.0)))
        >>> flat = np.stack([x, y, 5 + 0 * x], axis=1)
        >>> a = np.array([n for n in range(71) if n % 9 < 8])
        >>> sheet = sheet_from_mesh(flat, np.stack([a, a + 1, a + 9], axis=1))
        >>> above, below = sheet.side_mm(np.array([[4.0, 4, 7], [4, 4, 2]])).round(6).tolist()
        >>> abs(above), abs(below), above * below
        (2.0, 3.0, -6.0)
        """
        local = (points - self._origin) @ self._axes.T
        return local[:, 2] - self._height(local[:, :2])

    def beyond_mm(self, points: FloatArray) -> FloatArray:
        """Return how far points lie beyond the rim, along the sheet's principal plane.

        Parameters
        ----------
        points : (P, 3) array
            World mm.

        Returns
        -------
        (P,) array
            mm; 0 over the sheet.
        """
        local = (points - self._origin) @ self._axes.T
        distance, _ = self._footprint.query(local[:, :2])
        return np.maximum(distance - self._reach_mm, 0.0)


def sheet_from_mask(mask: NDArray[Any], affine: FloatArray) -> AponeurosisSurface:
    """Return the middle surface of a thin mask as a sheet.

    Parameters
    ----------
    mask : (I, J, K) array
        Above 0 in the aponeurosis.
    affine : (4, 4) array
        Voxels to world mm.

    Raises
    ------
    LabelError
        Too few voxels to span a surface.

    Examples
    --------
    >>> mask = np.zeros((20, 5, 20))
    >>> mask[:, 2] = 1
    >>> sheet = sheet_from_mask(mask, np.diag([1.0, 1, 1, 1]))
    >>> bool(np.allclose(sheet.points[:, 1], 2, atol=1e-6))
    True
    """
    voxels = np.argwhere(np.asarray(mask) > 0)
    if len(voxels) < 12:
        raise LabelError(
            f"an aponeurosis has {len(voxels)} voxels", None, "Draw it in several slices"
        )
    spacing = voxel_size(affine)
    points = apply_affine(affine, voxels)
    origin, axes, local = _plane(points)
    cell = float(max(spacing.max(), 1.0))
    knots = _bin_means(local, cell)
    height = _height(knots)
    reach = 0.75 * cell + 0.5 * float(spacing.max())
    footprint = cKDTree(knots[:, :2])
    low, high = knots[:, :2].min(axis=0) - reach, knots[:, :2].max(axis=0) + reach
    step = min(cell, 1.5)
    u, v = (np.arange(low[a], high[a] + step, step) for a in range(2))
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    near = footprint.query(grid)[0] <= reach
    quads = near[:-1, :-1] & near[1:, :-1] & near[:-1, 1:] & near[1:, 1:]
    number = np.arange(near.size).reshape(near.shape)
    a, b = number[:-1, :-1][quads], number[1:, :-1][quads]
    c, d = number[1:, 1:][quads], number[:-1, 1:][quads]
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    used, faces = np.unique(faces, return_inverse=True)
    flat = grid.reshape(-1, 2)[used]
    mesh = np.column_stack([flat, height(flat)]) @ axes + origin
    return AponeurosisSurface(mesh, faces.reshape(-1, 3), origin, axes, height, footprint, reach)


def sheet_from_mesh(points: FloatArray, faces: IntArray) -> AponeurosisSurface:
    """Return a sheet that was drawn as a triangle mesh.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    faces : (M, 3) int array
        Triangles.

    Raises
    ------
    LabelError
        Too few points to span a surface.
    """
    points = np.asarray(points, dtype=float)
    if len(points) < 4 or len(faces) < 2:
        raise LabelError("an aponeurosis has too few triangles", None, "Draw it again")
    origin, axes, local = _plane(points)
    edges = np.linalg.norm(points[faces] - points[np.roll(faces, 1, axis=1)], axis=-1)
    edge = float(np.median(edges))
    knots = _bin_means(local, max(edge, 1.0))
    footprint = cKDTree(local[:, :2])
    return AponeurosisSurface(
        points, np.asarray(faces), origin, axes, _height(knots), footprint, edge
    )


def _plane(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    origin = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - origin, full_matrices=False)
    return origin, axes, (points - origin) @ axes.T


def _bin_means(local: FloatArray, cell: float) -> FloatArray:
    """Return mean positions (B, 3) of points in square columns over the plane."""
    keys = np.floor(local[:, :2] / cell).astype(int)
    _, inverse, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, inverse.ravel(), local)
    filled = counts >= 0.35 * np.median(counts)  # the rim's last columns hold stray voxels
    return (sums / counts[:, None])[filled]


def _height(knots: FloatArray) -> _Height:
    """Return the height over the plane as a function of places (P, 2): a smooth thin plate."""
    # A stride keeps the choice of knots the same in every run.
    some = knots[:: max(1, -(-len(knots) // _MOST_KNOTS))]
    plate = RBFInterpolator(
        some[:, :2], some[:, 2], kernel="thin_plate_spline", smoothing=len(some) * 0.05, degree=1
    )
    low, high = knots[:, :2].min(axis=0) - _BEYOND_MM, knots[:, :2].max(axis=0) + _BEYOND_MM
    axes = [np.arange(a, b + _TABLE_MM, _TABLE_MM) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = plate(places.reshape(-1, 2)).reshape(places.shape[:2])
    return RegularGridInterpolator(axes, values, bounds_error=False, fill_value=None)
