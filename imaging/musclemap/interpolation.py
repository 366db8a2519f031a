"""Linear interpolation at fixed points as a sparse matrix, made once for many volumes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from imaging.arrays import FloatArray


def linear_weights(shape: Sequence[int], voxels: FloatArray) -> sparse.csr_array:
    """Return the matrix that interpolates a volume at points.

    Parameters
    ----------
    shape
        Of the volume (I, J, K).
    voxels : (N, 3) array
        Voxel indices of the points.

    Returns
    -------
    (N, I J K) float32 sparse array
        Rows of points outside the volume hold weights of 0 only.

    Examples
    --------
    >>> weights = linear_weights((3, 1, 1), np.array([[0.25, 0, 0], [2.0, 0, 0], [2.5, 0, 0]]))
    >>> (weights @ np.array([1.0, 5.0, 9.0])).tolist()
    [2.0, 9.0, 0.0]
    """
    last = np.asarray(shape) - 1
    inside = np.all((voxels >= 0) & (voxels <= last), axis=1)
    low = np.clip(np.floor(voxels), 0, np.maximum(last - 1, 0)).astype(np.int32)
    part = np.clip(voxels - low, 0, 1).astype(np.float32)
    part[~inside] = 0
    rest = np.where(inside[:, None], 1 - part, 0).astype(np.float32)
    step = (shape[1] * shape[2], shape[2], 1)
    first = low.astype(np.int64) @ np.array(step)
    count = int(np.prod(shape))
    kind = np.int32 if max(count, 8 * len(voxels)) < 2**31 else np.int64
    places = np.empty((len(voxels), 8), kind)
    weights = np.empty((len(voxels), 8), np.float32)
    for n, corner in enumerate(product((0, 1), repeat=3)):
        # An axis of one voxel has no neighbour: its weight is 0.
        places[:, n] = first + sum(
            c * s * (m > 0) for c, s, m in zip(corner, step, last, strict=True)
        )
        i, j, k = (part[:, a] if c else rest[:, a] for a, c in enumerate(corner))
        np.multiply(i, j, out=weights[:, n])
        weights[:, n] *= k
    rows = np.arange(0, 8 * len(voxels) + 1, 8, dtype=kind)
    return sparse.csr_array((weights.ravel(), places.ravel(), rows), (len(voxels), count))


def weighted_mean(
    weights: sparse.csr_array, values: NDArray[np.float32], measured: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return means (N,) over what was measured, 0 where nothing was, and its share (N,).

    Parameters
    ----------
    weights
        See :func:`linear_weights`.
    values, measured : (I, J, K) arrays
    """
    share = weights @ measured.ravel().astype(np.float32)
    total = weights @ np.where(measured, values, 0).astype(np.float32).ravel()
    return np.divide(total, share, out=np.zeros_like(total), where=share > 0), share
