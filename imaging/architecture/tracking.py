"""Streamlines through a direction field, cut where they meet a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from imaging.arrays import FloatArray, IntArray
from imaging.geometry.segments import TriangleIndex, segment_hit

MET_SURFACE, NO_FIELD, TURNED, TOO_LONG = 0, 1, 2, 3
STOPS = ("surface", "no direction", "turned too sharply", "too long")
_CHUNK = 2048
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

    Fourth-order Runge-Kutta; between voxels the field is the mean of the eight neighbours, each
    turned to the way the streamline goes, so that the sign of a direction does not matter.

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
    for first in range(0, len(seeds), _CHUNK):
        chunk = seeds[first : first + _CHUNK]
        buffer = np.empty((len(chunk), 2, most, 3), np.float32)
        count, stop, face = _track_all(
            chunk, vectors, side_mm, to_voxels, surface.arrays, up, step_mm, cosine, buffer
        )
        for f in range(len(chunk)):
            parts.append(buffer[f, 0, : count[f, 0]][::-1].copy())
            parts.append(buffer[f, 1, 1 : count[f, 1]].copy())
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


@numba.njit(cache=True, nogil=True)
def _direction(vectors, code, at, towards, out):  # type: ignore[no-untyped-def]
    """Write the unit direction at voxel position `at` that agrees with `towards`; tell if known."""
    shape = vectors.shape
    base = np.empty(3, np.int64)
    frac = np.empty(3)
    for axis in range(3):
        low = int(np.floor(at[axis]))
        low = min(max(low, 0), shape[1 + axis] - 2)
        base[axis] = low
        frac[axis] = min(max(at[axis] - low, -0.5), 1.5)
        if at[axis] < -0.5 or at[axis] > shape[1 + axis] - 0.5:
            return False
    x, y, z, total = 0.0, 0.0, 0.0, 0.0
    for corner in range(8):
        a, b, c = corner >> 2, corner >> 1 & 1, corner & 1
        w = (frac[0] if a else 1 - frac[0]) * (frac[1] if b else 1 - frac[1])
        w *= frac[2] if c else 1 - frac[2]
        v = vectors[code, base[0] + a, base[1] + b, base[2] + c]
        if v[0] == 0.0 and v[1] == 0.0 and v[2] == 0.0:
            continue
        total += w
        if v[0] * towards[0] + v[1] * towards[1] + v[2] * towards[2] < 0:
            w = -w
        x += w * v[0]
        y += w * v[1]
        z += w * v[2]
    norm = np.sqrt(x * x + y * y + z * z)
    if total < 0.3 or norm < 1e-6:
        return False
    out[0], out[1], out[2] = x / norm, y / norm, z / norm
    return True


@numba.njit(cache=True, nogil=True)
def _compartment(side_mm, at, code, slack):  # type: ignore[no-untyped-def]
    """Return the compartment of a voxel position; `code` is kept within `slack` mm of a sheet."""
    shape = side_mm.shape
    for s in range(shape[0]):
        height = 0.0
        for corner in range(8):
            w, place = 1.0, np.empty(3, np.int64)
            for axis in range(3):
                low = min(max(int(np.floor(at[axis])), 0), shape[1 + axis] - 2)
                upper = corner >> axis & 1
                place[axis] = low + upper
                w *= (at[axis] - low) if upper else (1.0 - at[axis] + low)
            height += w * side_mm[s, place[0], place[1], place[2]]
        if height > slack:
            code |= 1 << s
        elif height < -slack:
            code &= ~(1 << s)
    return code


@numba.njit(cache=True, nogil=True)
def _to_voxels(matrix, p, out):  # type: ignore[no-untyped-def]
    for a in range(3):
        out[a] = matrix[a, 0] * p[0] + matrix[a, 1] * p[1] + matrix[a, 2] * p[2] + matrix[a, 3]


@numba.njit(cache=True, nogil=True)
def _one_way(seed, heading, code, vectors, side_mm, matrix, tris, step, cosine, line):  # type: ignore[no-untyped-def]
    corners, origin, shape, starts, members = tris
    p, q, at = seed.copy(), np.empty(3), np.empty(3)
    k = np.empty((4, 3))
    before = heading.copy()
    line[0] = p
    for n in range(1, len(line)):
        known = True
        if len(side_mm):
            _to_voxels(matrix, p, at)
            code = _compartment(side_mm, at, code, _SLACK_MM)
        for stage in range(4):
            reach = 0.0 if stage == 0 else (step if stage == 3 else 0.5 * step)
            for a in range(3):
                q[a] = p[a] + (reach * k[stage - 1, a] if stage else 0.0)
            _to_voxels(matrix, q, at)
            known = _direction(vectors, code, at, before, k[stage])
            if not known:
                break
        if not known:
            return n, NO_FIELD, -1
        for a in range(3):
            q[a] = (k[0, a] + 2 * k[1, a] + 2 * k[2, a] + k[3, a]) / 6.0
        norm = np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2)
        turn = (q[0] * before[0] + q[1] * before[1] + q[2] * before[2]) / norm
        if turn < cosine:
            return n, TURNED, -1
        for a in range(3):
            before[a] = q[a] / norm
            q[a] = p[a] + step * before[a]
        share, face = segment_hit(corners, origin, shape, starts, members, p, q)
        if face >= 0:
            for a in range(3):
                line[n, a] = p[a] + share * (q[a] - p[a])
            return n + 1, MET_SURFACE, face
        line[n] = q
        p[:] = q
    return len(line), TOO_LONG, -1


@numba.njit(cache=True, nogil=True)
def _track_all(seeds, vectors, side_mm, matrix, walls, upwards, step, cosine, buffer):  # type: ignore[no-untyped-def]
    count = np.ones((len(seeds), 2), np.int64)
    stop = np.full((len(seeds), 2), NO_FIELD, np.int64)
    face = np.full((len(seeds), 2), -1, np.int64)
    at, heading = np.empty(3), np.empty(3)
    for f in range(len(seeds)):
        buffer[f, :, 0] = seeds[f]
        _to_voxels(matrix, seeds[f], at)
        code = _compartment(side_mm, at, 0, 0.0)
        if not _direction(vectors, code, at, upwards, heading):
            continue
        for way in range(2):
            count[f, way], stop[f, way], face[f, way] = _one_way(
                seeds[f],
                heading,
                code,
                vectors,
                side_mm,
                matrix,
                walls,
                step,
                cosine,
                buffer[f, way],
            )
            heading *= -1.0
    return count, stop, face
