"""How thick a sheet is over its own plane, read along columns, and the closed surface around it.

Frame: two axes in the sheet's principal plane, then the height over it; mm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray, IntArray

_MESH_MM = 1.5  # edges of the closed surface
_FOLDED_SHARE = 0.2


@dataclass(frozen=True)
class Columns:
    """A body cut into columns that stand on a square grid of its plane.

    Attributes
    ----------
    low : (2,) array
        Place of the first column, mm.
    step_mm : float
        Between columns.
    footprint : (U, V) bool array
        Columns on which the body stands; gaps narrower than the closing are filled.
    thickness : (U, V) array
        mm of body along each column.
    middle : (U, V) array
        Mean height of the body in each column, mm; 0 where there is none.
    hollow : (U, V) array
        mm of gaps between the lowest and the highest piece of body in each column.
    """

    low: FloatArray
    step_mm: float
    footprint: BoolArray
    thickness: FloatArray
    middle: FloatArray
    hollow: FloatArray

    @property
    def places(self) -> FloatArray:
        """Places (U, V, 2) of the columns."""
        u, v = (a + self.step_mm * np.arange(n) for a, n in zip(self.low, self.shape, strict=True))
        return np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of columns along both axes."""
        return self.footprint.shape

    def folded(self, most_mm: float) -> bool:
        """Tell whether much of the body lies in two layers more than `most_mm` apart."""
        there = self.thickness > 0
        return bool((self.hollow[there] > most_mm).mean() > _FOLDED_SHARE)

    def smooth(self, sigma_mm: float, height: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return thickness and middle (U, V), averaged over neighbours in the footprint.

        Gaps count as places without thickness, so that a sheet thinner than its voxels keeps
        its volume. Of the middle only what goes beyond `height` (U, V) is averaged: a slope
        would shift it at the rim.
        """
        mass = self._mean(self.footprint.astype(float), sigma_mm)
        volume = self._mean(self.thickness, sigma_mm)
        moment = self._mean(self.thickness * (self.middle - height), sigma_mm)
        near = mass > 1e-3
        thickness = np.divide(volume, mass, out=np.zeros_like(mass), where=near)
        off = np.divide(moment, volume, out=np.zeros_like(mass), where=near & (volume > 1e-6))
        return thickness, height + off

    def _mean(self, values: FloatArray, sigma_mm: float) -> FloatArray:
        return np.asarray(
            ndimage.gaussian_filter(values, sigma_mm / self.step_mm, mode="constant", truncate=3.0)
        )


def columns(
    inside: Callable[[FloatArray], NDArray[np.bool_]],
    height: Callable[[FloatArray], FloatArray],
    points: FloatArray,
    step_mm: float,
    probe_mm: float,
    closing_mm: float,
) -> Columns:
    """Return a body as columns, probed about a height that lies within it or near.

    Parameters
    ----------
    inside
        Tells which places (P, 3) of the frame lie in the body.
    height
        Of a surface near the body, at places (P, 2) of the plane.
    points : (P, 3) array
        Spread over the body, at most `closing_mm` from its border.
    step_mm, probe_mm
        Between columns, and between probes along them.
    closing_mm
        Gaps in the footprint up to twice as wide are filled.
    """
    off = points[:, 2] - height(points[:, :2])
    low, high = points.min(axis=0) - closing_mm, points.max(axis=0) + closing_mm
    u, v = (np.arange(low[a], high[a] + step_mm, step_mm) for a in range(2))
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
    flat = np.empty((grid[..., 0].size, 3))
    flat[:, :2] = grid.reshape(-1, 2)
    base = height(flat[:, :2])
    count, total = np.zeros(len(flat)), np.zeros(len(flat))
    bottom, top = np.full(len(flat), np.inf), np.full(len(flat), -np.inf)
    for rise in np.arange(off.min() - closing_mm, off.max() + closing_mm + probe_mm, probe_mm):
        flat[:, 2] = base + rise
        hit = np.asarray(inside(flat))
        count += hit
        total += hit * flat[:, 2]
        bottom[hit] = np.minimum(bottom[hit], rise)
        top[hit] = rise
    there = count > 0
    middle = np.divide(total, count, out=np.zeros_like(total), where=there)
    span = np.where(there, top - bottom + probe_mm, 0.0)
    thickness = count * probe_mm
    shape = grid.shape[:2]
    wide = int(np.ceil(closing_mm / step_mm))
    closed = ndimage.binary_closing(np.pad(there.reshape(shape), wide + 1), iterations=max(wide, 1))
    inner = slice(wide + 1, -wide - 1)
    return Columns(
        low[:2], step_mm, closed[inner, inner], thickness.reshape(shape), middle.reshape(shape),
        (span - thickness).reshape(shape),
    )  # fmt: skip


def closed_surface(
    places: FloatArray, there: BoolArray, middle: FloatArray, thickness: FloatArray, step_mm: float
) -> tuple[FloatArray, IntArray]:
    """Return the closed surface around a height field with a thickness.

    Parameters
    ----------
    places : (U, V, 2) array
        Of the columns, mm.
    there : (U, V) bool array
        Columns that belong to it.
    middle, thickness : (U, V) array
        mm, along the columns.
    step_mm
        Between the columns.

    Returns
    -------
    points : (N, 3) array
        In the frame of the columns: all upper corners, then all lower ones.
    faces : (M, 3) int array
        Outward; the rim is closed by an upright wall.
    """
    every = max(1, round(_MESH_MM / step_mm))
    some = slice(None, None, every), slice(None, None, every)
    used, faces = grid_faces(there[some])
    flat = places[some].reshape(-1, 2)[used]
    centre, half = middle[some].ravel()[used], 0.5 * thickness[some].ravel()[used]
    upper = np.column_stack([flat, centre + half])
    lower = np.column_stack([flat, centre - half])
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    order = np.sort(edges, axis=1)
    _, where, times = np.unique(order, axis=0, return_inverse=True, return_counts=True)
    a, b = edges[times[where.ravel()] == 1].T
    n = len(flat)
    wall = np.concatenate([np.stack([b, a, a + n], 1), np.stack([b, a + n, b + n], 1)])
    return np.concatenate([upper, lower]), np.concatenate([faces, faces[:, ::-1] + n, wall])


def grid_faces(there: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Return which nodes (flat numbers) of a grid (U, V) span squares, and their triangles.

    Triangles turn anticlockwise seen from above the plane.
    """
    quads = there[:-1, :-1] & there[1:, :-1] & there[:-1, 1:] & there[1:, 1:]
    number = np.arange(there.size).reshape(there.shape)
    a, b = number[:-1, :-1][quads], number[1:, :-1][quads]
    c, d = number[1:, 1:][quads], number[:-1, 1:][quads]
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    used, faces = np.unique(faces, return_inverse=True)
    return used, faces.reshape(-1, 3)
