"""Curves as polylines (N, 3) in world RAS+ mm, angles in degrees, and axes."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray


def arc_length(points: FloatArray) -> FloatArray:
    """Return the arc length from the first point of a polyline to each point.

    Parameters
    ----------
    points : (N, 3) array
        World mm.

    Returns
    -------
    (N,) array
        mm; the first is 0.

    Examples
    --------
    >>> arc_length(np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 12]])).tolist()
    [0.0, 5.0, 17.0]
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def resample_polyline(points: FloatArray, spacing: float) -> FloatArray:
    """Resample a polyline to even steps of about `spacing`; both ends stay where they are.

    Parameters
    ----------
    points : (N, 3) array
        World mm.
    spacing
        Largest step, mm.

    Returns
    -------
    (M, 3) array
        At least two points.

    Examples
    --------
    >>> resample_polyline(np.array([[0.0, 0, 0], [0, 0, 9]]), 3.0)[:, 2].tolist()
    [0.0, 3.0, 6.0, 9.0]
    """
    s = arc_length(points)
    count = max(int(np.ceil(s[-1] / spacing)), 1) + 1
    at = np.linspace(0.0, s[-1], count)
    return np.stack([np.interp(at, s, points[:, axis]) for axis in range(3)], axis=1)


def curvature(points: FloatArray) -> FloatArray:
    """Return the curvature at the inner points of a polyline.

    Menger curvature: the inverse radius of the circle through three neighbouring points; exact
    on a circle whatever the spacing.

    Parameters
    ----------
    points : (N, 3) array
        World mm.

    Returns
    -------
    (N - 2,) array
        1/mm.

    References
    ----------
    Menger K. Untersuchungen über allgemeine Metrik. Math Ann 1930;103:466-501.

    Examples
    --------
    >>> angle = np.array([0.0, 0.1, 0.7, 1.0])
    >>> circle = 50.0 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    >>> curvature(circle).round(6).tolist()
    [0.02, 0.02]
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
    """Return the angle between axes, which have no sign.

    Parameters
    ----------
    a, b : (..., 3) array
        Of any length but 0.

    Returns
    -------
    (...) array
        0 to 90 degrees.

    Examples
    --------
    >>> fold_angle_deg(np.array([0.0, 0, 1]), np.array([[0.0, 0, -2], [1, 0, -1]])).tolist()
    [0.0, 45.0]
    """
    dot = np.abs(np.sum(a * b, axis=-1))
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.degrees(np.arctan2(cross, dot))


def principal_axis(points: FloatArray) -> FloatArray:
    """Return the axis along which points spread most; it points to the head (+z).

    Parameters
    ----------
    points : (N, 3) array
        World mm.

    Returns
    -------
    (3,) array
        Unit vector.

    Examples
    --------
    >>> abs(principal_axis(np.array([[0.0, 0, 9], [1, 0, 0], [-1, 0, 0], [0, 0, -9]]))).tolist()
    [0.0, 0.0, 1.0]
    """
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axis = vectors[:, -1]
    leading = axis[2] if abs(axis[2]) > 1e-9 else axis[np.argmax(np.abs(axis))]
    return axis if leading >= 0 else -axis
