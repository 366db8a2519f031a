"""Compiled rendering: the mean signal of every voxel, supersampled from the analytic leg."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.phantom.cells import (
    AIR,
    CONNECTIVE,
    FAT,
    FIBULA,
    SKIN,
    TIBIA,
    Tables,
    classify,
    direction,
    flank_of,
)

# Classes of tissue; one column each in every table of signals.
N_AIR, N_MUSCLE, N_FILLER, N_CORTEX, N_MARROW, N_FAT, N_SKIN, N_SHEET, N_TENDON = range(9)
TISSUES = 9
SHEET_MM = 0.45
CORTEX_MM = 2.5
TENDON_MM = 4.0


@njit(cache=True)
def tissue_at(t: Tables, x: float, y: float, z: float) -> tuple[int, int, float]:
    """Return the class of tissue at a point in leg coordinates, its site (-1: none) and room.

    Muscles are bordered and, where bipennate, divided by dark sheets of 1 mm; the fascia of the
    leg is dark too; tendons run in the middle of the fillers. The room is the distance in mm to
    the nearest other tissue, taken across the leg.
    """
    code, site, depth = classify(t, x, y, z)
    if code in (TIBIA, FIBULA):
        cortex = depth < CORTEX_MM
        return (N_CORTEX if cortex else N_MARROW), -1, min(depth, abs(depth - CORTEX_MM))
    if code in (FAT, AIR):
        if code == FAT and depth < SHEET_MM:
            return N_SHEET, -1, 0.0
        return (N_FAT if code == FAT else N_AIR), -1, depth - SHEET_MM
    if code == SKIN:
        return N_SKIN, -1, 0.0
    if code == CONNECTIVE:
        low = z < t.z0 + 0.35 * t.dz * t.radius.shape[0]
        tendon = low and depth > TENDON_MM
        return (N_TENDON if tendon else N_FILLER), site, min(depth, abs(depth - TENDON_MM))
    return (N_SHEET if depth < SHEET_MM else N_MUSCLE), site, depth - SHEET_MM


@njit(cache=True)
def reach(matrix: FloatArray) -> float:
    """Return how far a voxel's corners reach across the leg, with a safety, mm.

    Borders lean little along the leg, so that the voxel's length there counts half.
    """
    squares = 0.0
    for column in range(3):
        squares += matrix[0, column] ** 2 + matrix[1, column] ** 2 + 0.25 * matrix[2, column] ** 2
    return 0.6 * math.sqrt(squares)


@njit(cache=True)
def place(m: FloatArray, i: float, j: float, k: float) -> tuple[float, float, float]:
    """Apply a (4, 4) matrix to voxel indices."""
    return (
        m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3],
        m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3],
        m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3],
    )


@njit(cache=True)
def render(
    t: Tables,
    matrix: FloatArray,
    shape: tuple[int, int, int],
    split: tuple[int, int, int],
    values: FloatArray,
    gains: FloatArray,
) -> NDArray[np.float32]:
    """Return the mean signal (I, J, K, C) of every voxel.

    Parameters
    ----------
    t
        Shape of the leg.
    matrix
        (4, 4) voxel indices to leg coordinates.
    shape
        Number of voxels (I, J, K).
    split
        Samples per voxel along each axis.
    values
        (C, TISSUES) signal of every class of tissue in C images.
    gains
        (S,) factor of the signal of every muscle.
    """
    channels = values.shape[0]
    out = np.zeros((shape[0], shape[1], shape[2], channels), np.float32)
    share = 1.0 / (split[0] * split[1] * split[2])
    far = reach(matrix)
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                x, y, z = place(matrix, i, j, k)
                tissue, site, room = tissue_at(t, x, y, z)
                if room > far:
                    gain = gains[site] if tissue == N_MUSCLE else 1.0
                    for v in range(channels):
                        out[i, j, k, v] = gain * values[v, tissue]
                    continue
                for n in range(split[0] * split[1] * split[2]):
                    a, rest = n // (split[1] * split[2]), n % (split[1] * split[2])
                    b, c = rest // split[2], rest % split[2]
                    x, y, z = place(
                        matrix,
                        i + (a + 0.5) / split[0] - 0.5,
                        j + (b + 0.5) / split[1] - 0.5,
                        k + (c + 0.5) / split[2] - 0.5,
                    )
                    tissue, site, _ = tissue_at(t, x, y, z)
                    if tissue == N_AIR:
                        continue
                    gain = share * (gains[site] if tissue == N_MUSCLE else 1.0)
                    for v in range(channels):
                        out[i, j, k, v] += gain * values[v, tissue]
    return out


@njit(cache=True)
def add_muscle(
    t: Tables,
    m: int,
    x: float,
    y: float,
    z: float,
    s0: float,
    eigenvalues: FloatArray,
    bvals: FloatArray,
    bvecs: FloatArray,
    out: NDArray[np.float32],
) -> None:
    """Add the signal of muscle `m` at a point to all volumes (V,)."""
    l1, l2, l3 = eigenvalues
    fx, fy, fz = direction(t, m, x, y, z, flank_of(t, m, x, y, z))
    # The second eigenvector lies across the fibre and in the plane of the sheets.
    sx, sy = -fz * t.tilt[m, 1], fz * t.tilt[m, 0]
    sz = fx * t.tilt[m, 1] - fy * t.tilt[m, 0]
    norm = math.sqrt(sx * sx + sy * sy + sz * sz)
    for v in range(bvals.shape[0]):
        gx, gy, gz = bvecs[v, 0], bvecs[v, 1], bvecs[v, 2]
        unit = gx * gx + gy * gy + gz * gz
        one = gx * fx + gy * fy + gz * fz
        two = (gx * sx + gy * sy + gz * sz) / norm
        d = l3 * unit + (l1 - l3) * one * one + (l2 - l3) * two * two
        out[v] += s0 * math.exp(-bvals[v] * d)


@njit(cache=True)
def render_diffusion(
    t: Tables,
    matrix: FloatArray,
    shape: tuple[int, int, int],
    split: tuple[int, int, int],
    signal: FloatArray,
    diffusivity: FloatArray,
    eigenvalues: FloatArray,
    bvals: FloatArray,
    bvecs: FloatArray,
    shift: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the mean diffusion-weighted signal (I, J, K, V) of every voxel.

    Parameters
    ----------
    t, matrix, shape, split
        As in :func:`render`.
    signal
        (TISSUES,) signal without diffusion weighting.
    diffusivity
        (TISSUES,) isotropic diffusivity in mm2/s; muscle takes `eigenvalues` (3,) instead.
    bvals
        (V,) in s/mm2.
    bvecs
        (V, 3) unit gradient directions in leg coordinates.
    shift
        (I, J, K) displacement along the second voxel axis in voxels: a voxel shows what lies so
        far along; its intensity scales with the local compression.
    """
    volumes = bvals.shape[0]
    out = np.zeros((shape[0], shape[1], shape[2], volumes), np.float32)
    far = reach(matrix)
    for i in range(shape[0]):
        for j in range(shape[1]):
            lower, upper = max(j - 1, 0), min(j + 1, shape[1] - 1)
            for k in range(shape[2]):
                slope = (shift[i, upper, k] - shift[i, lower, k]) / max(upper - lower, 1)
                jacobian = max(1.0 + slope, 0.0)
                x, y, z = place(matrix, i, j + shift[i, j, k], k)
                tissue, m, room = tissue_at(t, x, y, z)
                one = (1, 1, 1) if room > far else split
                samples = one[0] * one[1] * one[2]
                for n in range(samples):
                    a, rest = n // (one[1] * one[2]), n % (one[1] * one[2])
                    b, c = rest // one[2], rest % one[2]
                    off = (b + 0.5) / one[1] - 0.5
                    x, y, z = place(
                        matrix,
                        i + (a + 0.5) / one[0] - 0.5,
                        j + shift[i, j, k] + (1.0 + slope) * off,
                        k + (c + 0.5) / one[2] - 0.5,
                    )
                    if samples > 1:
                        tissue, m, _ = tissue_at(t, x, y, z)
                    if tissue == N_AIR:
                        continue
                    s0 = signal[tissue] * jacobian / samples
                    if tissue != N_MUSCLE:
                        for v in range(volumes):
                            out[i, j, k, v] += s0 * math.exp(-bvals[v] * diffusivity[tissue])
                        continue
                    add_muscle(t, m, x, y, z, s0, eigenvalues, bvals, bvecs, out[i, j, k])
    return out
