"""What of a region lies deeper than a distance from its border."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray


def erode(region: BoolArray, spacing_mm: FloatArray, distance_mm: float) -> BoolArray:
    """Keep what lies deeper than a distance from the border of a region.

    Parameters
    ----------
    region : (I, J, K) bool array
    spacing_mm : (3,) array
        Voxel size in mm.
    distance_mm
        Depth; the border runs half-way between voxel centres. The edge of the field of view is no
        border.

    Returns
    -------
    (I, J, K) bool array
    """
    if distance_mm == 0 or not region.any():
        return region.copy()
    # A frame of copies keeps the field of view from counting as a border.
    padded = np.pad(region, 1, mode="edge")
    if padded.all():
        return region.copy()
    depth = ndimage.distance_transform_edt(padded, sampling=spacing_mm)
    inner = depth[1:-1, 1:-1, 1:-1] - 0.5 * float(np.min(spacing_mm))
    return region & (inner >= distance_mm)
