"""Compiled integration of fibre directions from a point to both ends of its fascicle."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from imaging.arrays import FloatArray
from imaging.phantom.cells import Tables, across, border, direction, flank_of

# Columns of the table of traced fascicles.
LENGTH, START, END, CURVATURE, CHORD = 0, 1, 2, 3, slice(4, 7)
COLUMNS = 7


@njit(cache=True)
def room(t: Tables, m: int, x: float, y: float, z: float, flank: float) -> float:
    """Return how far inside its part of muscle `m` a point lies, mm; negative outside."""
    depth = border(t, m, x, y, z)
    if t.bipennate[m] > 0:
        depth = min(depth, flank * across(t, m, x, y, z))
    return depth


@njit(cache=True)
def rk4(
    t: Tables, m: int, x: float, y: float, z: float, flank: float, step: float
) -> tuple[float, float, float]:
    """Return the point after one Runge-Kutta step of a signed length in mm."""
    h = 0.5 * step
    ax, ay, az = direction(t, m, x, y, z, flank)
    bx, by, bz = direction(t, m, x + h * ax, y + h * ay, z + h * az, flank)
    cx, cy, cz = direction(t, m, x + h * bx, y + h * by, z + h * bz, flank)
    dx, dy, dz = direction(t, m, x + step * cx, y + step * cy, z + step * cz, flank)
    s = step / 6.0
    return (
        x + s * (ax + 2 * bx + 2 * cx + dx),
        y + s * (ay + 2 * by + 2 * cy + dy),
        z + s * (az + 2 * bz + 2 * cz + dz),
    )


@njit(cache=True)
def angle_to_surface(t: Tables, m: int, x: float, y: float, z: float, flank: float) -> float:
    """Return the angle (degrees) between the fibre and the plane of the surface at a point.

    The normal is the gradient of :func:`room`, whose zero set the surface is.
    """
    e = 0.02
    nx = room(t, m, x + e, y, z, flank) - room(t, m, x - e, y, z, flank)
    ny = room(t, m, x, y + e, z, flank) - room(t, m, x, y - e, z, flank)
    nz = room(t, m, x, y, z + e, flank) - room(t, m, x, y, z - e, flank)
    dx, dy, dz = direction(t, m, x, y, z, flank)
    norm = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-300
    return math.degrees(math.asin(min(1.0, abs(nx * dx + ny * dy + nz * dz) / norm)))


@njit(cache=True)
def half_fascicle(
    t: Tables, m: int, x: float, y: float, z: float, flank: float, step: float
) -> tuple[float, float, float, float, float]:
    """Follow the fibre one way to the surface.

    Returns
    -------
    tuple
        End x, y, z; length in mm; and turning in radians on the way.
    """
    length, turned, size = 0.0, 0.0, abs(step)
    dx, dy, dz = direction(t, m, x, y, z, flank)
    while length < 400.0:
        nx, ny, nz = rk4(t, m, x, y, z, flank, step)
        if room(t, m, nx, ny, nz, flank) <= 0.0:
            low, high = 0.0, 1.0
            for _ in range(30):
                half = 0.5 * (low + high)
                nx, ny, nz = rk4(t, m, x, y, z, flank, half * step)
                if room(t, m, nx, ny, nz, flank) > 0.0:
                    low = half
                else:
                    high = half
            nx, ny, nz = rk4(t, m, x, y, z, flank, low * step)
            length += low * size
            ex, ey, ez = direction(t, m, nx, ny, nz, flank)
            turned += math.acos(min(1.0, ex * dx + ey * dy + ez * dz))
            return nx, ny, nz, length, turned
        ex, ey, ez = direction(t, m, nx, ny, nz, flank)
        turned += math.acos(min(1.0, ex * dx + ey * dy + ez * dz))
        dx, dy, dz = ex, ey, ez
        x, y, z = nx, ny, nz
        length += size
    return x, y, z, length, turned


@njit(cache=True)
def trace(t: Tables, m: int, points: FloatArray, step: float) -> FloatArray:
    """Trace the fascicle through each point (N, 3), in leg coordinates, of muscle `m`.

    Returns
    -------
    (N, 7) array
        Length (mm), pennation at the lower and at the upper end (degrees), mean curvature (1/m),
        and the vector from lower to upper end (mm).
    """
    out = np.zeros((points.shape[0], COLUMNS))
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        flank = flank_of(t, m, x, y, z)
        lx, ly, lz, below, bent_below = half_fascicle(t, m, x, y, z, flank, -step)
        ux, uy, uz, above, bent_above = half_fascicle(t, m, x, y, z, flank, step)
        length = below + above
        out[p, LENGTH] = length
        out[p, START] = angle_to_surface(t, m, lx, ly, lz, flank)
        out[p, END] = angle_to_surface(t, m, ux, uy, uz, flank)
        out[p, CURVATURE] = 1000.0 * (bent_below + bent_above) / max(length, 1e-9)
        out[p, 4], out[p, 5], out[p, 6] = ux - lx, uy - ly, uz - lz
    return out
