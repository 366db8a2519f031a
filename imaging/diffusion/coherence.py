"""How coherent fibre directions are under a gradient table that was turned.

Walking along e1 from a voxel, e1 should stay the same.

References
----------
Schilling KG, et al. A fiber coherence index for quality control of B-table orientation in
diffusion MRI scans. Magn Reson Imaging 2019;58:82.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.tensor import TensorFit, to_matrix
from imaging.image import Image

MIN_BLOCKS = 8
_SMOOTHING_MM = 3.0
_WALKS_MM = (6.0, 10.0)
_BLOCK_MM = 25.0
_FEWEST_IN_BLOCK = 20


def smooth_direction(fit: TensorFit, mask: NDArray[np.bool_], grid: Image) -> FloatArray:
    """Return e1 (I, J, K, 3) of the smoothed tensor; 0 outside the mask."""
    smooth = np.empty_like(fit.tensor)
    for c in range(6):
        ndimage.gaussian_filter(
            fit.tensor[..., c], _SMOOTHING_MM / grid.spacing, output=smooth[..., c]
        )
    e1 = np.zeros_like(fit.e1)
    e1[mask] = np.linalg.eigh(to_matrix(smooth[mask]))[1][:, :, 2]
    return e1


def block_coherence(
    voxels: NDArray[Any],
    e1: FloatArray,
    good: NDArray[np.bool_],
    turns: FloatArray,
    grid: Image,
) -> FloatArray:
    """Return the mean squared cosine of e1 here and a walk away, per turn and block (C, B).

    Parameters
    ----------
    voxels : (P, 3) array
        Where walks start.
    e1 : (I, J, K, 3) array
        World RAS+, of the table as given.
    good : (I, J, K) bool array
        Where walks may end.
    turns : (C, 3, 3) array
        What each table does to world directions.
    grid : Image
        Any image on the grid.

    Returns
    -------
    array
        NaN where a block has too few walks. Neighbours are not independent, blocks nearly are.
    """
    given = e1[tuple(voxels.T)]
    blocks = _blocks(voxels, grid)
    out = np.empty((len(turns), blocks.max() + 1 if len(blocks) else 0))
    for c, turn in enumerate(turns):
        out[c] = _block_means(_walk(voxels, given, e1, good, turn, grid), blocks)
    return out


def paired_t(a: FloatArray, b: FloatArray) -> float:
    """Return the paired t statistic over blocks (B,)."""
    difference = a - b
    difference = difference[np.isfinite(difference)]
    if len(difference) < MIN_BLOCKS:
        return 0.0
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return float(difference.mean() / max(error, 1e-9))


def _walk(
    voxels: NDArray[Any],
    given: FloatArray,
    e1: FloatArray,
    good: NDArray[np.bool_],
    turn: FloatArray,
    grid: Image,
) -> FloatArray:
    """Return the mean squared cosine (P,) of e1 there and a walk away; NaN where it leaves."""
    direction = given @ turn.T @ np.linalg.inv(grid.affine[:3, :3]).T
    total = np.zeros(len(voxels))
    count = np.zeros(len(voxels))
    for walk in (*_WALKS_MM, *(-w for w in _WALKS_MM)):
        there = np.rint(voxels + walk * direction).astype(int)
        inside = ((there >= 0) & (there < grid.shape)).all(1)
        there[~inside] = 0
        index = tuple(there.T)
        inside &= good[index]
        cosine = np.einsum("ij,ij->i", e1[index], given)
        total += np.where(inside, cosine**2, 0)
        count += inside
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _blocks(voxels: NDArray[Any], grid: Image) -> NDArray[Any]:
    """Return the number of the cube that each voxel lies in."""
    cubes = np.floor(voxels * grid.spacing / _BLOCK_MM).astype(int)
    return np.unique(cubes, axis=0, return_inverse=True)[1].ravel()


def _block_means(score: FloatArray, blocks: NDArray[Any]) -> FloatArray:
    """Return the mean score of every block, NaN where it has none."""
    valid = np.isfinite(score)
    count = np.bincount(blocks[valid], minlength=blocks.max() + 1)
    total = np.bincount(blocks[valid], score[valid], minlength=blocks.max() + 1)
    return np.where(count >= _FEWEST_IN_BLOCK, total / np.maximum(count, 1), np.nan)
