"""Fibre directions at the samples of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.image import Image

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
# Directions around that agree less than this (share of one direction in the mean) give none.
_AGREE = 0.6


@dataclass(frozen=True)
class SampledFibres:
    """Fibres at points.

    Attributes
    ----------
    vectors : (N, 3) array
        World unit vectors, either way round; 0 where unknown.
    uncertainty_deg : (N,) array or None
    """

    vectors: FloatArray
    uncertainty_deg: FloatArray | None


def sample_fibres(points: FloatArray, directions: Image, dispersion: Image | None) -> SampledFibres:
    """Interpolate directions, which have no sign, at world points.

    Parameters
    ----------
    points : (N, 3) array
        World RAS+ mm.
    directions : (I, J, K, 3) image
        World unit vectors, 0 where unknown.
    dispersion : (I, J, K) image, optional
        Degrees.

    Notes
    -----
    The mean of the outer products v vT around a point is diagonalised, so that v and -v are one.
    """
    at = directions.to_voxels(points).T
    dyad = np.empty((len(points), 3, 3))
    for i, j in _PAIRS:
        product = directions.data[..., i] * directions.data[..., j]
        dyad[:, i, j] = dyad[:, j, i] = ndimage.map_coordinates(product, at, order=1, cval=0.0)
    values, axes = np.linalg.eigh(dyad)
    total = values.sum(axis=1)
    # Half of the weight around a point must know a direction.
    known = (total > 0.5) & (values[:, 2] > _AGREE * total)
    vectors = np.where(known[:, None], axes[..., 2], 0.0)
    if dispersion is None:
        return SampledFibres(vectors, None)
    near = np.rint(dispersion.to_voxels(points)).astype(int)
    inside = ((near >= 0) & (near < dispersion.shape)).all(axis=1)
    spread = np.full(len(points), np.nan)
    spread[inside] = dispersion.data[tuple(near[inside].T)]
    return SampledFibres(vectors, np.where(spread > 0, spread, np.nan))
