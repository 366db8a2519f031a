"""Diffusion tensor by iterated weighted linear least squares, in the world frame.

Veraart J, et al. Weighted linear least squares estimation of diffusion MRI parameters: strengths,
limitations, and pitfalls. NeuroImage 2013;81:335. Outliers: Collier Q, et al. Magn Reson Med
2015;73:2174; Chang LC, et al. RESTORE. Magn Reson Med 2005;53:1088.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray, IntArray
from imaging.diffusion.eigen import describe_voxels
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.lanes import PARAMETERS, arrange
from imaging.diffusion.robust import reject_outliers
from imaging.diffusion.wls import fit_voxels, over_voxels

_MIN_EIGENVALUE = 1e-6  # mm2/s, a thousandth of that of muscle
_POOL_VOXELS = 2.0  # sigma of the neighbourhood in which noise is alike
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
    rejected : (I, J, K) float32 array
        Share of the volumes that were left out as outliers.
    """

    tensor: FloatArray
    eigenvalues: FloatArray
    e1: FloatArray
    s0: FloatArray
    residual: FloatArray
    rejected: FloatArray

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
    robust: bool = True,
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
    robust
        Leave out samples that lie far from what the others predict (single outliers).

    Returns
    -------
    TensorFit
        Samples of 0 or less are left out of a voxel's fit; a voxel with fewer than seven others
        stays 0.
    """
    design = design_matrix(table)
    # Columns of 1 and of b g g differ by three orders of magnitude: balance before solving.
    scale = np.abs(design).max(0)
    scale[scale == 0] = 1
    design /= scale
    model = arrange(design)
    signal = np.ascontiguousarray(data, np.float32).reshape(-1, data.shape[-1])
    voxels = np.flatnonzero(mask)
    trust = np.empty((len(voxels), 0), np.float32)
    if weights is not None:
        trust = np.ascontiguousarray(np.broadcast_to(weights, data.shape)[mask], np.float32)
    kinds = ((6,), (3,), (3,), (), (), ())
    whole = [np.zeros((*mask.shape, *kind), np.float32) for kind in kinds]
    *maps, rejected = (m.reshape(-1, *kind) for m, kind in zip(whole, kinds, strict=True))
    beta = _parameters(signal, voxels, trust, model, mask, rejected if robust else None)
    written = tuple(maps)

    def describe(v: slice) -> None:
        describe_voxels(signal, voxels[v], beta[v], model[0], scale, _MIN_EIGENVALUE, written)

    over_voxels(describe, len(voxels))
    return TensorFit(*whole)


def _parameters(
    signal: FloatArray,
    voxels: IntArray,
    trust: FloatArray,
    model: tuple[FloatArray, FloatArray],
    mask: NDArray[np.bool_],
    rejected: FloatArray | None,
) -> FloatArray:
    """Return the parameters (V, 7) of the log signal of voxels (V,) among signals (G, N).

    Outliers are left out and their share written to `rejected` (G,) unless that is none.
    """
    count = len(voxels)
    robust = rejected is not None and signal.shape[1] > PARAMETERS
    beta = np.empty((count, PARAMETERS))
    spread, worst = np.empty((2, count if robust else 0))

    def fit(v: slice) -> None:
        fit_voxels(signal, voxels[v], trust[v], model, beta[v], spread[v], worst[v])

    over_voxels(fit, count)
    if not robust:
        return beta
    sigma = _pool(spread, mask)

    def refit(v: slice) -> None:
        reject_outliers(signal, voxels[v], trust[v], model, sigma[v], worst[v], beta[v], rejected)

    over_voxels(refit, count)
    return beta


def _pool(spread: FloatArray, mask: NDArray[np.bool_]) -> FloatArray:
    """Return the noise (V,) of the neighbourhood: one voxel has too few samples to tell its own."""
    known = np.zeros(mask.shape)
    known[mask] = np.isfinite(spread)
    total = np.zeros(mask.shape)
    total[mask] = np.nan_to_num(spread)
    count = ndimage.gaussian_filter(known, _POOL_VOXELS)[mask]
    return ndimage.gaussian_filter(total, _POOL_VOXELS)[mask] / np.maximum(count, 1e-9)
