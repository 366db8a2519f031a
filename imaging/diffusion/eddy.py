"""Eddy currents: they grow with the diffusion gradient, so one small model serves all volumes.

The slopes found for single volumes are noisy; their part that is linear in the gradient is kept
when it is clearly there, and all slopes are 0 otherwise (the second level of Andersson JLR,
Sotiropoulos SN. NeuroImage 2016;125:1063).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from imaging.diffusion.gradients import GradientTable

FloatArray = NDArray[np.floating[Any]]

_CLEAR = 1e-3  # chance of so good a fit to noise
_MIN_VOLUMES = 7
_TUKEY = 4.7


def linear_in_gradient(slopes: FloatArray, trust: FloatArray, table: GradientTable) -> FloatArray:
    """Return slopes (N, 3) as far as they follow the diffusion gradient; 0 where they don't.

    Parameters
    ----------
    slopes : (N, 3) array
        Eddy displacement per mm along each voxel axis, found volume by volume.
    trust : (N,) array
        Weight of each volume, 0..1.
    table : GradientTable
        Directions in one frame that stays with the scanner.
    """
    # Gradient amplitude grows with the root of b at the same timing.
    gradient = table.vectors * np.sqrt(table.bvals / table.bvals.max())[:, None]
    out = np.zeros(slopes.shape)
    if int((trust > 0.1).sum()) < _MIN_VOLUMES:
        return out
    for axis, values in enumerate(slopes.T):
        fitted, weight = _robust_fit(gradient, values, trust)
        freedom = weight.sum() - gradient.shape[1]
        misfit = float(weight @ (values - fitted) ** 2)
        explained = float(weight @ values**2) - misfit
        if freedom <= 1 or explained <= 0:
            continue
        ratio = (explained / gradient.shape[1]) / (misfit / freedom + 1e-16)
        if stats.f.sf(ratio, gradient.shape[1], freedom) < _CLEAR:
            out[:, axis] = fitted
    return out


def _robust_fit(
    gradient: FloatArray, values: FloatArray, trust: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the fit (N,) linear in the gradient (N, 3), and the weights (N,) of the volumes."""
    weight = trust.copy()
    fitted = np.zeros(len(values))
    for _ in range(5):
        root = np.sqrt(weight)[:, None]
        solution = np.linalg.lstsq(gradient * root, values * root[:, 0], rcond=None)[0]
        fitted = gradient @ solution
        residual = np.abs(values - fitted)
        spread = 1.4826 * float(np.median(residual[trust > 0.1])) + 1e-12
        weight = trust * np.square(1 - np.square(np.minimum(residual / (_TUKEY * spread), 1)))
    return fitted, weight
