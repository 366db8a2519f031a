"""Anatomical images of digital legs: T1-weighted, and Dixon echoes with fat and water in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.muscles import structure_of
from imaging.phantom.cells import across_points
from imaging.phantom.leg import Leg
from imaging.phantom.render import render

Split = tuple[int, int, int]

# Signal per class of tissue: air, muscle, filler, cortex, marrow, fat, skin, sheet, tendon.
T1_SIGNAL = np.array([0.0, 1.0, 1.9, 0.12, 2.2, 2.5, 0.8, 0.30, 0.25])
WATER = np.array([0.0, 1.0, 0.30, 0.05, 0.10, 0.08, 0.60, 0.25, 0.20])
FAT_SHARE = np.array([0.0, 0.03, 0.70, 0.02, 0.95, 1.00, 0.25, 0.05, 0.03])
ECHO_TIMES_S = (0.00345, 0.00460, 0.00575)
FIELD_T = 3.0
# Amplitudes and shifts (ppm from water) of the fat spectrum: Hamilton et al., NMR Biomed 2011.
FAT_AMPLITUDES = np.array([0.047, 0.039, 0.006, 0.120, 0.700, 0.088])
FAT_SHIFTS_PPM = np.array([0.59, -0.49, -1.94, -2.60, -3.40, -3.80])
GYROMAGNETIC_MHZ_PER_T = 42.577
T2_STAR_S = 0.025


def leg_matrix(leg: Leg, affine: FloatArray) -> FloatArray:
    """Return the (4, 4) matrix from voxel indices of a grid to leg coordinates."""
    return np.linalg.inv(leg.pose) @ affine


def tissue_images(legs: Sequence[Leg], grid: Image, split: Split, values: FloatArray) -> FloatArray:
    """Return mean signals (I, J, K, C) of legs on a grid; values (C, classes of tissue)."""
    total = np.zeros((*grid.shape, len(values)), np.float32)
    for leg in legs:
        # Muscles differ a little, as their fat content does.
        rng = np.random.default_rng([leg.seed, 7])
        gains = np.exp(0.04 * rng.standard_normal(leg.tables.weight.shape[1]))
        total += render(leg.tables, leg_matrix(leg, grid.affine), grid.shape, split, values, gains)
    return total


def coordinates(grid: Image) -> FloatArray:
    """Return coordinates (I, J, K, 3) of the voxels from -1 to 1 along each axis of the grid."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def smooth_field(grid: Image, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth random field (I, J, K) of mean about 0 and range about -1 to 1."""
    u = coordinates(grid)
    field = np.zeros(grid.shape, np.float32)
    for axis in range(3):
        field += np.float32(rng.uniform(-0.5, 0.5)) * u[..., axis]
        field += np.float32(rng.uniform(-0.4, 0.4)) * (u[..., axis] ** 2 - 1 / 3)
    field += np.float32(rng.uniform(-0.3, 0.3)) * u[..., 0] * u[..., 1]
    return field


def rician(signal: NDArray[Any], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return magnitudes of a signal with complex Gaussian noise of standard deviation `sigma`."""
    real = signal + sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.hypot(real, imaginary).astype(np.float32)


def t1_weighted(
    legs: Sequence[Leg], grid: Image, split: Split, snr: float, rng: np.random.Generator
) -> Image:
    """Return a T1-weighted image with a bias field and Rician noise; muscle is about 400."""
    signal = tissue_images(legs, grid, split, T1_SIGNAL[None])[..., 0]
    signal *= np.exp(0.25 * smooth_field(grid, rng))
    return grid.with_data(400.0 * rician(signal, 1.0 / snr, rng))


def dixon_echoes(
    legs: Sequence[Leg], grid: Image, split: Split, snr: float, rng: np.random.Generator
) -> list[tuple[Image, Image]]:
    """Return magnitude and phase (rad) of each echo of a gradient-echo series.

    Water and the six peaks of fat evolve at their own frequencies in a smooth field map, and
    decay with one T2*.
    """
    both = tissue_images(legs, grid, split, np.stack([WATER, FAT_SHARE]))
    coil = np.exp(0.2 * smooth_field(grid, rng))
    off_hz = 40.0 * smooth_field(grid, rng)
    start = 0.8 * smooth_field(grid, rng)
    peaks_hz = FAT_SHIFTS_PPM * GYROMAGNETIC_MHZ_PER_T * FIELD_T
    echoes = []
    for time in ECHO_TIMES_S:
        fat = np.sum(FAT_AMPLITUDES * np.exp(2j * np.pi * peaks_hz * time))
        turn = np.exp(1j * (start + 2 * np.pi * off_hz * time) - time / T2_STAR_S)
        signal = (coil * (both[..., 0] + fat * both[..., 1]) * turn).astype(np.complex64)
        noise = rng.standard_normal((2, *grid.shape), dtype=np.float32) / np.float32(snr)
        signal += noise[0] + 1j * noise[1]
        magnitude = grid.with_data((400.0 * np.abs(signal)).astype(np.float32))
        echoes.append((magnitude, grid.with_data(np.angle(signal).astype(np.float32))))
    return echoes


def label_image(legs: Sequence[Leg], grid: Image) -> Image:
    """Return the true labels (int16) at the centres of the voxels; 0 where in no catalogue."""
    labels = np.zeros(grid.shape, np.int16)
    for k in range(grid.shape[2]):
        points = slice_points(grid, k)
        for leg in legs:
            labels[..., k] += np.maximum(leg.labels(points), 0).reshape(grid.shape[:2])
    return grid.with_data(labels)


def direction_image(legs: Sequence[Leg], labels: Image) -> Image:
    """Return the true fibre directions (I, J, K, 3) in world RAS+; 0 outside muscles."""
    out = np.zeros((*labels.shape, 3), np.float32)
    for k in range(labels.shape[2]):
        points = slice_points(labels, k)
        for leg in legs:
            found = leg.directions(points, labels.data[..., k].ravel())
            out[:, :, k] += found.reshape(*labels.shape[:2], 3).astype(np.float32)
    return labels.with_data(out)


def sheet_image(leg: Leg, labels: Image, label: int) -> Image:
    """Return a mask (bool) of the internal sheet of a bipennate muscle, about one voxel thick."""
    muscle = structure_of(label).index - 1
    voxels = np.argwhere(labels.data == label)
    offset = across_points(leg.tables, muscle, leg.to_leg(labels.to_world(voxels)))
    tilt = leg.pose[:3, :2] @ leg.tables.tilt[muscle]
    thickness = np.abs(labels.affine[:3, :3].T @ tilt).max()
    near = voxels[np.abs(offset) <= 0.6 * thickness]
    mask = np.zeros(labels.shape, bool)
    mask[tuple(near.T)] = True
    return labels.with_data(mask)


def slice_points(grid: Image, k: int) -> FloatArray:
    """Return the world points (I·J, 3) of one slice of a grid."""
    i, j = np.meshgrid(np.arange(grid.shape[0]), np.arange(grid.shape[1]), indexing="ij")
    return grid.to_world(np.stack([i, j, np.full_like(i, k)], axis=-1).reshape(-1, 3))
