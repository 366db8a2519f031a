"""Shape of one leg: areas along the leg, bones, outline, and the power diagram that shares it."""

from __future__ import annotations

import math

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator, make_smoothing_spline
from scipy.special import softmax

from imaging.arrays import FloatArray
from imaging.phantom.anatomy import PLACE_HEIGHTS, Anatomy
from imaging.phantom.cells import (
    SHIN,
    Tables,
    outline_factor,
    outline_factors,
    tibia_factor,
    tibia_factors,
)

LOWEST, HIGHEST = -0.03, 1.04
LEVEL_MM = 8.0
TABLE_MM = 0.5
TEMPERATURE = 0.004


def bell(heights: FloatArray, low: float, peak: float, high: float) -> FloatArray:
    """Return a smooth bell over [low, high] that integrates to 1; heights (K,)."""
    t = np.clip((heights - low) / (high - low), 0.0, 1.0)
    at = (peak - low) / (high - low)
    a, b = 3.0 * at, 3.0 * (1.0 - at)
    a, b = a * max(1.0, 1.2 / min(a, b)), b * max(1.0, 1.2 / min(a, b))
    norm = math.gamma(a + 1) * math.gamma(b + 1) / math.gamma(a + b + 2)
    return t**a * (1 - t) ** b / (norm * (high - low))


def areas(anatomy: Anatomy, heights: FloatArray) -> FloatArray:
    """Return the wanted area (K, S) in mm2 of every site at relative heights (K,)."""
    ranges = anatomy.table[["low", "peak", "high"]].to_numpy(float)
    per_length = np.stack([bell(heights, *row) for row in ranges], axis=1)
    volume = 1000.0 * anatomy.table["volume_ml"].to_numpy(float)
    return volume * per_length / anatomy.length_mm


def bones(
    anatomy: Anatomy, heights: FloatArray, radius: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the outline's centre (K, 2), tibia (K, 3) and fibula (K, 3): x, y, radius in mm.

    The tibia runs straight; the outline is laid so that the tibia's medial face lies on the fascia.
    """
    shaft = anatomy.bone_mm
    r = PchipInterpolator(
        [-0.2, 0.0, 0.25, 0.6, 0.85, 1.0, 1.2],
        shaft * np.array([1.35, 1.3, 0.95, 1.0, 1.35, 2.1, 2.2]),
    )(heights)
    tibia = np.stack([np.zeros_like(r), np.zeros_like(r), r], axis=1)
    shin = np.array([math.cos(SHIN), math.sin(SHIN)])
    reach = radius * outline_factor(anatomy.outline, SHIN) - r * tibia_factor(SHIN) + 1.0
    centre = -reach[:, None] * shin
    f = PchipInterpolator(
        [-0.2, 0.0, 0.15, 0.7, 0.88, 0.96, 1.2],
        shaft * np.array([0.75, 0.75, 0.5, 0.5, 0.65, 0.8, 0.55]),
    )(heights)
    gap = PchipInterpolator(
        [-0.2, 0.0, 0.3, 0.6, 0.8, 0.95, 1.2], [3.0, 4.0, 16.0, 28.0, 26.0, 12.0, 8.0]
    )(heights)
    turn = np.deg2rad(PchipInterpolator([-0.2, 0, 0.5, 1.2], [-25.0, -25, -24, -22])(heights))
    apart = r + f + gap * shaft / 13.0
    fibula = np.stack([apart * np.cos(turn), apart * np.sin(turn), f], axis=1)
    return centre, tibia, fibula


def metrics(anatomy: Anatomy) -> FloatArray:
    """Return the metric (S, 3) of every site: xx, xy, yy; wide sites cost less along it."""
    turn = np.deg2rad(anatomy.table["turn_deg"].to_numpy(float))
    a = 1.0 / anatomy.table["width"].to_numpy(float) ** 2
    b = 1.0 / anatomy.table["depth"].to_numpy(float) ** 2
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([a * c**2 + b * s**2, (a - b) * c * s, a * s**2 + b * c**2], axis=1)


def places(anatomy: Anatomy, heights: FloatArray) -> FloatArray:
    """Return the sites (K, S, 2) in units of the radius of the outline."""
    t = anatomy.table
    x = t[["x_low", "x_mid", "x_high"]].to_numpy(float).T
    y = t[["y_low", "y_mid", "y_high"]].to_numpy(float).T
    inside = np.clip(heights, PLACE_HEIGHTS[0] - 0.2, PLACE_HEIGHTS[2] + 0.08)
    return CubicSpline(PLACE_HEIGHTS, np.stack([x, y], axis=-1), bc_type="natural")(inside)


def powers(points: FloatArray, site: FloatArray, metric: FloatArray) -> FloatArray:
    """Return the unweighted power (N, S) of points (N, 2) to sites (S, 2)."""
    d = points[:, None, :] - site[None]
    x, y = d[..., 0], d[..., 1]
    return metric[:, 0] * x * x + 2 * metric[:, 1] * x * y + metric[:, 2] * y * y


def balance(power: FloatArray, share: FloatArray, start: FloatArray) -> FloatArray:
    """Return weights (S,) for which soft cells have the wanted shares of all points.

    Newton's method on the concave dual of semi-discrete optimal transport, smoothed by entropy
    (Merigot 2011; Cuturi 2013).
    """
    weight = start.copy()
    n, s = power.shape
    for _ in range(60):
        p = softmax((weight - power) / TEMPERATURE, axis=1)
        mass = p.mean(axis=0)
        gap = share - mass
        if np.abs(gap).max() < 1e-5:
            break
        hessian = (np.diag(mass) - p.T @ p / n) / TEMPERATURE + 1e-9 * np.eye(s)
        step = np.linalg.lstsq(hessian, gap, rcond=1e-9)[0]
        weight += step * min(1.0, 0.04 / np.abs(step).max())
        weight -= weight @ share
    return weight


def sample(levels: FloatArray, values: FloatArray, fine: FloatArray) -> FloatArray:
    """Interpolate values (K, ...) at levels (K,) by cubic splines to fine heights."""
    return CubicSpline(levels, values, axis=0)(fine)


def smooth(
    levels: FloatArray, values: FloatArray, importance: FloatArray, fine: FloatArray
) -> FloatArray:
    """Fit a smoothing spline per column to values (K, M) weighted by importance (K, M)."""
    columns = []
    for m in range(values.shape[1]):
        weight = importance[:, m] / importance[:, m].max() + 1e-4
        columns.append(make_smoothing_spline(levels, values[:, m], weight, lam=2e3)(fine))
    return np.stack(columns, axis=1)


def build_tables(anatomy: Anatomy) -> Tables:
    """Solve the power diagram at every level and sample everything densely along the leg."""
    length = anatomy.length_mm
    z0, z1 = LOWEST * length, HIGHEST * length
    levels = np.linspace(z0, z1, int(round((z1 - z0) / LEVEL_MM)) + 1)
    heights = levels / length
    wanted = areas(anatomy, heights)
    site, metric = places(anatomy, heights), metrics(anatomy)
    radius = outline_radius(anatomy, heights, wanted)
    centre, tibia, fibula = bones(anatomy, heights, radius)
    n_muscles = int((anatomy.table["architecture"] != "connective").sum())
    grid = unit_grid(2400)
    weight = np.zeros(wanted.shape)
    middle = np.zeros((len(levels), n_muscles, 2))
    half = np.zeros((len(levels), n_muscles))
    tilt = tilts(anatomy, n_muscles)
    # From the middle of the calf outwards, each level starts from its solved neighbour.
    centre_level = len(levels) // 2
    for k in [*range(centre_level, len(levels)), *range(centre_level - 1, -1, -1)]:
        inside = free_points(grid, anatomy, centre[k], radius[k], tibia[k], fibula[k])
        power = powers(inside, site[k], metric)
        share = np.maximum(wanted[k], 1.5) / np.maximum(wanted[k], 1.5).sum()
        near = k - 1 if k > centre_level else k + 1
        start = weight[near] if k != centre_level else np.zeros(len(share))
        weight[k] = balance(power, share, start)
        soft = softmax((weight[k] - power) / TEMPERATURE, axis=1)[:, :n_muscles]
        soft /= soft.sum(axis=0)
        middle[k] = centre[k] + radius[k] * soft.T @ inside
        spread = (inside @ tilt.T - np.sum(soft * (inside @ tilt.T), axis=0)) ** 2
        half[k] = 1.7 * radius[k] * np.sqrt(np.sum(soft * spread, axis=0))
    weight -= vanishing(anatomy, heights)
    fine = np.arange(z0, z1 + TABLE_MM / 2, TABLE_MM)
    axis = [smooth(levels, middle[..., d], wanted[:, :n_muscles], fine) for d in (0, 1)]
    thickness = smooth(levels, half, wanted[:, :n_muscles], fine)
    line = np.stack(axis, axis=-1)
    kind = anatomy.table["architecture"].to_numpy()[:n_muscles]
    bipennate = np.isin(kind, ["bipennate", "bipennate-converging"]).astype(float)
    # On their way up fascicles leave the internal sheet, or come to it.
    way = np.where(kind == "bipennate-converging", -1.0, 1.0)
    fascicle = anatomy.table["fascicle_mm"].to_numpy(float)[:n_muscles]
    reach = thickness * np.where(bipennate > 0, 1.0, 2.0)
    fat = PchipInterpolator([-0.2, 0.1, 0.7, 1.2], [0.4, 0.6, 1.15, 1.3])(fine / length)
    return Tables(
        z0=float(fine[0]), dz=TABLE_MM,
        centre=sample(levels, centre, fine), radius=sample(levels, radius, fine),
        outline=anatomy.outline, tibia=sample(levels, tibia, fine),
        fibula=sample(levels, fibula, fine), fat=fat * anatomy.fat_mm, fat_wave=anatomy.fat_wave,
        site=sample(levels, site, fine), weight=sample(levels, weight, fine), metric=metric,
        middle=line, slope=np.gradient(line, TABLE_MM, axis=0),
        pennation=way * np.arcsin(np.clip(reach / fascicle, 0.08, 0.62)),
        half=np.maximum(thickness, 2.0), tilt=tilt,
        bend=anatomy.table["bend"].to_numpy(float)[:n_muscles], bipennate=bipennate,
    )  # fmt: skip


def tilts(anatomy: Anatomy, n_muscles: int) -> FloatArray:
    """Return the unit directions (M, 2) across the leg in which fascicles leave the line."""
    angle = np.deg2rad(anatomy.table["tilt_deg"].to_numpy(float)[:n_muscles])
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def outline_radius(anatomy: Anatomy, heights: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the mean radius (K,) of the outline whose area holds all sites and bones."""
    zeros = np.zeros_like(heights)
    _, tibia, fibula = bones(anatomy, heights, zeros + 40.0)
    bone = math.pi * (tibia[:, 2] ** 2 * 0.97 + fibula[:, 2] ** 2)
    angle = np.linspace(0, 2 * math.pi, 721)[:-1]
    factor = outline_factors(anatomy.outline, angle)
    return np.sqrt((wanted.sum(axis=1) + bone) / (math.pi * np.mean(factor**2)))


def unit_grid(n: int) -> FloatArray:
    """Return about `n` points (N, 2) of a square grid over the unit disc and a little more."""
    side = np.linspace(-1.15, 1.15, int(math.sqrt(n * 1.7)))
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def free_points(
    grid: FloatArray,
    anatomy: Anatomy,
    centre: FloatArray,
    radius: float,
    tibia: FloatArray,
    fibula: FloatArray,
) -> FloatArray:
    """Return the grid points (N, 2) inside the outline and outside the bones."""
    angle = np.arctan2(grid[:, 1], grid[:, 0])
    factor = outline_factors(anatomy.outline, angle)
    keep = np.hypot(grid[:, 0], grid[:, 1]) < factor
    world = centre + radius * grid
    for bone, rounded in ((tibia, True), (fibula, False)):
        d = world - bone[:2]
        angle = np.arctan2(d[:, 1], d[:, 0])
        edge = tibia_factors(angle) if rounded else 1.0
        keep &= np.hypot(d[:, 0], d[:, 1]) > bone[2] * edge
    return grid[keep]


def vanishing(anatomy: Anatomy, heights: FloatArray) -> FloatArray:
    """Return what is taken off the weights (K, S) so that cells end at their tips."""
    t = anatomy.table
    h = heights[:, None]
    beyond = np.maximum(t["low"].to_numpy() - h, 0) + np.maximum(h - t["high"].to_numpy(), 0)
    return 0.03 * np.minimum(beyond / 0.03, 1.0) + 2.0 * beyond
