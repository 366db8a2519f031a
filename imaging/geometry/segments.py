"""Where segments first meet triangles, in world mm: exact, in compiled loops."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray, IntArray

_CELL_MM = 2.0
_SURE_MM = 1e-6  # from a plane, far beyond rounding


@dataclass(frozen=True)
class TriangleIndex:
    """Triangles sorted into cubic cells.

    Attributes
    ----------
    corners : (M, 3, 3) float64 array
        Triangle, corner, world mm.
    origin : (3,) float64 array
        Outer corner of the first cell.
    shape : (3,) int64 array
        Number of cells along the axes.
    starts : (cells + 1,) int64 array
        Where the triangles of each cell begin in `members`.
    members : int64 array
        Triangles, cell after cell.
    planes : (members, 4) float64 array
        Of each of the members the unit normal and the height of its plane along it.
    """

    corners: FloatArray
    origin: FloatArray
    shape: IntArray
    starts: IntArray
    members: IntArray
    planes: FloatArray

    @classmethod
    def build(cls, points: FloatArray, faces: IntArray) -> TriangleIndex:
        """Sort the triangles of a mesh into cells.

        Parameters
        ----------
        points : (N, 3) array
            World mm.
        faces : (M, 3) int array
            Triangles, at least one.

        Examples
        --------
        >>> index = TriangleIndex.build(np.eye(3), np.array([[0, 1, 2]]))
        >>> index.corners.shape, index.shape.tolist()
        ((1, 3, 3), [1, 1, 1])
        """
        corners = np.ascontiguousarray(np.asarray(points, dtype=float)[faces])
        low, high = corners.min(axis=1), corners.max(axis=1)
        origin = low.min(axis=0) - 1e-6
        first = np.floor((low - origin) / _CELL_MM).astype(np.int64)
        last = np.floor((high - origin) / _CELL_MM).astype(np.int64)
        shape = last.max(axis=0) + 1
        starts, members = _fill(first, last, shape)
        return cls(corners, origin, shape, starts, members, _planes(corners)[members])

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, IntArray, IntArray, IntArray, FloatArray]:
        """The arrays that compiled functions take."""
        return self.corners, self.origin, self.shape, self.starts, self.members, self.planes


def _planes(corners: FloatArray) -> FloatArray:
    """Return unit normals and heights (M, 4) of triangles; 0 where they have no area."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, size, out=np.zeros_like(normals), where=size > 0)
    return np.c_[normals, np.sum(normals * corners[:, 0], axis=1)]


@numba.njit(cache=True, nogil=True)
def _fill(first, last, shape):  # type: ignore[no-untyped-def]
    cells = shape[0] * shape[1] * shape[2]
    starts = np.zeros(cells + 1, np.int64)
    for pass_ in range(2):
        if pass_ == 1:
            members = np.empty(starts[-1], np.int64)
            cursor = starts[:-1].copy()
        for t in range(len(first)):
            for i in range(first[t, 0], last[t, 0] + 1):
                for j in range(first[t, 1], last[t, 1] + 1):
                    for k in range(first[t, 2], last[t, 2] + 1):
                        cell = (i * shape[1] + j) * shape[2] + k
                        if pass_ == 0:
                            starts[cell + 1] += 1
                        else:
                            members[cursor[cell]] = t
                            cursor[cell] += 1
        if pass_ == 0:
            starts = np.cumsum(starts)
    return starts, members


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _cells(start, end, origin, count):  # type: ignore[no-untyped-def]
    """Return the first and the last cell that a segment touches along an axis."""
    first = int(np.floor((min(start, end) - origin) / _CELL_MM))
    last = int(np.floor((max(start, end) - origin) / _CELL_MM))
    return max(first, 0), min(last, count - 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def segment_hit(corners, origin, shape, starts, members, planes, p, q):  # type: ignore[no-untyped-def]
    """Return (share of p-q at which a triangle is first met, triangle), or (2.0, -1).

    Moeller and Trumbore, J Graphics Tools 1997.
    """
    best, which = 2.0, -1
    i_first, i_last = _cells(p[0], q[0], origin[0], shape[0])
    j_first, j_last = _cells(p[1], q[1], origin[1], shape[1])
    k_first, k_last = _cells(p[2], q[2], origin[2], shape[2])
    dx, dy, dz = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    for i in range(i_first, i_last + 1):
        for j in range(j_first, j_last + 1):
            for k in range(k_first, k_last + 1):
                cell = (i * shape[1] + j) * shape[2] + k
                for m in range(starts[cell], starts[cell + 1]):
                    # Most triangles have both ends of the segment on one side.
                    nx, ny, nz, height = planes[m, 0], planes[m, 1], planes[m, 2], planes[m, 3]
                    above = nx * p[0] + ny * p[1] + nz * p[2] - height
                    beyond = above + nx * dx + ny * dy + nz * dz
                    if min(above, beyond) > _SURE_MM or max(above, beyond) < -_SURE_MM:
                        continue
                    t = members[m]
                    ax, ay, az = corners[t, 0, 0], corners[t, 0, 1], corners[t, 0, 2]
                    ex, ey, ez = corners[t, 1, 0] - ax, corners[t, 1, 1] - ay, corners[t, 1, 2] - az
                    fx, fy, fz = corners[t, 2, 0] - ax, corners[t, 2, 1] - ay, corners[t, 2, 2] - az
                    hx, hy, hz = dy * fz - dz * fy, dz * fx - dx * fz, dx * fy - dy * fx
                    det = ex * hx + ey * hy + ez * hz
                    if abs(det) < 1e-14:
                        continue
                    sx, sy, sz = p[0] - ax, p[1] - ay, p[2] - az
                    u = (sx * hx + sy * hy + sz * hz) / det
                    if u < -1e-9 or u > 1.0 + 1e-9:
                        continue
                    gx, gy, gz = sy * ez - sz * ey, sz * ex - sx * ez, sx * ey - sy * ex
                    v = (dx * gx + dy * gy + dz * gz) / det
                    if v < -1e-9 or u + v > 1.0 + 1e-9:
                        continue
                    along = (fx * gx + fy * gy + fz * gz) / det
                    if 0.0 <= along <= 1.0 and along < best:
                        best, which = along, t
    return best, which


def first_hits(
    index: TriangleIndex, starts: FloatArray, ends: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return where segments first meet the mesh.

    Parameters
    ----------
    index
        The triangles.
    starts, ends : (S, 3) array
        Segments, world mm.

    Returns
    -------
    share : (S,) float array
        0 at the start, 1 at the end; 2 where nothing is met.
    face : (S,) int array
        The face met, or -1.

    References
    ----------
    Moeller T, Trumbore B. Fast, minimum storage ray-triangle intersection. J Graph Tools
    1997;2:21-28.

    Examples
    --------
    A floor at z = 0, met halfway down; a segment beside it meets nothing.

    >>> floor = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    >>> index = TriangleIndex.build(floor, np.array([[0, 1, 2]]))
    >>> starts, ends = np.array([[2.0, 2, 3], [9, 9, 3]]), np.array([[2.0, 2, -3], [9, 9, -3]])
    >>> share, face = first_hits(index, starts, ends)
    >>> share.tolist(), face.tolist()
    ([0.5, 2.0], [0, -1])
    """
    p, q = np.ascontiguousarray(starts, float), np.ascontiguousarray(ends, float)
    return _first_hits(*index.arrays, p, q)


@numba.njit(cache=True, nogil=True)
def _first_hits(corners, origin, shape, starts, members, planes, p, q):  # type: ignore[no-untyped-def]
    share = np.empty(len(p))
    face = np.empty(len(p), np.int64)
    for s in range(len(p)):
        share[s], face[s] = segment_hit(corners, origin, shape, starts, members, planes, p[s], q[s])
    return share, face


def inside(index: TriangleIndex, places: FloatArray) -> NDArray[np.bool_]:
    """Tell which places lie inside a closed mesh: an odd number of faces lies above them.

    Parameters
    ----------
    index
        Triangles of the closed mesh.
    places : (P, 3) array
        World mm.

    Returns
    -------
    (P,) bool array

    Examples
    --------
    >>> corners = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]])
    >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> index = TriangleIndex.build(corners, faces)
    >>> inside(index, np.array([[1.0, 1, 1], [9, 9, 9], [1, 1, -1]])).tolist()
    [True, False, False]
    """
    return _inside(*index.arrays, np.ascontiguousarray(places, float))


@numba.njit(cache=True, nogil=True)
def _inside(corners, origin, shape, starts, members, planes, places):  # type: ignore[no-untyped-def]
    out = np.zeros(len(places), np.bool_)
    for n in range(len(places)):
        x, y, z = places[n]
        i = int(np.floor((x - origin[0]) / _CELL_MM))
        j = int(np.floor((y - origin[1]) / _CELL_MM))
        if i < 0 or j < 0 or i >= shape[0] or j >= shape[1]:
            continue
        for k in range(max(int(np.floor((z - origin[2]) / _CELL_MM)), 0), shape[2]):
            cell = (i * shape[1] + j) * shape[2] + k
            for m in range(starts[cell], starts[cell + 1]):
                a, b, c = corners[members[m]]
                area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
                if area == 0.0:
                    continue
                v = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
                w = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
                if v < 0.0 or w < 0.0 or v + w > 1.0:
                    continue
                height = a[2] + v * (b[2] - a[2]) + w * (c[2] - a[2])
                # A face that spans several cells counts in the one that holds the crossing.
                if height > z and int(np.floor((height - origin[2]) / _CELL_MM)) == k:
                    out[n] = not out[n]
    return out
