"""Noise of harmonic fields judged from neighbours, and how much of it the first harmonic holds.

Bins without motion show noise of the receiver alone. What shakes with the driver but is no wave
(pulsation, table, slices taken at other moments) adds to the first harmonic only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray

# Second difference of unit gain on white noise.
_SECOND = np.array([-1, 2, -1], np.float32) / np.sqrt(np.float32(6))
_REACH_VOXELS = 3.0
# Sixth difference of unit gain on white noise: along both axes of the slice it leaves of waves
# longer than six voxels less than a millionth of a millionth of their power.
_SIXTH = np.array([-1, 6, -15, 20, -15, 6, -1], np.float32) / np.sqrt(np.float32(924))
# Median of the power of white noise over its mean; that of the highest bin may be real.
_MEDIAN_COMPLEX, _MEDIAN_REAL = float(np.log(2)), 0.4549
# Twice the standard error of a gain, times the root of the number of voxels (measured on noise).
_UNSURE = 4.0
_FEW = 50  # voxels below which a ratio of powers says nothing


def white_noise(field: ComplexArray, valid: BoolArray, seed: int = 1) -> ComplexArray:
    """Draw white noise as strong as that in a smooth field.

    Second differences along every axis, one after the other, leave of waves longer than six voxels
    next to nothing, and of white noise its power.

    Parameters
    ----------
    field : (I, J, K, ...) complex array
    valid : (I, J, K) bool array
        Where there is a field.
    seed
        Of the draw.

    Returns
    -------
    (I, J, K, ...) complex64 array
        0 outside `valid`.

    Notes
    -----
    The filter: Immerkaer, Comput Vis Image Underst 64:300-302, 1996, in three dimensions.
    """
    rng = np.random.default_rng(seed)
    axes = [a for a in range(3) if valid.shape[a] >= 3]
    inside = valid.copy()
    for axis in axes:
        line = np.ones([3 if a == axis else 1 for a in range(3)], bool)
        inside &= ndimage.binary_erosion(inside, line)
    weight = ndimage.gaussian_filter(inside.astype(np.float32), _REACH_VOXELS)
    out = np.zeros(field.shape, np.complex64)
    for index in np.ndindex(field.shape[3:]):
        rough = field[(..., *index)]
        for axis in axes:
            rough = ndimage.correlate1d(rough, _SECOND, axis, mode="nearest")
        power = np.where(inside, np.abs(rough) ** 2, 0).astype(np.float32)
        whole = float(power[inside].mean()) if inside.any() else 0.0
        near = ndimage.gaussian_filter(power, _REACH_VOXELS) / np.maximum(weight, 1e-6)
        level = np.sqrt(np.where(weight > 1e-3, near, whole) / 2)
        draw = rng.standard_normal((2, *valid.shape)).astype(np.float32)
        out[(..., *index)] = np.where(valid, level * (draw[0] + 1j * draw[1]), 0)
    return out


def noise_gain(
    moving: ComplexArray, still: ComplexArray, valid: BoolArray, axes: Sequence[int]
) -> NDArray[np.float32]:
    """Return by how much noise of the first harmonic is larger than that of bins without motion.

    Parameters
    ----------
    moving : (I, J, K, D, R) complex array
        First harmonic, per encoding direction and driver.
    still : (I, J, K, D, R, B) complex array
        Bins without motion, one or more.
    valid : (I, J, K) bool array
        Where there is a phase.
    axes
        The two array axes of the slice.

    Returns
    -------
    (D, R) float32 array
        Ratio of amplitudes; 1 where it is not above it by more than chance.

    Notes
    -----
    Medians of the power that sixth differences within the slice leave, so that kinks of waves at
    borders of tissue do not count.
    """
    inside = valid.copy()
    for axis in axes:
        line = np.ones([7 if a == axis else 1 for a in range(3)], bool)
        inside &= ndimage.binary_erosion(inside, line)
    gains = np.ones((moving.shape[3], moving.shape[4]), np.float32)
    if int(inside.sum()) < _FEW:
        return gains

    unsure = _UNSURE / float(np.sqrt(inside.sum()))

    def power(field: ComplexArray) -> float:
        rough = field
        for axis in axes:
            rough = ndimage.correlate1d(rough, _SIXTH, axis, mode="nearest")
        share = _MEDIAN_COMPLEX if rough.imag.any() else _MEDIAN_REAL
        return float(np.median(rough.real[inside] ** 2 + rough.imag[inside] ** 2)) / share

    for d, r in np.ndindex(gains.shape):
        quiet = np.mean([power(still[..., d, r, b]) for b in range(still.shape[5])])
        gain = np.sqrt(power(moving[..., d, r]) / quiet) if quiet > 0 else 1.0
        # To raise noise by chance would take too much of it off the wave.
        if gain > 1 + unsure:
            gains[d, r] = gain
    return gains
