"""Noise of harmonic fields where no frequency bin holds noise alone: judged from neighbours."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray

# Second difference of unit gain on white noise.
_SECOND = np.array([-1, 2, -1], np.float32) / np.sqrt(np.float32(6))
_REACH_VOXELS = 3.0


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
