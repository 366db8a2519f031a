"""Whether a triangle mesh encloses a body, and the closing of one that is open at its ends."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray, IntArray
from imaging.geometry.surface import polydata

_TWO_SIDED = 1.5  # area over that of its shadow: 1 for a sheet, 2 for the surface of a thin body
_ANY_SIZE_MM = 1e6


def is_closed(faces: IntArray) -> bool:
    """Tell whether every edge of triangles (M, 3) has exactly two faces."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return bool((np.unique(edges, axis=0, return_counts=True)[1] == 2).all())


def is_two_sided(points: FloatArray, faces: IntArray) -> bool:
    """Tell whether a mesh (N, 3), (M, 3) covers its shadow on the plane of x and y twice."""
    a, b, c = (points[faces[:, k], :2] for k in range(3))
    area = 0.5 * np.abs(np.cross(b - a, c - a))
    places = np.concatenate([a, (a + b) / 2, (b + c) / 2, (c + a) / 2, (a + b + c) / 3])
    cell = float(np.sqrt(2.0 * np.median(area[area > 0]))) if (area > 0).any() else 1.0
    shadow = len(np.unique(np.floor(places / cell), axis=0)) * cell**2
    return bool(area.sum() > _TWO_SIDED * shadow)


def without_holes(points: FloatArray, faces: IntArray) -> tuple[FloatArray, IntArray]:
    """Return a mesh with its corners that coincide joined and its open ends closed."""
    whole = polydata(points, faces).clean().fill_holes(_ANY_SIZE_MM).triangulate()
    return np.asarray(whole.points, float), np.asarray(whole.regular_faces, np.int64)
