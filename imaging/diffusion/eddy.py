"""Eddy currents: they grow with the diffusion gradient, so one small model serves all volumes.

The slopes found for single volumes are noisy; their part that is linear in the gradient is kept
when it is clearly there, and all slopes are 0 otherwise (the second level of Andersson JLR,
Sotiropoulos SN. NeuroImage 2016;125:1063).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable

_CLEAR = 1e-3  # chance of so good a fit to noise
_MIN_VOLUMES = 7
_TUKEY = 4.7
_MEDIAN_CHI2 = 2.366  # of three degrees of freedom
_ROUNDS = 8


def linear_in_gradient(
    slopes: FloatArray, table: GradientTable, information: FloatArray | None = None
) -> FloatArray:
    """Return slopes (N, 3) as far as they follow the diffusion gradient; 0 if they don't.

    Parameters
    ----------
    slopes : (N, 3) array
        Eddy displacement per mm along each voxel axis, found volume by volume.
    table : GradientTable
        Directions in one frame that stays with the scanner.
    information : (N, 3, 3) array or None
        Inverse covariance of the slopes, motion being free: shear and rotation are hard to tell
        apart, and where they cannot be the other volumes decide. None: all alike.
    """
    n = len(slopes)
    if information is None:
        information = np.tile(np.eye(3), (n, 1, 1))
    if n < _MIN_VOLUMES:
        return np.zeros(slopes.shape)
    gradient = in_scanner(table)
    # A shear that all volumes share is that of the template: it is left free and not kept.
    full = np.column_stack([gradient, np.ones(n)])
    weight = np.ones(n)
    for _ in range(_ROUNDS):
        matrix = _regression(full, slopes, information * weight[:, None, None])
        misfit = _misfit(slopes - full @ matrix, information)
        spread = float(np.median(misfit)) / _MEDIAN_CHI2 + 1e-12
        weight = np.square(1 - np.minimum(misfit / (3 * _TUKEY**2 * spread), 1))
    alone = _regression(full[:, -1:], slopes, information * weight[:, None, None])
    left = float(weight @ misfit)
    explained = float(weight @ _misfit(slopes - alone, information)) - left
    count, freedom = 3 * gradient.shape[1], 3 * (weight.sum() - full.shape[1])
    if freedom <= 1 or explained <= 0:
        return np.zeros(slopes.shape)
    ratio = (explained / count) / (left / freedom + 1e-16)
    clear = special.fdtrc(count, freedom, ratio) < _CLEAR
    return gradient @ matrix[:-1] if clear else np.zeros(slopes.shape)


def _regression(design: FloatArray, values: FloatArray, information: FloatArray) -> FloatArray:
    """Return coefficients (C, 3) of values (N, 3) on a design (N, C)."""
    count = 3 * design.shape[1]
    normal = np.einsum("va,vb,vij->aibj", design, design, information).reshape(count, count)
    right = np.einsum("va,vij,vj->ai", design, information, values)
    return (np.linalg.pinv(normal, hermitian=True) @ right.ravel()).reshape(-1, 3)


def _misfit(gap: FloatArray, information: FloatArray) -> FloatArray:
    """Return squared Mahalanobis distances (N,)."""
    return np.einsum("vi,vij,vj->v", gap, information, gap)


def shift_in_gradient(shift_mm: FloatArray, table: GradientTable) -> FloatArray:
    """Return the part (N,) of shifts along the phase-encoding axis that follows the gradient.

    It is 0 without a gradient, which tells the mean shift by eddy currents from where the leg lay.

    Parameters
    ----------
    shift_mm : (N,) array
    table : GradientTable
    """
    gradient = in_scanner(table)
    full = np.column_stack([gradient, np.ones(len(gradient))])
    solution = np.linalg.lstsq(full, shift_mm, rcond=None)[0]
    fitted = gradient @ solution[:-1]
    freedom = len(full) - full.shape[1]
    left = float(np.square(shift_mm - full @ solution).sum())
    around = float(np.square(shift_mm - shift_mm.mean()).sum())
    if freedom < 1 or around <= left:
        return np.zeros(len(fitted))
    ratio = ((around - left) / gradient.shape[1]) / (left / freedom + 1e-16)
    return fitted if special.fdtrc(gradient.shape[1], freedom, ratio) < _CLEAR else 0 * fitted


def in_scanner(table: GradientTable) -> FloatArray:
    """Return the diffusion gradients (N, 3); amplitude grows with the root of b at one timing."""
    return table.vectors * np.sqrt(table.bvals / max(table.bvals.max(), 1e-12))[:, None]
