"""Diffusion tensor by weighted linear least squares, in the world frame.

Veraart J, et al. Weighted linear least squares estimation of diffusion MRI parameters: strengths,
limitations, and pitfalls. NeuroImage 2013;81:335.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.diffusion.gradients import GradientTable

FloatArray = NDArray[np.floating[Any]]

_CHUNK = 20_000
_REWEIGHTINGS = 2
_MIN_EIGENVALUE = 1e-6  # mm2/s, a thousandth of that of muscle
_MAX_CONDITION = 1e6  # of the normal matrix of a voxel that lacks samples
_FLOOR = 1e-3  # smallest signal taken as such, share of the voxel's largest
# Where the six elements stand in the 3 x 3 tensor: Dxx Dxy Dyy Dxz Dyz Dzz.
_ROW = np.array([0, 0, 1, 0, 1, 2])
_COLUMN = np.array([0, 1, 1, 2, 2, 2])


@dataclass(frozen=True)
class TensorFit:
    """Tensor maps; every array is 0 outside the mask and where the fit failed.

    Attributes
    ----------
    tensor : (I, J, K, 6) float32 array
        Dxx Dxy Dyy Dxz Dyz Dzz in mm2/s, world RAS+, positive definite.
    eigenvalues : (I, J, K, 3) float32 array
        mm2/s, descending.
    e1 : (I, J, K, 3) float32 array
        First eigenvector, unit, world RAS+, its S component not negative.
    s0 : (I, J, K) float32 array
        Signal without diffusion weighting.
    residual : (I, J, K) float32 array
        Root mean square of (signal - model) over the volumes, divided by `s0`.
    """

    tensor: FloatArray
    eigenvalues: FloatArray
    e1: FloatArray
    s0: FloatArray
    residual: FloatArray

    @property
    def md(self) -> FloatArray:
        """Mean diffusivity, mm2/s."""
        return self.eigenvalues.mean(-1)

    @property
    def ad(self) -> FloatArray:
        """Axial diffusivity, mm2/s."""
        return self.eigenvalues[..., 0]

    @property
    def rd(self) -> FloatArray:
        """Radial diffusivity, mm2/s."""
        return self.eigenvalues[..., 1:].mean(-1)

    @property
    def fa(self) -> FloatArray:
        """Fractional anisotropy, 0..1."""
        return fractional_anisotropy(self.eigenvalues)


def fractional_anisotropy(eigenvalues: FloatArray) -> FloatArray:
    """Return FA (...) of eigenvalues (..., 3); 0 where all are 0."""
    deviation = eigenvalues - eigenvalues.mean(-1, keepdims=True)
    norm = np.square(eigenvalues).sum(-1)
    ratio = np.square(deviation).sum(-1) / np.where(norm > 0, norm, 1)
    return np.sqrt(1.5 * ratio).astype(np.float32)


def design_matrix(table: GradientTable) -> FloatArray:
    """Return the (N, 7) matrix of log S = X [log S0, Dxx, Dxy, Dyy, Dxz, Dyz, Dzz]."""
    g = table.vectors
    products = g[:, _ROW] * g[:, _COLUMN] * np.where(_ROW == _COLUMN, 1.0, 2.0)
    return np.hstack([np.ones((len(g), 1)), -table.bvals[:, None] * products])


def to_matrix(tensor: FloatArray) -> FloatArray:
    """Return (..., 3, 3) matrices of (..., 6) tensors."""
    full = np.empty((*tensor.shape[:-1], 3, 3), tensor.dtype)
    full[..., _ROW, _COLUMN] = tensor
    full[..., _COLUMN, _ROW] = tensor
    return full


def fit_tensor(
    data: FloatArray,
    table: GradientTable,
    mask: NDArray[np.bool_],
    weights: FloatArray | None = None,
) -> TensorFit:
    """Fit the tensor in every voxel of a mask.

    Parameters
    ----------
    data : (I, J, K, N) array
        Magnitude signal.
    table : GradientTable
        World RAS+ directions: the tensor comes out in the world frame.
    mask : (I, J, K) bool array
    weights : array that broadcasts to (I, J, K, N), or None
        Trust in each sample, 0..1; a sample of 0 is left out.

    Returns
    -------
    TensorFit
        Samples of 0 or less are left out of a voxel's fit; a voxel with fewer than seven others
        stays 0.
    """
    design = design_matrix(table)
    signal = data[mask]
    trust = None if weights is None else np.broadcast_to(weights, data.shape)[mask]
    tensor = np.zeros((len(signal), 6), np.float32)
    values = np.zeros((len(signal), 3), np.float32)
    e1 = np.zeros((len(signal), 3), np.float32)
    s0 = np.zeros(len(signal), np.float32)
    residual = np.zeros(len(signal), np.float32)
    for start in range(0, len(signal), _CHUNK):
        part = slice(start, start + _CHUNK)
        chunk = signal[part].astype(np.float64)
        beta, fitted = _weighted_fit(chunk, design, None if trust is None else trust[part])
        if not fitted.any():
            continue
        lam, vectors = np.linalg.eigh(to_matrix(beta[fitted, 1:]))
        lam = np.clip(lam, _MIN_EIGENVALUE, None)
        # Element by element: the last bits of matrix products depend on where arrays lie in memory.
        clipped = sum(lam[:, [k]] * vectors[:, _ROW, k] * vectors[:, _COLUMN, k] for k in range(3))
        first = vectors[:, :, 2]
        level = np.exp(np.clip(beta[fitted, 0], -50, 50))
        model = level[:, None] * np.exp(np.clip(clipped @ design[:, 1:].T, -50, 50))
        index = np.flatnonzero(fitted) + start
        tensor[index] = clipped
        values[index] = lam[:, ::-1]
        e1[index] = first * np.where(first[:, 2:] < 0, -1.0, 1.0)
        s0[index] = level
        rms = np.sqrt(np.square(chunk[fitted] - model).mean(1))
        residual[index] = rms / np.maximum(level, 1e-12)
    return TensorFit(*(_unmask(a, mask) for a in (tensor, values, e1, s0, residual)))


def _weighted_fit(
    signal: FloatArray, design: FloatArray, trust: FloatArray | None
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Fit signal (V, N); return parameters (V, 7) and which voxels could be fitted (V,)."""
    largest = signal.max(1, keepdims=True)
    usable = signal > _FLOOR * largest
    trust = np.ones(signal.shape) if trust is None else trust.astype(float)
    usable &= trust > 0
    fitted = (usable.sum(1) >= design.shape[1]) & (largest[:, 0] > 0)
    log_signal = np.log(np.where(usable, signal, 1.0))
    # Start from squared measured signals; then weigh by the signals that the model predicts.
    weights = np.where(usable, trust * np.square(signal / np.where(largest > 0, largest, 1)), 0)
    beta = np.zeros((len(signal), design.shape[1]))
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    # Columns of 1 and of b g g differ by three orders of magnitude: balance before solving.
    scale = np.abs(design).max(0)
    scale[scale == 0] = 1
    balanced = outer / np.outer(scale, scale).ravel()
    log_largest = np.log(np.where(largest > 0, largest, 1))
    partial = np.flatnonzero(fitted & ~usable.all(1))
    normal = (usable[partial] @ balanced).reshape(-1, len(scale), len(scale))
    fitted[partial] = np.linalg.cond(normal) < _MAX_CONDITION
    for _ in range(1 + _REWEIGHTINGS if fitted.any() else 0):
        normal = (weights[fitted] @ balanced).reshape(-1, len(scale), len(scale))
        right = (weights * log_signal)[fitted] @ (design / scale)
        beta[fitted] = np.linalg.solve(normal, right[..., None])[..., 0] / scale
        predicted = 2 * (beta @ design.T - log_largest)
        weights = np.where(usable, trust * np.exp(np.clip(predicted, -12, 2)), 0)
    return beta, fitted


def _unmask(values: FloatArray, mask: NDArray[np.bool_]) -> FloatArray:
    """Put values (V, ...) back on the grid of the mask."""
    out = np.zeros((*mask.shape, *values.shape[1:]), np.float32)
    out[mask] = values
    return out
