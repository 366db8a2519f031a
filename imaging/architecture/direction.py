"""The fibre direction field of one muscle: tensors smoothed inside its border, then their axis.

Tensors are smoothed rather than directions: directions of noisy tensors lean towards each other,
tensors do not. The kernel sees only voxels of the muscle, and fits a plane rather than a mean, so
that a border, where half of the kernel is missing, does not pull the direction inwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.floating[Any]]

_TRUNCATE = 3.0
_LEAST_MASS = 0.01  # of a full kernel, below which nothing is said about direction
_RIDGE = 0.03  # share of a full kernel added to the slopes' normal equations
_TUKEY = 4.685


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
    certainty : (I, J, K) float32 array
        Share of each voxel's tensor that was used: in the muscle and not an outlier.
    """

    vectors: FloatArray
    dispersion_deg: FloatArray
    certainty: FloatArray


def principal_direction(tensor: FloatArray) -> FloatArray:
    """Return the first eigenvector (..., 3), pointing upwards, of tensors (..., 6).

    Order of the components: xx xy yy xz yz zz.
    """
    full = np.asarray(tensor, dtype=float)[..., [0, 1, 3, 1, 2, 4, 3, 4, 5]]
    _, vectors = np.linalg.eigh(full.reshape(*tensor.shape[:-1], 3, 3))
    axis = vectors[..., :, 2]
    return np.where(axis[..., 2:3] < 0, -axis, axis)


def fit_directions(
    tensor: FloatArray, weights: FloatArray, spacing: FloatArray, sigma_mm: float
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
        Standard deviation of the Gaussian kernel.

    Returns
    -------
    DirectionField

    References
    ----------
    Local linear regression at borders: Fan and Gijbels 1996. Outliers: Tukey's biweight.
    """
    tensor = np.asarray(tensor, dtype=np.float32)
    measured = np.any(tensor != 0, axis=-1)
    weights = weights * measured
    scale = float(np.abs(tensor).max()) or 1.0
    tensor = tensor / scale
    certainty = _inliers(tensor, weights, spacing, sigma_mm)
    smooth = [_local_linear(tensor, w * certainty, spacing, sigma_mm) for w in weights]
    vectors = np.zeros((len(weights), *measured.shape, 3), np.float32)
    for c, (values, known) in enumerate(smooth):
        vectors[c][known] = principal_direction(values[known])
    whole = weights.max(axis=0) * certainty
    dispersion = _dispersion(tensor, weights * certainty, vectors, spacing, sigma_mm)
    return DirectionField(vectors, dispersion, whole.astype(np.float32))


def _inliers(
    tensor: FloatArray, weights: FloatArray, spacing: FloatArray, sigma_mm: float
) -> FloatArray:
    """Return Tukey weights (I, J, K) of the voxels about a first smooth fit."""
    whole = weights.max(axis=0)
    inside = whole > 0
    residual = np.full(whole.shape, np.inf)
    for w in weights:
        values, known = _local_linear(tensor, w, spacing, sigma_mm)
        use = known & (w > 0)
        difference = np.linalg.norm(tensor[use] - values[use], axis=-1)
        residual[use] = np.minimum(residual[use], difference)
    if not np.isfinite(residual[inside]).any():
        return inside.astype(np.float32)
    spread = 1.4826 * float(np.median(residual[inside & np.isfinite(residual)]))
    if spread < 1e-6:
        return inside.astype(np.float32)
    ratio = np.where(inside, residual / (_TUKEY * spread), np.inf)
    return np.where(ratio < 1, (1 - np.minimum(ratio, 1) ** 2) ** 2, 0.0).astype(np.float32)


def _kernels(spacing: FloatArray, sigma_mm: float) -> list[list[FloatArray]]:
    """Return per axis the kernels g, u g, u2 g; u in sigmas, g sums to one."""
    out = []
    for h in spacing:
        radius = int(np.ceil(_TRUNCATE * sigma_mm / h))
        u = np.arange(-radius, radius + 1) * h / sigma_mm
        g = np.exp(-0.5 * u**2)
        g /= g.sum()
        out.append([g, u * g, u**2 * g])
    return out


def _moment(image: FloatArray, kernels: list[list[FloatArray]], powers: tuple[int, ...]) -> Any:
    for axis, power in enumerate(powers):
        image = ndimage.correlate1d(image, kernels[axis][power], axis, mode="constant")
    return image


_SLOPES = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def _local_linear(
    tensor: FloatArray, weight: FloatArray, spacing: FloatArray, sigma_mm: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the local linear fit (I, J, K, 6) and where there is enough data for one."""
    kernels = _kernels(spacing, sigma_mm)
    weight = weight.astype(np.float32)
    basis = ((0, 0, 0), *_SLOPES)
    mass = _moment(weight, kernels, basis[0])
    known = mass > _LEAST_MASS
    normal = np.empty((int(known.sum()), 4, 4))
    for a, p in enumerate(basis):
        for b in range(a, 4):
            powers = tuple(np.add(p, basis[b]))
            normal[:, a, b] = normal[:, b, a] = _moment(weight, kernels, powers)[known]
    for a in (1, 2, 3):
        normal[:, a, a] += _RIDGE
    right = np.empty((len(normal), 4, 6))
    for component in range(6):
        values = weight * tensor[..., component]
        for a, p in enumerate(basis):
            right[:, a, component] = _moment(values, kernels, p)[known]
    out = np.zeros((*weight.shape, 6), np.float32)
    out[known] = np.linalg.solve(normal, right)[:, 0]
    return out, known


def _dispersion(
    tensor: FloatArray,
    weights: FloatArray,
    vectors: FloatArray,
    spacing: FloatArray,
    sigma_mm: float,
) -> FloatArray:
    single = principal_direction(tensor)
    owner = weights.argmax(axis=0)
    field = np.take_along_axis(vectors, owner[None, ..., None], axis=0)[0]
    cosine = np.clip(np.abs(np.sum(single * field, axis=-1)), 0, 1)
    squared = np.degrees(np.arccos(cosine)) ** 2
    weight = weights.max(axis=0).astype(np.float32)
    kernels = _kernels(spacing, sigma_mm)
    mass = _moment(weight, kernels, (0, 0, 0))
    total = _moment((weight * squared).astype(np.float32), kernels, (0, 0, 0))
    return np.sqrt(np.divide(total, mass, out=np.zeros_like(total), where=mass > _LEAST_MASS))
