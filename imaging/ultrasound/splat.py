"""Samples of frames spread over the voxels of a grid, as thick as the sound beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imaging.arrays import FloatArray
from imaging.image import Image
from imaging.ultrasound.samples import FramePlane, Samples

# A slab or a cell is cut into points at most this share of the smallest voxel edge apart.
_APART = 0.5


def splat(
    samples: Samples,
    planes: Sequence[FramePlane],
    slab_mm: Sequence[float],
    values: Mapping[str, FloatArray],
    grid: Image,
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Average samples into voxels.

    Every sample fills its cell in the plane and the slab across it; a voxel takes the mean of what
    falls into it, weighted with confidence.

    Parameters
    ----------
    samples
    planes, slab_mm
        Place and beam thickness (mm) of every frame that samples name.
    values
        Arrays (N,) by name; a nan takes no part.
    grid
        Any image on the wanted grid.

    Returns
    -------
    maps : dict of (I, J, K) float32 arrays
        0 where nothing fell.
    weight : (I, J, K) float32 array
        Sum of confidences in mm3.
    """
    shape = grid.shape
    size = int(np.prod(shape))
    sums = {name: np.zeros(size) for name in values}
    weights = {name: np.zeros(size) for name in values}
    total = np.zeros(size)
    to_voxel = np.linalg.inv(grid.affine)
    apart = _APART * float(grid.spacing.min())
    for number in np.unique(samples.frame):
        chosen = np.flatnonzero(samples.frame == number)
        plane, cell = planes[number], samples.cell_mm[chosen[0]]
        u, v, w = (_offsets(length, apart) for length in (*cell, slab_mm[number]))
        axes = plane.matrix[:3, :2] / np.linalg.norm(plane.matrix[:3, :2], axis=0)
        volume = float(np.prod(cell)) * slab_mm[number] / (len(u) * len(v) * len(w))
        mass = samples.confidence[chosen] * volume
        for across in w:
            for right in u:
                for down in v:
                    shift = axes[:, 0] * right + axes[:, 1] * down + plane.normal * across
                    point = (samples.world[chosen] + shift) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
                    voxel = np.rint(point).astype(int)
                    inside = ((voxel >= 0) & (voxel < shape)).all(axis=1)
                    flat = np.ravel_multi_index(tuple(voxel[inside].T), shape)
                    np.add.at(total, flat, mass[inside])
                    for name, array in values.items():
                        value = array[chosen][inside]
                        good = np.isfinite(value)
                        np.add.at(sums[name], flat[good], (mass[inside] * value)[good])
                        np.add.at(weights[name], flat[good], mass[inside][good])
    maps = {
        name: np.divide(sums[name], weights[name], out=np.zeros(size), where=weights[name] > 0)
        .reshape(shape)
        .astype(np.float32)
        for name in values
    }
    return maps, total.reshape(shape).astype(np.float32)


def _offsets(length: float, apart: float) -> FloatArray:
    """Return the middles of equal parts of a length, at most `apart` long, around 0."""
    count = max(int(np.ceil(length / apart)), 1)
    return (np.arange(count) + 0.5) * (length / count) - length / 2
