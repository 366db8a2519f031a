"""Fibre directions on the grid of the waves."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray
from imaging.dyads import dyads_on, main_axes, share_known
from imaging.image import Image

# Below this share of a voxel with known directions there is none.
_MIN_SHARE = 0.5


def directions_on(directions: Image, grid: Image) -> tuple[FloatArray, FloatArray]:
    """Bring fibre directions to another grid, through their dyads.

    Parameters
    ----------
    directions : (I', J', K', 3) image
        Unit vectors in world axes, 0 where unknown; sign does not matter.
    grid : Image
        Any image on the wanted grid (I, J, K).

    Returns
    -------
    directions : (I, J, K, 3) float32 array
        Unit vectors in world axes, 0 where unknown.
    spread_deg : (I, J, K) float32 array
        Root mean square angle of the directions that met in a voxel to their mean; 0 where
        unknown.
    """
    known = np.linalg.norm(directions.data, axis=3)
    unit = directions.data / np.maximum(known, 1e-6)[..., None]
    unit[known < 0.5] = 0
    mean = dyads_on(directions.with_data(unit), grid)
    inside = share_known(mean) > _MIN_SHARE
    found = main_axes(mean[inside])
    out = np.zeros((*grid.shape, 3), np.float32)
    spread = np.zeros(grid.shape, np.float32)
    out[inside] = found.axis
    spread[inside] = np.degrees(np.arcsin(np.sqrt(1 - found.agreement)))
    return out, spread
