"""Local quadratic regression of a map with holes: takes noise away and leaves slopes alone."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray

_TERMS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
_RIDGE = 1e-3


def local_quadratic(values: FloatArray, weights: FloatArray, sigma_px: float) -> FloatArray:
    """Fit a quadratic surface around every pixel and return its height there.

    Parameters
    ----------
    values : (H, W) array
    weights : (H, W) array
        0 where a value must not be used.
    sigma_px
        Of the Gaussian window.

    Returns
    -------
    (H, W) array
        Meaningless where there is no weight around.

    Notes
    -----
    Local polynomial regression (Cleveland 1979, J Am Stat Assoc 74:829-836) by normalised
    convolution, so that the rim of a hole is as unbiased as the middle.
    """
    reach = int(np.ceil(3 * sigma_px))
    step = np.arange(-reach, reach + 1) / sigma_px
    window = np.exp(-0.5 * step**2)

    def moment(image: FloatArray, p: int, q: int) -> FloatArray:
        rows = ndimage.correlate1d(image, window * step**p, axis=0, mode="constant")
        return np.asarray(ndimage.correlate1d(rows, window * step**q, axis=1, mode="constant"))

    size = len(_TERMS)
    weights = np.asarray(weights, dtype=np.float64)
    held = {(p, q): moment(weights, p, q) for p, q in product(range(5), repeat=2) if p + q <= 4}
    matrix = np.empty((*weights.shape, size, size))
    right = np.empty((*weights.shape, size))
    for i, (p, q) in enumerate(_TERMS):
        right[..., i] = moment(weights * values, p, q)
        for j, (r, s) in enumerate(_TERMS):
            matrix[..., i, j] = held[p + r, q + s]
    matrix += _RIDGE * np.eye(size)
    return np.linalg.solve(matrix, right[..., None])[..., 0, 0]
