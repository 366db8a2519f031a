"""Compiled rendering: the mean signal of every voxel, supersampled from the analytic leg."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imaging.phantom.cells import (
    CONNECTIVE,
    FAT,
    FIBULA,
    SKIN,
    TIBIA,
    Float,
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
def tissue_at(t: Tables, x: float, y: float, z: float) -> tuple[int, int]:
    """Return the class of tissue at a point in leg coordinates and its site (-1: none).

    Muscles are bordered and, where bipennate, divided by dark sheets of 1 mm; the fascia of the
    leg is dark too; tendons run in the middle of the fillers.
    """
    code, site, depth = classify(t, x, y, z)
    if code == TIBIA or code == FIBULA:
        return (N_CORTEX if depth < CORTEX_MM else N_MARROW), -1
    if code == FAT:
        return (N_SHEET if depth < SHEET_MM else N_FAT), -1
    if code == SKIN:
        return N_SKIN, -1
    if code == CONNECTIVE:
        low = z < t.z0 + 0.35 * t.dz * t.radius.shape[0]
        return (N_TENDON if low and depth > TENDON_MM else N_FILLER), site
    if code > 0:
        return (N_SHEET if depth < SHEET_MM else N_MUSCLE), site
    return N_AIR, -1


@njit(cache=True)
def render(
    t: Tables,
    matrix: Float,
    shape: tuple[int, int, int],
    split: tuple[int, int, int],
    values: Float,
    gains: Float,
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
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                for n in range(split[0] * split[1] * split[2]):
                    a, rest = n // (split[1] * split[2]), n % (split[1] * split[2])
                    b, c = rest // split[2], rest % split[2]
                    vi = i + (a + 0.5) / split[0] - 0.5
                    vj = j + (b + 0.5) / split[1] - 0.5
                    vk = k + (c + 0.5) / split[2] - 0.5
                    x = matrix[0, 0] * vi + matrix[0, 1] * vj + matrix[0, 2] * vk + matrix[0, 3]
                    y = matrix[1, 0] * vi + matrix[1, 1] * vj + matrix[1, 2] * vk + matrix[1, 3]
                    z = matrix[2, 0] * vi + matrix[2, 1] * vj + matrix[2, 2] * vk + matrix[2, 3]
                    tissue, site = tissue_at(t, x, y, z)
                    if tissue == N_AIR:
                        continue
                    gain = share * (gains[site] if tissue == N_MUSCLE else 1.0)
                    for v in range(channels):
                        out[i, j, k, v] += gain * values[v, tissue]
    return out


@njit(cache=True)
def render_diffusion(
    t: Tables,
    matrix: Float,
    shape: tuple[int, int, int],
    split: tuple[int, int, int],
    signal: Float,
    diffusivity: Float,
    eigenvalues: Float,
    bvals: Float,
    bvecs: Float,
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
    share = 1.0 / (split[0] * split[1] * split[2])
    l1, l2, l3 = eigenvalues
    for i in range(shape[0]):
        for j in range(shape[1]):
            lower, upper = max(j - 1, 0), min(j + 1, shape[1] - 1)
            for k in range(shape[2]):
                slope = (shift[i, upper, k] - shift[i, lower, k]) / max(upper - lower, 1)
                for n in range(split[0] * split[1] * split[2]):
                    a, rest = n // (split[1] * split[2]), n % (split[1] * split[2])
                    b, c = rest // split[2], rest % split[2]
                    vi = i + (a + 0.5) / split[0] - 0.5
                    off = (b + 0.5) / split[1] - 0.5
                    vj = j + off + shift[i, j, k] + slope * off
                    vk = k + (c + 0.5) / split[2] - 0.5
                    x = matrix[0, 0] * vi + matrix[0, 1] * vj + matrix[0, 2] * vk + matrix[0, 3]
                    y = matrix[1, 0] * vi + matrix[1, 1] * vj + matrix[1, 2] * vk + matrix[1, 3]
                    z = matrix[2, 0] * vi + matrix[2, 1] * vj + matrix[2, 2] * vk + matrix[2, 3]
                    tissue, m = tissue_at(t, x, y, z)
                    if tissue == N_AIR:
                        continue
                    s0 = signal[tissue] * share * max(1.0 + slope, 0.0)
                    if tissue != N_MUSCLE:
                        for v in range(volumes):
                            out[i, j, k, v] += s0 * math.exp(-bvals[v] * diffusivity[tissue])
                        continue
                    fx, fy, fz = direction(t, m, x, y, z, flank_of(t, m, x, y, z))
                    # Second eigenvector: across the fibre, along the sheets.
                    sx, sy, sz = -fz * t.tilt[m, 1], fz * t.tilt[m, 0], 0.0
                    sz = fx * t.tilt[m, 1] - fy * t.tilt[m, 0]
                    norm = math.sqrt(sx * sx + sy * sy + sz * sz)
                    for v in range(volumes):
                        gx, gy, gz = bvecs[v, 0], bvecs[v, 1], bvecs[v, 2]
                        if bvals[v] == 0.0:
                            out[i, j, k, v] += s0
                            continue
                        one = gx * fx + gy * fy + gz * fz
                        two = (gx * sx + gy * sy + gz * sz) / norm
                        d = l3 + (l1 - l3) * one * one + (l2 - l3) * two * two
                        out[i, j, k, v] += s0 * math.exp(-bvals[v] * d)
    return out
