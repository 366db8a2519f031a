"""Points spread evenly in a muscle, and the share of each voxel that lies in it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray, IntArray
from imaging.geometry import TriangleIndex, inside, mesh_volume
from imaging.image import apply_affine, voxel_size
from imaging.memory import ensure_fits

_FEWEST_SEEDS = 200  # a small muscle's mean needs as many as a large one's
_FIX = "Set fibres seed_spacing_mm to a larger distance, and check the muscle's mask"


def spread_seeds(
    points: FloatArray, faces: IntArray, most_mm: float, rng: np.random.Generator
) -> FloatArray:
    """Return points (F, 3) spread evenly inside a closed surface (N, 3), (M, 3), about 200 or more.

    One random point in every cube that falls inside. Cubes have edges of `most_mm`, or less in a
    small muscle. Jitter within the cube keeps the spread even and avoids lining up with voxels or
    fascicles.

    Raises
    ------
    InputError
        The points would not fit into the machine's memory.
    """
    spacing_mm = min(most_mm, (abs(mesh_volume(points, faces)) / _FEWEST_SEEDS) ** (1 / 3))
    low, high = points.min(axis=0), points.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.ceil((high - low) / spacing_mm)
    ensure_fits((*cells, 6), 8, "the points that start fascicles", None, _FIX)
    axes = [np.arange(a, b, spacing_mm) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid + rng.uniform(0.0, spacing_mm, grid.shape)
    return grid[inside(TriangleIndex.build(points, faces), grid)]


def muscle_share(
    mask: NDArray[Any], mask_affine: FloatArray, shape: tuple[int, ...], affine: FloatArray
) -> FloatArray:
    """Return the share (I, J, K) of each voxel of one grid that lies in a mask on another.

    Each voxel is probed at 3 x 3 x 3 places.
    """
    matrix = np.linalg.inv(mask_affine) @ affine
    source = np.asarray(mask, dtype=np.uint8)
    share = np.zeros(shape, np.float32)
    for shift in product((-1 / 3, 0.0, 1 / 3), repeat=3):
        offset = apply_affine(matrix, np.array(shift))
        share += ndimage.affine_transform(
            source, matrix[:3, :3], offset, output_shape=shape, order=0, mode="constant", cval=0
        )
    return share / 27.0


def crop_to(
    mask: NDArray[Any],
    mask_affine: FloatArray,
    shape: tuple[int, ...],
    affine: FloatArray,
    margin_mm: float,
) -> tuple[tuple[slice, slice, slice], FloatArray] | None:
    """Return the box of a grid that holds a mask on another grid, with a margin.

    Returns
    -------
    box, affine
        Slices into the grid and the (4, 4) affine of the cropped grid; None if they do not meet.
    """
    voxels = np.argwhere(mask)
    low, high = voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5
    corners = np.array(list(product(*zip(low, high, strict=True))))
    there = apply_affine(np.linalg.inv(affine) @ mask_affine, corners)
    margin = margin_mm / voxel_size(affine) + 1
    first = np.maximum(np.floor(there.min(axis=0) - margin), 0).astype(int)
    last = np.minimum(np.ceil(there.max(axis=0) + margin) + 1, shape[:3]).astype(int)
    if (last - first < 2).any():
        return None
    moved = affine.copy()
    moved[:3, 3] = apply_affine(affine, first)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return (i, j, k), moved
