"""Directions that have no sign, such as those of fibres, brought to other places.

A direction v and its opposite mean the same, so that not vectors but their dyads v vT are
interpolated; the main axis of what results is their mean (Basser and Pajevic 2000, Magn Reson Med
44:41-50). Vectors are of the world, and do not turn with the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.image import Image, resample

#: Components of a dyad that are kept, in this order.
PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
_TRACE = (0, 2, 5)
# Product of both gaps below the largest eigenvalue, of the squared trace.
_TOLD = 1e-4


@dataclass(frozen=True)
class FibreDirections:
    """Fibre directions of an image.

    Attributes
    ----------
    image : (I, J, K, 3) image
        Unit vectors in world axes, 0 where unknown; either way round.
    dispersion : (I', J', K') image or None
        Their uncertainty, degrees, on any grid.
    """

    image: Image
    dispersion: Image | None


@dataclass(frozen=True)
class MeanAxes:
    """Mean axes at places.

    Attributes
    ----------
    axis : (..., 3) array
        Unit vectors that point upwards (S), so that neighbours are alike.
    share : (...) array
        Part of the weight around a place that knows a direction, 0 to 1.
    agreement : (...) array
        1 where all of that is parallel, 1/3 where it points everywhere: the mean of cos^2 to the
        axis.
    """

    axis: FloatArray
    share: FloatArray
    agreement: FloatArray


def dyads(vectors: FloatArray) -> FloatArray:
    """Return the dyads (..., 6) of vectors (..., 3), components as :data:`PAIRS`.

    Examples
    --------
    xx xy yy xz yz zz in world RAS+; a direction and its opposite are the same:

    >>> dyads(np.array([0.6, 0.0, 0.8])).round(2).tolist()
    [0.36, 0.0, 0.0, 0.48, 0.0, 0.64]
    >>> np.array_equal(dyads(np.array([0.6, 0, 0.8])), dyads(np.array([-0.6, 0, -0.8])))
    True
    """
    return np.stack([vectors[..., a] * vectors[..., b] for a, b in PAIRS], axis=-1)


def share_known(mean: FloatArray) -> FloatArray:
    """Return the share (...) of mean dyads (..., 6) of unit vectors that knows a direction.

    Examples
    --------
    One voxel with a fibre along z, one of unknown direction:

    >>> float(share_known(dyads(np.array([[0.0, 0, 1], [0, 0, 0]])).mean(axis=0)))
    0.5
    """
    xx, yy, zz = _TRACE
    return np.asarray(mean[..., xx] + mean[..., yy] + mean[..., zz])


def main_axes(mean: FloatArray) -> MeanAxes:
    """Return the axes of mean dyads (N, 6).

    Eigenvalues in closed form (Smith, Communications of the ACM 4:168, 1961); the axis is at right
    angles to two rows of what is left of the matrix without its largest eigenvalue.
    """
    xx, xy, yy, xz, yz, zz = (np.asarray(mean[:, k], np.float64) for k in range(6))
    share = share_known(mean)
    third = (xx + yy + zz) / 3
    a, b, c = xx - third, yy - third, zz - third
    spread = np.sqrt((a * a + b * b + c * c + 2 * (xy * xy + xz * xz + yz * yz)) / 6)
    volume = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)
    cosine = np.clip(volume / np.maximum(2 * spread**3, np.finfo(float).tiny), -1, 1)
    largest = third + 2 * spread * np.cos(np.arccos(cosine) / 3)
    a, b, c = xx - largest, yy - largest, zz - largest
    # Cross products of each two rows: the longest is told best.
    crossed = np.stack(
        [
            (xy * yz - xz * b, xz * xy - a * yz, a * b - xy * xy),
            (xy * c - xz * yz, xz * xz - a * c, a * yz - xy * xz),
            (b * c - yz * yz, yz * xz - xy * c, xy * yz - b * xz),
        ]
    )
    length = np.sqrt((crossed**2).sum(axis=1))
    best = length.argmax(axis=0)
    rows = np.arange(len(best))
    told = length[best, rows]
    axis = (crossed[best, :, rows].T / np.maximum(told, np.finfo(float).tiny)).T
    # Two eigenvalues that are nearly one leave no direction in closed form.
    unsure = np.flatnonzero(~(told > _TOLD * np.maximum(share.astype(float), 1e-30) ** 2))
    if len(unsure):
        axis[unsure], largest[unsure] = _by_iteration(np.asarray(mean[unsure], np.float64))
    axis[axis[:, 2] < 0] *= -1
    agreement = np.clip(largest / np.maximum(share, np.finfo(mean.dtype).tiny), 0, 1)
    return MeanAxes(axis.astype(mean.dtype), share, agreement.astype(mean.dtype))


def _by_iteration(mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return main axes (N, 3) and largest eigenvalues (N,) of dyads (N, 6)."""
    matrix = np.empty((len(mean), 3, 3))
    for part, (a, b) in enumerate(PAIRS):
        matrix[:, a, b] = matrix[:, b, a] = mean[:, part]
    values, vectors = np.linalg.eigh(matrix)
    return vectors[..., 2], values[:, 2]


def dyads_on(directions: Image, grid: Image) -> FloatArray:
    """Return the mean dyads (I, J, K, 6), float32, of unit vectors on another grid.

    Parameters
    ----------
    directions : (I', J', K', 3) image
        Unit vectors in world axes, 0 where unknown.
    grid
        Any image on the wanted grid (I, J, K).
    """
    moved = dyads(directions.data).astype(np.float32)
    return np.asarray(resample(directions.with_data(moved), grid).data)


def dyads_at(directions: Image, points: ArrayLike) -> FloatArray:
    """Return the mean dyads (N, 6) of unit vectors (I, J, K, 3) at world points (N, 3), mm."""
    at = directions.to_voxels(points).T
    parts = np.moveaxis(dyads(directions.data), -1, 0)
    found = [ndimage.map_coordinates(part, at, order=1, cval=0.0) for part in parts]
    return np.stack(found, axis=-1).astype(np.float64)
