"""What of a region lies deeper than a distance from its border."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray

# Edges of voxels carry the rounding of an affine.
_ROUNDING_MM = 1e-3


def erode(region: BoolArray, spacing_mm: FloatArray, distance_mm: float) -> BoolArray:
    """Keep the voxels whose centre lies at least a distance inside the border of a region.

    The border runs half-way between the centres of voxels inside and outside: from the distance to
    the nearest centre outside is taken half a voxel's extent along that way, so that it is half a
    slice across slices and half a pixel within them. (Of an ellipsoid of 40 x 30 x 90 mm on voxels
    of 1 x 1 x 5 mm, 0.4 % too many voxels remain 2 and 3 mm inside, against 0.4 and 4.4 % with half
    of the smallest edge; on voxels of 2 mm, -9.5 and 0.4 %, as there.)

    Parameters
    ----------
    region : (I, J, K) bool array
    spacing_mm : (3,) array
        Voxel size in mm.
    distance_mm
        Depth, 0 or more. The edge of the field of view is no border.

    Returns
    -------
    (I, J, K) bool array

    Examples
    --------
    Seven voxels of 2 mm: centres lie 1, 3, 5, 7 mm inside. Voxels at the end of the image are kept:

    >>> region = np.array([0, 1, 1, 1, 1, 1, 1, 1], bool)[:, None, None]
    >>> erode(region, np.array([2.0, 2, 5]), 3.0).ravel().astype(int).tolist()
    [0, 0, 1, 1, 1, 1, 1, 1]
    """
    if distance_mm == 0 or not region.any():
        return region.copy()
    # Beyond one voxel around the region nothing is nearest to it.
    used = (np.flatnonzero(region.any(tuple({0, 1, 2} - {axis}))) for axis in range(3))
    box = tuple(slice(max(int(u[0]) - 1, 0), int(u[-1]) + 2) for u in used)
    out = np.zeros_like(region)
    out[box] = _eroded(region[box], np.asarray(spacing_mm, dtype=float), distance_mm)
    return out


def _eroded(region: BoolArray, spacing: FloatArray, distance_mm: float) -> BoolArray:
    # A frame of copies keeps the field of view from counting as a border.
    padded = np.pad(region, 1, mode="edge")
    if padded.all():
        return region
    far, nearest = ndimage.distance_transform_edt(padded, sampling=spacing, return_indices=True)
    squared = np.zeros(padded.shape)
    for axis, edge in enumerate(spacing):
        here = np.arange(padded.shape[axis]).reshape([-1 if a == axis else 1 for a in range(3)])
        squared += ((nearest[axis] - here) * edge**2) ** 2
    depth = far - 0.5 * np.sqrt(squared) / np.maximum(far, spacing.min())
    inner = depth[1:-1, 1:-1, 1:-1]
    return np.asarray(region & (inner >= distance_mm - _ROUNDING_MM))
