"""The fibre direction field of one muscle: tensors smoothed inside its border, then their axis.

Tensors are smoothed rather than directions: directions of noisy tensors lean towards each other,
tensors do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from imaging.architecture.lags import lagged_correlation
from imaging.architecture.smoothing import (
    LEAST_MASS,
    Kernel,
    choose_kernel,
    coarsen,
    gaussian_mean,
    local_polynomial,
    smooth_on_blocks,
)
from imaging.arrays import FloatArray

_FIRST_MM = 5.0  # width of the fit about which outliers are told
_DISPERSION_MM = 4.0
_TUKEY = 4.685
_LEAST_SPREAD = 0.005  # of the largest tensor; without noise every bend would be an outlier
_SWEEPS = 20
_MOST_SHARED = 0.9  # correlation of the noise of next voxels
_APART = 1e-4  # how far the first eigenvalue stands from the second, squared, share of the width


@dataclass(frozen=True)
class DirectionField:
    """Directions on the tensor's grid, one field per compartment of the muscle.

    Attributes
    ----------
    vectors : (C, I, J, K, 3) float32 array
        Unit vectors, world RAS+; 0 where unknown. Their sign is arbitrary but points upwards.
    dispersion_deg : (I, J, K) float32 array
        Angle between the axis of the single voxel and the smooth field, root mean square over
        the kernel.
    weights : (C, I, J, K) float32 array
        Share of each voxel's tensor that was used: in the compartment and not an outlier.
    kernel
        Width and order of the smoothing; none where the field does not come from tensors.
    """

    vectors: FloatArray
    dispersion_deg: FloatArray
    weights: FloatArray
    kernel: Kernel | None

    @property
    def certainty(self) -> FloatArray:
        """Share (I, J, K) of each voxel's tensor that was used by any compartment."""
        return np.asarray(self.weights.max(axis=0))

    def own(self, weights: FloatArray) -> FloatArray:
        """Return the direction (I, J, K, 3) of the compartment to which each voxel belongs.

        `weights` (C, I, J, K) tells how much each voxel counts for each compartment.
        """
        return _own(self.vectors, weights)


def principal_direction(tensor: FloatArray) -> FloatArray:
    """Return the first eigenvector (..., 3), pointing upwards, of tensors (..., 6).

    Order of the components: xx xy yy xz yz zz.
    """
    flat = np.ascontiguousarray(tensor, dtype=float).reshape(-1, 6)
    return np.asarray(_first_eigenvectors(flat)).reshape(*tensor.shape[:-1], 3)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _first_eigenvectors(tensors):  # type: ignore[no-untyped-def]
    """By the characteristic equation where the first eigenvalue stands apart, else by rotations.

    Smith OK. Eigenvalues of a symmetric 3 x 3 matrix. Communications of the ACM 1961;4:168.
    Kopp J. Efficient numerical diagonalization of hermitian 3 x 3 matrices. Int J Mod Phys C
    2008;19:523.
    """
    out = np.empty((len(tensors), 3))
    a, v = np.empty((3, 3)), np.empty((3, 3))
    for n in range(len(tensors)):
        xx, xy, yy = tensors[n, 0], tensors[n, 1], tensors[n, 2]
        xz, yz, zz = tensors[n, 3], tensors[n, 4], tensors[n, 5]
        mean = (xx + yy + zz) / 3.0
        dx, dy, dz = xx - mean, yy - mean, zz - mean
        size = (dx * dx + dy * dy + dz * dz + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0
        width = np.sqrt(size)
        determinant = dx * (dy * dz - yz * yz) - xy * (xy * dz - yz * xz)
        determinant += xz * (xy * yz - dy * xz)
        ratio = min(max(0.5 * determinant / (size * width), -1.0), 1.0) if size > 0.0 else -1.0
        largest = 2.0 * width * np.cos(np.arccos(ratio) / 3.0)
        dx, dy, dz = dx - largest, dy - largest, dz - largest
        # The vector is across the rows of what is left; the longest product is the surest.
        px, py, pz = xy * yz - xz * dy, xz * xy - dx * yz, dx * dy - xy * xy
        qx, qy, qz = xy * dz - xz * yz, xz * xz - dx * dz, dx * yz - xy * xz
        rx, ry, rz = dy * dz - yz * yz, yz * xz - xy * dz, xy * yz - dy * xz
        p, q = px * px + py * py + pz * pz, qx * qx + qy * qy + qz * qz
        r = rx * rx + ry * ry + rz * rz
        if q > p:
            px, py, pz, p = qx, qy, qz, q
        if r > p:
            px, py, pz, p = rx, ry, rz, r
        if p > _APART * size * size:
            turn = (-1.0 if pz < 0 else 1.0) / np.sqrt(p)
            out[n, 0], out[n, 1], out[n, 2] = turn * px, turn * py, turn * pz
        else:
            a[0, 0], a[0, 1], a[0, 2] = xx, xy, xz
            a[1, 0], a[1, 1], a[1, 2] = xy, yy, yz
            a[2, 0], a[2, 1], a[2, 2] = xz, yz, zz
            _by_rotations(a, v, out[n])
    return out


@numba.njit(cache=True, nogil=True)
def _by_rotations(a, v, out):  # type: ignore[no-untyped-def]
    """Jacobi's rotations; Golub and Van Loan, Matrix computations, 2013, section 8.5."""
    v[:] = 0.0
    for i in range(3):
        v[i, i] = 1.0
    size = (a**2).sum()
    for _ in range(_SWEEPS):
        if 2.0 * (a[0, 1] ** 2 + a[0, 2] ** 2 + a[1, 2] ** 2) <= 1e-30 * size:
            break
        for p in range(2):
            for q in range(p + 1, 3):
                if a[p, q] == 0.0:
                    continue
                half = 0.5 * (a[q, q] - a[p, p]) / a[p, q]
                tangent = 1.0 / (abs(half) + np.sqrt(1.0 + half * half))
                if half < 0:
                    tangent = -tangent
                c = 1.0 / np.sqrt(1.0 + tangent * tangent)
                s = tangent * c
                for i in range(3):
                    x, y = a[i, p], a[i, q]
                    a[i, p], a[i, q] = c * x - s * y, s * x + c * y
                    x, y = v[i, p], v[i, q]
                    v[i, p], v[i, q] = c * x - s * y, s * x + c * y
                for i in range(3):
                    x, y = a[p, i], a[q, i]
                    a[p, i], a[q, i] = c * x - s * y, s * x + c * y
    first = 2
    for i in range(2):
        if a[i, i] > a[first, first]:
            first = i
    sign = -1.0 if v[2, first] < 0 else 1.0
    for i in range(3):
        out[i] = sign * v[i, first]


def fit_directions(
    tensor: FloatArray, weights: FloatArray, spacing: FloatArray, sigma_mm: float | None = None
) -> DirectionField:
    """Fit the direction field of a muscle.

    Parameters
    ----------
    tensor : (I, J, K, 6) array
        Diffusion tensors in the world frame; all zero where there is no data.
    weights : (C, I, J, K) array
        How much each voxel counts for each compartment, 0 to 1.
    spacing : (3,) array
        Voxel size, mm.
    sigma_mm
        Standard deviation of the Gaussian kernel of a local linear fit; none: width and order
        are chosen so that voxels are best foretold by their neighbours.

    Returns
    -------
    DirectionField

    References
    ----------
    Outliers: Tukey's biweight, Beaton and Tukey, Technometrics 1974.
    """
    tensor = np.asarray(tensor, dtype=np.float32)
    measured = np.any(tensor != 0, axis=-1)
    weights = weights * measured
    scale = float(np.abs(tensor).max()) or 1.0
    tensor = tensor / scale
    first = Kernel(_FIRST_MM if sigma_mm is None else sigma_mm, 1)
    certainty = _inliers(tensor, weights, spacing, first)
    weights = (weights * certainty).astype(np.float32)
    kernel = first
    if sigma_mm is None:
        coarse = coarsen(tensor, weights, spacing)  # wide kernels need no fine grid
        axis = _own(_vectors(*coarse, first), coarse[1])
        correlation = _shared_noise(*coarse, first, axis)
        kernel, _ = choose_kernel(*coarse, _turning_loss(axis), correlation=correlation)
    vectors = _vectors(tensor, weights, spacing, kernel)
    dispersion = _dispersion(tensor, weights, vectors, spacing)
    return DirectionField(vectors, dispersion, weights, kernel)


def _vectors(
    tensor: FloatArray, weights: FloatArray, spacing: FloatArray, kernel: Kernel
) -> FloatArray:
    vectors = np.zeros((*weights.shape, 3), np.float32)
    for c, weight in enumerate(weights):
        values, known = smooth_on_blocks(tensor, weight, spacing, kernel)
        vectors[c][known] = principal_direction(values[known])
    return vectors


def _own(vectors: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the direction (I, J, K, 3) of the compartment to which each voxel belongs."""
    owner = weights.argmax(axis=0)
    return np.take_along_axis(vectors, owner[None, ..., None], axis=0)[0]


def _turning_loss(axis: FloatArray) -> Callable[[FloatArray, NDArray[np.bool_]], FloatArray]:
    """Return the loss that counts only what turns the first eigenvector about an axis (I, J, K, 3).

    Partial volume and free water change the rest of the tensor, and would ask for too little
    smoothing.
    """

    def loss(residual: FloatArray, where: NDArray[np.bool_]) -> FloatArray:
        return np.square(shear(residual, axis[where])).sum(axis=-1)

    return loss


def _shared_noise(
    tensor: FloatArray,
    weights: FloatArray,
    spacing: FloatArray,
    kernel: Kernel,
    axis: FloatArray,
) -> FloatArray:
    """Return the correlation (3,) of the noise of next voxels along each axis, 0 to .9.

    Interpolation and filters of the scanner correlate next voxels; what the fit leaves of the
    muscle's own structure correlates over longer distances, too, and is taken off.
    """
    whole = weights.max(axis=0)
    left = np.zeros_like(axis)
    owner = weights.argmax(axis=0)
    for c, weight in enumerate(weights):
        own = (owner == c) & (weight > 0)
        smooth, use, _ = local_polynomial(tensor, weight, spacing, kernel, where=own)
        left[use] = shear(tensor[use] - smooth[use], axis[use])
    there = (whole > 0) & np.any(left != 0, axis=-1)
    near, far = (lagged_correlation(left, there, lag) for lag in (1, 2))
    return np.clip(near - np.maximum(far, 0.0), 0.0, _MOST_SHARED)


def shear(tensor: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the part (..., 3) of tensors (..., 6) times axes (..., 3) that stands across them.

    Of an error of a tensor, this is what turns its first eigenvector, to first order.
    """
    full = tensor[..., [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(*tensor.shape[:-1], 3, 3)
    pull = np.einsum("...ij,...j->...i", full, axis)
    return np.asarray(pull - np.sum(pull * axis, axis=-1, keepdims=True) * axis)


def _inliers(
    tensor: FloatArray, weights: FloatArray, spacing: FloatArray, kernel: Kernel
) -> FloatArray:
    """Return Tukey weights (I, J, K) of the voxels about a first smooth fit."""
    whole = weights.max(axis=0)
    inside = whole > 0
    residual = np.full(whole.shape, np.inf)
    for w in weights:
        values, use, _ = local_polynomial(tensor, w, spacing, kernel, where=w > 0)
        difference = np.linalg.norm(tensor[use] - values[use], axis=-1)
        residual[use] = np.minimum(residual[use], difference)
    if not np.isfinite(residual[inside]).any():
        return inside.astype(np.float32)
    spread = 1.4826 * float(np.median(residual[inside & np.isfinite(residual)]))
    spread = max(spread, _LEAST_SPREAD)
    ratio = np.where(inside, residual / (_TUKEY * spread), np.inf)
    return np.where(ratio < 1, (1 - np.minimum(ratio, 1) ** 2) ** 2, 0.0).astype(np.float32)


def _dispersion(
    tensor: FloatArray, weights: FloatArray, vectors: FloatArray, spacing: FloatArray
) -> FloatArray:
    single = principal_direction(tensor)
    field = _own(vectors, weights)
    cosine = np.clip(np.abs(np.sum(single * field, axis=-1)), 0, 1)
    squared = np.degrees(np.arccos(cosine)) ** 2
    weight = weights.max(axis=0)
    mass = gaussian_mean(weight, spacing, _DISPERSION_MM)
    total = gaussian_mean(weight * squared, spacing, _DISPERSION_MM)
    return np.sqrt(np.divide(total, mass, out=np.zeros_like(total), where=mass > LEAST_MASS))
