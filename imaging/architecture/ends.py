"""Ends of fascicles: straight extension to the surface where the field stops short, and pennation.

Pennation at an end is the angle between the fascicle's tangent there and the plane tangent to the
surface, or to the internal aponeurosis, on which it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numba
import numpy as np

from imaging.architecture.tracking import MET_SURFACE, NO_FIELD, Streamlines
from imaging.arrays import FloatArray, IntArray
from imaging.geometry import AponeurosisSurface, TriangleIndex, first_hits, vertex_normals

LONGEST_EXTENSION_MM = 10.0
NORMAL_SMOOTHING_MM = 2.0


def build_walls(
    points: FloatArray,
    faces: IntArray,
    sheets: Sequence[AponeurosisSurface],
    smoothing_mm: float = NORMAL_SMOOTHING_MM,
) -> tuple[TriangleIndex, FloatArray]:
    """Return all that ends a fascicle as one set of triangles, with smooth normals.

    Parameters
    ----------
    points, faces
        Surface of the muscle; its faces come first.
    sheets
        Internal aponeuroses.
    smoothing_mm
        Over which normals are averaged.

    Returns
    -------
    walls
        Triangles.
    normals : (M, 3) array
        Unit normal of each, averaged along its own surface.
    """
    meshes = [(points, faces), *((s.points, s.faces) for s in sheets)]
    starts = np.cumsum([0, *(len(p) for p, _ in meshes)])
    joined = np.concatenate([f + a for (_, f), a in zip(meshes, starts, strict=False)])
    normals = []
    for p, f in meshes:
        corner = vertex_normals(p, f, smoothing_mm)[f].mean(axis=1)
        normals.append(corner / np.maximum(np.linalg.norm(corner, axis=1, keepdims=True), 1e-12))
    return TriangleIndex.build(np.concatenate([p for p, _ in meshes]), joined), np.concatenate(
        normals
    )


def extend_to_surface(lines: Streamlines, surface: TriangleIndex) -> Streamlines:
    """Prolong streamlines that ran out of directions straight on to the surface, if it is near.

    References
    ----------
    Bolsterlee et al., J Biomech 2018 (linear extrapolation of fitted tracts to the surface).
    """
    points, offsets, stop, face = lines.points, lines.offsets, lines.stop.copy(), lines.face.copy()
    tangents = end_tangents(points, offsets)
    inserts = []
    for side in (1, 0):  # one tract's last point comes before the first of the next
        short = np.flatnonzero((stop[:, side] == NO_FIELD) & (np.diff(offsets) >= 2))
        last = offsets[short] if side == 0 else offsets[short + 1] - 1
        start = points[last].astype(float)
        outwards = tangents[short, side] * (-1.0 if side == 0 else 1.0)
        share, hit = first_hits(surface, start, start + LONGEST_EXTENSION_MM * outwards)
        met = hit >= 0
        stop[short[met], side] = MET_SURFACE
        face[short[met], side] = hit[met]
        ends = start[met] + (share[met] * LONGEST_EXTENSION_MM)[:, None] * outwards[met]
        inserts.append((short[met], last[met] + side, ends))
    at = np.concatenate([i[1] for i in inserts])
    new = np.concatenate([i[2] for i in inserts])
    added = np.zeros(len(stop), np.int64)
    for lines_extended, _, _ in inserts:
        added[lines_extended] += 1
    points = np.insert(points, at, new.astype(np.float32), axis=0)
    offsets = offsets + np.concatenate([[0], np.cumsum(added)])
    return replace(lines, points=points, offsets=offsets, stop=stop, face=face)


@numba.njit(cache=True, nogil=True)
def end_tangents(points, offsets):  # type: ignore[no-untyped-def]
    """Return unit tangents (F, 2, 3) at both ends, along the order of the points.

    Slope of the parabola through the end and two points behind it; steps that the surface has
    cut too short to have a direction are passed over.
    """
    out = np.zeros((len(offsets) - 1, 2, 3))
    behind, reach = np.empty((2, 3)), np.empty(2)
    for f in range(len(out)):
        first, last = offsets[f], offsets[f + 1] - 1
        for side in range(2):
            step = 1 if side == 0 else -1
            end = first if side == 0 else last
            n, found, least = end, 0, 0.25
            while first <= n + step <= last and found < 2:
                n += step
                norm = 0.0
                for a in range(3):
                    behind[found, a] = float(points[n, a]) - float(points[end, a])
                    norm += behind[found, a] ** 2
                reach[found] = np.sqrt(norm)
                if reach[found] > least:
                    least = reach[found] + 0.25
                    found += 1
            if found == 0:
                continue
            norm = 0.0
            for a in range(3):
                slope = behind[0, a] / reach[0]
                if found == 2:
                    far = behind[1, a] / reach[1]
                    slope += (slope - far) * reach[0] / (reach[1] - reach[0])
                out[f, side, a] = step * slope
                norm += slope * slope
            out[f, side] /= np.sqrt(norm)
    return out


def pennation_deg(tangents: FloatArray, normals: FloatArray) -> FloatArray:
    """Return the angle (...) between tangents (..., 3) and the planes of unit normals, 0 to 90."""
    sine = np.abs(np.sum(tangents * normals, axis=-1))
    return np.degrees(np.arcsin(np.clip(sine, 0.0, 1.0)))
