"""Images that are no lower leg: thigh, bottle, noise, nothing; made from ellipses.

They tell whether a method refuses what it was not made for.
"""

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.phantom.images import rician

SPACING = (2.0, 2.0, 6.0)


def _grid(width: int = 110, slices: int = 20) -> Image:
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [-width * SPACING[0] / 2, -width * SPACING[1] / 2, 0.0]
    return Image(np.zeros((width, width, slices), np.float32), affine)


def _radius(grid: Image, x: float = 0.0, y: float = 0.0) -> FloatArray:
    """Return distances (I, J, K) in mm across the leg from a line along it."""
    i, j, _ = np.indices(grid.shape)
    middle = np.array(grid.shape[:2]) / 2
    return np.hypot((i - middle[0]) * SPACING[0] - x, (j - middle[1]) * SPACING[1] - y)


def _noisy(grid: Image, signal: FloatArray, seed: int, sigma: float = 0.04) -> Image:
    values = rician(signal.astype(np.float32), sigma, np.random.default_rng(seed))
    return grid.with_data(400.0 * values)


def thigh(seed: int = 0, fat_mm: float = 10.0) -> Image:
    """Return a thigh, T1-weighted: one femur in the middle, muscles with septa, fat, skin."""
    grid = _grid()
    rng = np.random.default_rng(seed)
    around, bone = _radius(grid), _radius(grid, 4.0, 8.0)
    across = np.indices(grid.shape)[:2] - np.array(grid.shape[:2]).reshape(2, 1, 1, 1) / 2
    angle = np.arctan2(across[1], across[0])
    signal = np.zeros(grid.shape)
    signal[around < 80] = 2.5
    muscle = around < 80 - fat_mm
    signal[muscle] = 1.0 + 0.05 * rng.standard_normal()
    for edge in np.linspace(-np.pi, np.pi, 9)[:-1]:
        septum = np.abs(np.angle(np.exp(1j * (angle - edge)))) * np.maximum(around, 1) < 1.5
        signal[muscle & septum & (bone > 20)] = 1.8
    signal[bone < 15] = 0.1
    signal[bone < 9] = 2.2
    return _noisy(grid, ndimage.gaussian_filter(signal, (0.4, 0.4, 0)), seed)


def bottle(seed: int = 0, radius_mm: float = 60.0) -> Image:
    """Return a homogeneous cylinder."""
    grid = _grid()
    return _noisy(grid, (_radius(grid) < radius_mm).astype(float), seed)


def noise(seed: int = 0) -> Image:
    """Return noise without any object."""
    grid = _grid()
    return _noisy(grid, np.zeros(grid.shape), seed, 1.0)


def empty() -> Image:
    """Return an image of zeros."""
    return _grid()
