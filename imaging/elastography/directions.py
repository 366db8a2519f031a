"""Fibre directions on the grid of the waves."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray
from imaging.image import Image, resample

# Below this share of a voxel with known directions there is none.
_MIN_SHARE = 0.5
_PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))


def directions_on(directions: Image, grid: Image) -> tuple[FloatArray, FloatArray]:
    """Bring fibre directions to another grid.

    A direction and its opposite mean the same, so that not vectors but their outer products are
    resampled; the vectors themselves, in world axes, do not turn with the grid.

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
    parts = [unit[..., a] * unit[..., b] for a, b in _PAIRS]
    moved = resample(directions.with_data(np.stack(parts, axis=3).astype(np.float32)), grid).data
    share = moved[..., 0] + moved[..., 2] + moved[..., 5]
    matrix = np.zeros((*grid.shape, 3, 3), np.float32)
    for part, (a, b) in enumerate(_PAIRS):
        matrix[..., a, b] = matrix[..., b, a] = moved[..., part]
    inside = share > _MIN_SHARE
    out = np.zeros((*grid.shape, 3), np.float32)
    spread = np.zeros(grid.shape, np.float32)
    values, vectors = np.linalg.eigh(matrix[inside])
    out[inside] = vectors[..., 2]
    # The largest eigenvalue is the mean of cos^2 to the mean direction.
    off = 1 - np.clip(values[:, 2] / share[inside], 0, 1)
    spread[inside] = np.degrees(np.arcsin(np.sqrt(off)))
    return out, spread
