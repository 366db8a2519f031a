"""Streamlines through a direction field, cut where they meet a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from imaging.arrays import FloatArray, IntArray
from imaging.geometry.segments import TriangleIndex, segment_hit

MET_SURFACE, NO_FIELD, TURNED, TOO_LONG = 0, 1, 2, 3
STOPS = ("surface", "no direction", "turned too sharply", "too long")
_CHUNK = 256  # seeds whose points fit into the processor's cache
_SLACK_MM = 1.0  # a streamline changes sides only so far beyond a sheet, never while it meets it


@dataclass(frozen=True)
class Streamlines:
    """Streamlines of seeds, each from its distal to its proximal end.

    Attributes
    ----------
    points : (P, 3) float32 array
        All points one streamline after the other, world mm.
    offsets : (F + 1,) int64 array
        Where each streamline begins in `points`.
    stop : (F, 2) int array
        Why it ended at its first and its last point (index into ``STOPS``).
    face : (F, 2) int array
        Face met at the first and the last point, or -1.
    seed : (F, 3) float array
        Where it was started.
    """

    points: FloatArray
    offsets: IntArray
    stop: IntArray
    face: IntArray
    seed: FloatArray

    def __len__(self) -> int:
        return len(self.stop)

    def line(self, number: int) -> FloatArray:
        """Return the points (N, 3) of one streamline."""
        return self.points[self.offsets[number] : self.offsets[number + 1]]


def track(
    seeds: FloatArray,
    vectors: FloatArray,
    side_mm: FloatArray,
    affine: FloatArray,
    surface: TriangleIndex,
    *,
    first_end: FloatArray,
    step_mm: float,
    max_angle_deg_per_mm: float,
    max_length_mm: float,
) -> Streamlines:
    """Follow the field both ways from each seed to the first triangle met.

    By the midpoint rule, its error far below that of the field; between voxels the field is the
    mean of the eight neighbours, each turned to the way the streamline goes, so that the sign of
    a direction does not matter.

    Parameters
    ----------
    seeds : (F, 3) array
        World mm, inside the surface.
    vectors : (C, I, J, K, 3) array
        Unit directions per compartment, world frame; 0 where unknown.
    side_mm : (S, I, J, K) array
        Height above each sheet, 2^S = C.
    affine : (4, 4) array
        Voxels of `vectors` to world mm.
    surface
        Triangles that end a streamline.
    first_end : (3,) array
        A streamline's first end is the one that lies this way.
    step_mm, max_angle_deg_per_mm, max_length_mm
        Step, sharpest turn followed, and length at which one way is given up.
    """
    seeds = np.ascontiguousarray(seeds, dtype=float)
    to_voxels = np.linalg.inv(affine)
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    side_mm = np.ascontiguousarray(side_mm, dtype=np.float32)
    up = np.ascontiguousarray(first_end, dtype=float)
    most = int(np.ceil(max_length_mm / step_mm)) + 2
    cosine = float(np.cos(np.radians(max_angle_deg_per_mm * step_mm)))
    parts, counts, stops, faces = [], [], [], []
    buffer = np.empty((min(_CHUNK, len(seeds)), 2, most, 3), np.float32)
    for first in range(0, len(seeds), _CHUNK):
        chunk = seeds[first : first + _CHUNK]
        count, stop, face = _track_all(
            chunk, vectors, side_mm, to_voxels, surface.arrays, up, step_mm, cosine, buffer
        )
        parts.append(_joined(buffer, count))
        counts.append(count.sum(axis=1) - 1)
        stops.append(stop)
        faces.append(face)
    if not parts:
        empty = np.zeros((0, 2), np.int64)
        return Streamlines(np.zeros((0, 3), np.float32), np.zeros(1, np.int64), empty, empty, seeds)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    return Streamlines(
        np.concatenate(parts), offsets, np.concatenate(stops), np.concatenate(faces), seeds
    )


# Scalars instead of small arrays and views in what follows: those cost more than the arithmetic.


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _corner(at, count):  # type: ignore[no-untyped-def]
    """Return the lower of the two voxels between which a position on an axis lies."""
    return min(max(int(np.floor(at)), 0), count - 2)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _direction(vectors, code, at, towards):  # type: ignore[no-untyped-def]
    """Return whether the direction at voxel position `at` is known, and it, turned `towards`."""
    _, i_count, j_count, k_count, _ = vectors.shape
    x, y, z = at
    beyond = x < -0.5 or y < -0.5 or z < -0.5
    if beyond or x > i_count - 0.5 or y > j_count - 0.5 or z > k_count - 0.5:
        return False, towards
    i, j, k = _corner(x, i_count), _corner(y, j_count), _corner(z, k_count)
    x, y, z = x - i, y - j, z - k  # beyond the last voxel: the line through the last two
    u, v, w, total = 0.0, 0.0, 0.0, 0.0
    for a in range(2):
        of_a = x if a else 1.0 - x
        for b in range(2):
            of_b = of_a * (y if b else 1.0 - y)
            for c in range(2):
                share = of_b * (z if c else 1.0 - z)
                p = float(vectors[code, i + a, j + b, k + c, 0])
                q = float(vectors[code, i + a, j + b, k + c, 1])
                r = float(vectors[code, i + a, j + b, k + c, 2])
                if p == 0.0 and q == 0.0 and r == 0.0:
                    continue
                total += share
                if p * towards[0] + q * towards[1] + r * towards[2] < 0:
                    share = -share
                u += share * p
                v += share * q
                w += share * r
    norm = np.sqrt(u * u + v * v + w * w)
    if total < 0.3 or norm < 1e-6:
        return False, towards
    return True, (u / norm, v / norm, w / norm)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _compartment(side_mm, at, code, slack):  # type: ignore[no-untyped-def]
    """Return the compartment of a voxel position; `code` is kept within `slack` mm of a sheet."""
    sheets, i_count, j_count, k_count = side_mm.shape
    i, j, k = _corner(at[0], i_count), _corner(at[1], j_count), _corner(at[2], k_count)
    x, y, z = at[0] - i, at[1] - j, at[2] - k
    for s in range(sheets):
        height = 0.0
        for a in range(2):
            of_a = x if a else 1.0 - x
            for b in range(2):
                of_b = of_a * (y if b else 1.0 - y)
                height += of_b * (1.0 - z) * side_mm[s, i + a, j + b, k]
                height += of_b * z * side_mm[s, i + a, j + b, k + 1]
        if height > slack:
            code |= 1 << s
        elif height < -slack:
            code &= ~(1 << s)
    return code


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _to_voxels(m, p):  # type: ignore[no-untyped-def]
    """Return the voxel position of a point in world mm."""
    return (
        m[0, 0] * p[0] + m[0, 1] * p[1] + m[0, 2] * p[2] + m[0, 3],
        m[1, 0] * p[0] + m[1, 1] * p[1] + m[1, 2] * p[2] + m[1, 3],
        m[2, 0] * p[0] + m[2, 1] * p[1] + m[2, 2] * p[2] + m[2, 3],
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _ahead(p, reach, k):  # type: ignore[no-untyped-def]
    return p[0] + reach * k[0], p[1] + reach * k[1], p[2] + reach * k[2]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _one_way(seed, heading, code, vectors, side_mm, matrix, tris, step, cosine, line):  # type: ignore[no-untyped-def]
    """Write the points from a seed along a heading; return their number, why it ended, on what."""
    corners, origin, shape, starts, members, planes = tris
    p, before = seed, heading
    line[0, 0], line[0, 1], line[0, 2] = p
    for n in range(1, len(line)):
        at = _to_voxels(matrix, p)
        if len(side_mm):
            code = _compartment(side_mm, at, code, _SLACK_MM)
        known, k1 = _direction(vectors, code, at, before)
        if not known:
            return n, NO_FIELD, -1
        at = _to_voxels(matrix, _ahead(p, 0.5 * step, k1))
        known, after = _direction(vectors, code, at, before)
        if not known:
            return n, NO_FIELD, -1
        if after[0] * before[0] + after[1] * before[1] + after[2] * before[2] < cosine:
            return n, TURNED, -1
        before = after
        q = _ahead(p, step, before)
        share, face = segment_hit(corners, origin, shape, starts, members, planes, p, q)
        if face >= 0:
            line[n, 0] = p[0] + share * (q[0] - p[0])
            line[n, 1] = p[1] + share * (q[1] - p[1])
            line[n, 2] = p[2] + share * (q[2] - p[2])
            return n + 1, MET_SURFACE, face
        line[n, 0], line[n, 1], line[n, 2] = q
        p = q
    return len(line), TOO_LONG, -1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _track_all(seeds, vectors, side_mm, matrix, walls, upwards, step, cosine, buffer):  # type: ignore[no-untyped-def]
    count = np.ones((len(seeds), 2), np.int64)
    stop = np.full((len(seeds), 2), NO_FIELD, np.int64)
    face = np.full((len(seeds), 2), -1, np.int64)
    up = (upwards[0], upwards[1], upwards[2])
    for f in range(len(seeds)):
        buffer[f, :, 0] = seeds[f]
        seed = (seeds[f, 0], seeds[f, 1], seeds[f, 2])
        at = _to_voxels(matrix, seed)
        code = _compartment(side_mm, at, 0, 0.0) if len(side_mm) else 0
        known, heading = _direction(vectors, code, at, up)
        if not known:
            continue
        for way in range(2):
            count[f, way], stop[f, way], face[f, way] = _one_way(
                seed, heading, code, vectors, side_mm, matrix, walls, step, cosine, buffer[f, way]
            )
            heading = (-heading[0], -heading[1], -heading[2])
    return count, stop, face


@numba.njit(cache=True, nogil=True)
def _joined(buffer, count):  # type: ignore[no-untyped-def]
    """Return the points (P, 3) of both ways of each seed, the first one backwards, packed."""
    points = np.empty((count.sum() - len(count), 3), np.float32)
    m = 0
    for f in range(len(count)):
        for n in range(count[f, 0] - 1, -1, -1):
            for a in range(3):
                points[m, a] = buffer[f, 0, n, a]
            m += 1
        for n in range(1, count[f, 1]):
            for a in range(3):
                points[m, a] = buffer[f, 1, n, a]
            m += 1
    return points
