"""Compiled point queries of the analytic leg: which structure, how deep, which way fibres run.

Everything here works in leg coordinates: millimetres, x lateral, y anterior, z up from the ankle.
At every height the space inside the crural fascia is shared by a power diagram with one elliptic
metric per muscle; all tables are sampled densely along z and interpolated linearly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imaging.arrays import FloatArray

AIR, CONNECTIVE, TIBIA, FIBULA, FAT, SKIN = 0, 20, 21, 22, 31, 32
SKIN_MM = 2.0
SHIN = math.radians(140.0)
FAR = 1e6


class Tables(NamedTuple):
    """Sampled shape of one leg; K heights, S sites (first M are the muscles)."""

    z0: float
    dz: float
    centre: FloatArray  # (K, 2) centre of the outline, mm
    radius: FloatArray  # (K,) mean radius of the outline, mm
    outline: FloatArray  # (H, 2) amplitudes of the outline
    tibia: FloatArray  # (K, 3) x, y, radius, mm
    fibula: FloatArray  # (K, 3)
    fat: FloatArray  # (K,) thickness, mm
    fat_wave: FloatArray  # (2,)
    site: FloatArray  # (K, S, 2) in units of the radius from the centre
    weight: FloatArray  # (K, S)
    metric: FloatArray  # (S, 3) xx, xy, yy
    middle: FloatArray  # (K, M, 2) centroid of the muscle, mm
    slope: FloatArray  # (K, M, 2) its derivative along z
    pennation: (
        FloatArray  # (K, M) radians; negative where fascicles come to the sheet on their way up
    )
    half: FloatArray  # (K, M) half thickness along the tilt, mm
    tilt: FloatArray  # (M, 2) unit direction across the leg
    bend: FloatArray  # (M,) share by which the pennation varies through the thickness
    bipennate: FloatArray  # (M,) 1 where a sheet through the centroids divides the muscle


@njit(cache=True)
def height(t: Tables, z: float) -> tuple[int, float]:
    """Return the row below a height and the fraction to the next."""
    s = (z - t.z0) / t.dz
    i = int(s)
    i = max(0, min(i, t.radius.shape[0] - 2))
    return i, min(max(s - i, 0.0), 1.0)


@njit(cache=True)
def outline_factor(outline: FloatArray, angle: float) -> float:
    """Return the radius of the crural fascia over its mean, at an angle around the leg."""
    r = 1.0
    for k in range(outline.shape[0]):
        r += outline[k, 0] * math.cos((k + 1) * angle) + outline[k, 1] * math.sin((k + 1) * angle)
    return r


@njit(cache=True)
def tibia_factor(angle: float) -> float:
    """Return the radius of the tibia over its mean: a rounded triangle with an anterior crest."""
    return 1.0 + 0.10 * math.cos(3.0 * (angle - 0.5 * math.pi))


@njit(cache=True)
def outline_factors(outline: FloatArray, angles: FloatArray) -> FloatArray:
    """Return :func:`outline_factor` of every angle (N,)."""
    return np.array([outline_factor(outline, a) for a in angles])


@njit(cache=True)
def tibia_factors(angles: FloatArray) -> FloatArray:
    """Return :func:`tibia_factor` of every angle (N,)."""
    return np.array([tibia_factor(a) for a in angles])


@njit(cache=True)
def cost(t: Tables, s: int, i: int, f: float, qx: float, qy: float) -> tuple[float, float, float]:
    """Return the power of a site at a point and its half gradient, in units of the radius."""
    dx = qx - (t.site[i, s, 0] * (1 - f) + t.site[i + 1, s, 0] * f)
    dy = qy - (t.site[i, s, 1] * (1 - f) + t.site[i + 1, s, 1] * f)
    gx = t.metric[s, 0] * dx + t.metric[s, 1] * dy
    gy = t.metric[s, 1] * dx + t.metric[s, 2] * dy
    w = t.weight[i, s] * (1 - f) + t.weight[i + 1, s] * f
    return dx * gx + dy * gy - w, gx, gy


@njit(cache=True)
def surroundings(t: Tables, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return signed distances in mm: inside the fascia, outside the tibia, outside the fibula."""
    i, f = height(t, z)
    dx = x - (t.centre[i, 0] * (1 - f) + t.centre[i + 1, 0] * f)
    dy = y - (t.centre[i, 1] * (1 - f) + t.centre[i + 1, 1] * f)
    r = t.radius[i] * (1 - f) + t.radius[i + 1] * f
    fascia = r * outline_factor(t.outline, math.atan2(dy, dx)) - math.hypot(dx, dy)
    dx = x - (t.tibia[i, 0] * (1 - f) + t.tibia[i + 1, 0] * f)
    dy = y - (t.tibia[i, 1] * (1 - f) + t.tibia[i + 1, 1] * f)
    r = t.tibia[i, 2] * (1 - f) + t.tibia[i + 1, 2] * f
    tibia = math.hypot(dx, dy) - r * tibia_factor(math.atan2(dy, dx))
    dx = x - (t.fibula[i, 0] * (1 - f) + t.fibula[i + 1, 0] * f)
    dy = y - (t.fibula[i, 1] * (1 - f) + t.fibula[i + 1, 1] * f)
    fibula = math.hypot(dx, dy) - (t.fibula[i, 2] * (1 - f) + t.fibula[i + 1, 2] * f)
    return fascia, tibia, fibula


@njit(cache=True)
def border(t: Tables, s: int, x: float, y: float, z: float) -> float:
    """Return how deep a point lies inside site `s`, in mm; 0 on its border, negative outside."""
    fascia, tibia, fibula = surroundings(t, x, y, z)
    depth = min(fascia, tibia, fibula)
    i, f = height(t, z)
    r = t.radius[i] * (1 - f) + t.radius[i + 1] * f
    qx = (x - (t.centre[i, 0] * (1 - f) + t.centre[i + 1, 0] * f)) / r
    qy = (y - (t.centre[i, 1] * (1 - f) + t.centre[i + 1, 1] * f)) / r
    own, gx, gy = cost(t, s, i, f, qx, qy)
    for n in range(t.weight.shape[1]):
        if n != s:
            other, hx, hy = cost(t, n, i, f, qx, qy)
            steep = 2.0 * math.hypot(hx - gx, hy - gy) + 1e-9
            depth = min(depth, r * (other - own) / steep)
    return depth


@njit(cache=True)
def nearest_site(t: Tables, x: float, y: float, z: float) -> int:
    """Return the site whose power is least; says nothing about bones or the outline."""
    i, f = height(t, z)
    r = t.radius[i] * (1 - f) + t.radius[i + 1] * f
    qx = (x - (t.centre[i, 0] * (1 - f) + t.centre[i + 1, 0] * f)) / r
    qy = (y - (t.centre[i, 1] * (1 - f) + t.centre[i + 1, 1] * f)) / r
    best, least = 0, FAR
    for s in range(t.weight.shape[1]):
        value = cost(t, s, i, f, qx, qy)[0]
        if value < least:
            best, least = s, value
    return best


@njit(cache=True)
def classify(t: Tables, x: float, y: float, z: float) -> tuple[int, int, float]:
    """Return the structure at a point, its site (-1: none) and the distance to the next.

    The structure is a catalogue index, ``CONNECTIVE`` or ``AIR``. The distance in mm is to the
    nearest border of a muscle or to its internal sheet; else, to the nearest other structure.
    """
    top = t.z0 + t.dz * (t.radius.shape[0] - 1)
    if z < t.z0 or z > top:
        return AIR, -1, max(t.z0 - z, z - top)
    fascia, tibia, fibula = surroundings(t, x, y, z)
    if tibia <= 0.0:
        return TIBIA, -1, -tibia
    if fibula <= 0.0:
        return FIBULA, -1, -fibula
    if fascia <= 0.0:
        i, f = height(t, z)
        dx = x - (t.centre[i, 0] * (1 - f) + t.centre[i + 1, 0] * f)
        dy = y - (t.centre[i, 1] * (1 - f) + t.centre[i + 1, 1] * f)
        norm = math.hypot(dx, dy)
        wave = 1.0 + (t.fat_wave[0] * dx + t.fat_wave[1] * dy) / norm
        thickness = (t.fat[i] * (1 - f) + t.fat[i + 1] * f) * wave + 1.5
        if -fascia <= thickness:
            return FAT, -1, min(-fascia, thickness + fascia, tibia)
        if -fascia <= thickness + SKIN_MM:
            return SKIN, -1, 0.0
        return AIR, -1, -fascia - thickness - SKIN_MM
    s = nearest_site(t, x, y, z)
    depth = border(t, s, x, y, z)
    muscles = t.tilt.shape[0]
    if s >= muscles:
        return CONNECTIVE, s, depth
    if t.bipennate[s] > 0:
        depth = min(depth, abs(across(t, s, x, y, z)))
    return s + 1, s, depth


@njit(cache=True)
def across(t: Tables, m: int, x: float, y: float, z: float) -> float:
    """Return the distance from the muscle's middle along its tilt, mm; 0 on the internal sheet."""
    i, f = height(t, z)
    dx = x - (t.middle[i, m, 0] * (1 - f) + t.middle[i + 1, m, 0] * f)
    dy = y - (t.middle[i, m, 1] * (1 - f) + t.middle[i + 1, m, 1] * f)
    return dx * t.tilt[m, 0] + dy * t.tilt[m, 1]


@njit(cache=True)
def direction(
    t: Tables, m: int, x: float, y: float, z: float, flank: float
) -> tuple[float, float, float]:
    """Return the unit fibre direction of muscle `m`, pointing up.

    `flank` is the side of the internal sheet (+1 or -1) whose field is meant, so that a step that
    touches the sheet does not mix both; muscles without a sheet take +1.
    """
    i, f = height(t, z)
    u = across(t, m, x, y, z)
    half = t.half[i, m] * (1 - f) + t.half[i + 1, m] * f
    angle = t.pennation[i, m] * (1 - f) + t.pennation[i + 1, m] * f
    if t.bipennate[m] > 0:
        through = min(max(2.0 * flank * u / half - 1.0, -1.5), 1.5)
    else:
        through = min(max(u / half, -1.5), 1.5)
    angle *= flank * (1.0 - t.bend[m] * through)
    ax = t.slope[i, m, 0] * (1 - f) + t.slope[i + 1, m, 0] * f
    ay = t.slope[i, m, 1] * (1 - f) + t.slope[i + 1, m, 1] * f
    norm = math.sqrt(ax * ax + ay * ay + 1.0)
    ax, ay, az = ax / norm, ay / norm, 1.0 / norm
    ux, uy = t.tilt[m, 0], t.tilt[m, 1]
    along = ux * ax + uy * ay
    ux, uy, uz = ux - along * ax, uy - along * ay, -along * az
    norm = math.sqrt(ux * ux + uy * uy + uz * uz)
    c, s = math.cos(angle), math.sin(angle) / norm
    return c * ax + s * ux, c * ay + s * uy, c * az + s * uz


@njit(cache=True)
def flank_of(t: Tables, m: int, x: float, y: float, z: float) -> float:
    """Return the side of the internal sheet a point lies on; +1 in muscles without one."""
    if t.bipennate[m] > 0 and across(t, m, x, y, z) < 0:
        return -1.0
    return 1.0


@njit(cache=True)
def classify_points(t: Tables, points: FloatArray) -> tuple[NDArray[np.int16], FloatArray]:
    """Classify points (N, 3) in leg coordinates; return structures (N,) and distances (N,)."""
    n = points.shape[0]
    out = np.empty(n, np.int16)
    depth = np.empty(n)
    for p in range(n):
        out[p], _, depth[p] = classify(t, points[p, 0], points[p, 1], points[p, 2])
    return out, depth


@njit(cache=True)
def direct_points(t: Tables, points: FloatArray, codes: NDArray[np.int16]) -> FloatArray:
    """Return fibre directions (N, 3) in leg coordinates; 0 where the code is not a muscle."""
    out = np.zeros(points.shape)
    for p in range(points.shape[0]):
        m = codes[p] - 1
        if 0 <= m < t.tilt.shape[0]:
            x, y, z = points[p, 0], points[p, 1], points[p, 2]
            out[p] = direction(t, m, x, y, z, flank_of(t, m, x, y, z))
    return out


@njit(cache=True)
def across_points(t: Tables, m: int, points: FloatArray) -> FloatArray:
    """Return :func:`across` of points (N, 3) in leg coordinates."""
    return np.array([across(t, m, p[0], p[1], p[2]) for p in points])
