"""Curves as polylines, angles and axes."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray


def arc_length(points: FloatArray) -> FloatArray:
    """Return the arc length (N,) from the first point of a polyline (N, 3) to each point."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def resample_polyline(points: FloatArray, spacing: float) -> FloatArray:
    """Resample a polyline (N, 3) to even steps of about `spacing`; both ends stay where they are.

    Returns
    -------
    (M, 3) array
        At least two points.
    """
    s = arc_length(points)
    count = max(int(np.ceil(s[-1] / spacing)), 1) + 1
    at = np.linspace(0.0, s[-1], count)
    return np.stack([np.interp(at, s, points[:, axis]) for axis in range(3)], axis=1)


def curvature(points: FloatArray) -> FloatArray:
    """Return the curvature (N - 2,) at the inner points of a polyline (N, 3), 1/mm.

    Menger curvature: the inverse radius of the circle through three neighbouring points; exact
    on a circle whatever the spacing.
    """
    a, b, c = points[:-2], points[1:-1], points[2:]
    twice_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    sides = (
        np.linalg.norm(b - a, axis=1)
        * np.linalg.norm(c - b, axis=1)
        * np.linalg.norm(c - a, axis=1)
    )
    return np.divide(2.0 * twice_area, sides, out=np.zeros(len(sides)), where=sides > 0)


def fold_angle_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the angle (...) between axes a and b (..., 3) of any sign, 0 to 90 degrees."""
    dot = np.abs(np.sum(a * b, axis=-1))
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.degrees(np.arctan2(cross, dot))


def principal_axis(points: FloatArray) -> FloatArray:
    """Return the unit axis (3,) along which points (N, 3) spread most; it points upwards (+S)."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axis = vectors[:, -1]
    leading = axis[2] if abs(axis[2]) > 1e-9 else axis[np.argmax(np.abs(axis))]
    return axis if leading >= 0 else -axis
