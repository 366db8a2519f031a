"""Smooth tensors of both sides of a sheet, and whether they foretell the voxels better than one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.architecture.smoothing import Kernel, coarsen, local_polynomial
from imaging.arrays import BoolArray, FloatArray
from imaging.image import apply_affine, voxel_size

_KERNEL = Kernel(14.0, 1)  # wide: a field that follows misplaced voxels cannot tell them
_BLOCK_MM = 4.5  # of voxels joined before so wide a kernel
_RIDGE = 0.03
_DIAGONAL = [0, 2, 5]  # of xx xy yy xz yz zz
FEWEST_VOXELS = 28  # as many as the sheet's height has terms


@dataclass(frozen=True)
class SheetData:
    """Tensors of a muscle, of order one, on its grid and at its voxels (P,)."""

    tensor: FloatArray  # (I, J, K, 6)
    share: FloatArray  # (I, J, K)
    inside: BoolArray  # (I, J, K)
    own: FloatArray  # (P, 6)
    points: FloatArray  # (P, 3), world mm
    affine: FloatArray
    spacing: FloatArray

    @classmethod
    def of(cls, tensor: FloatArray, share: FloatArray, affine: FloatArray) -> SheetData:
        """Take tensors (I, J, K, 6) and shares (I, J, K) on a grid with an affine (4, 4)."""
        inside = (share > 0.5) & np.any(tensor != 0, axis=-1)
        tensor = tensor / (float(np.abs(tensor[inside]).max(initial=0.0)) or 1.0)
        points = apply_affine(affine, np.argwhere(inside))
        own = tensor[inside].astype(float)
        return cls(tensor, share * inside, inside, own, points, affine, voxel_size(affine))


def side_fields(data: SheetData, above: BoolArray) -> tuple[list[FloatArray], BoolArray]:
    """Return the smooth tensors (P, 6) of the side below and above, and where both are known."""
    fields, known = [], np.ones(len(above), bool)
    for side in (~above, above):
        weight = np.zeros(data.share.shape, np.float32)
        weight[data.inside] = data.share[data.inside] * side
        smooth, there, _ = _smooth(data, weight)
        fields.append(smooth)
        known &= there
    return fields, known


def _smooth(data: SheetData, weight: FloatArray) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Return smooth tensors (P, 6) of the voxels inside, where known, and their leverage (P,)."""
    spacing = data.spacing
    values, weights, coarse_mm = coarsen(data.tensor, weight[None], spacing, _BLOCK_MM)
    block = np.rint(coarse_mm / spacing)
    smooth, known, leverage = local_polynomial(values, weights[0], coarse_mm, _KERNEL, _RIDGE)
    at = ((np.argwhere(data.inside) - (block - 1) / 2) / block).T
    stack = np.concatenate([smooth, known[..., None], leverage[..., None]], axis=-1)
    found = [
        ndimage.map_coordinates(stack[..., n].astype(np.float32), at, order=1, mode="nearest")
        for n in range(stack.shape[-1])
    ]
    there = found[-2] > 0.5
    mean = np.stack(found[:-2], axis=1) / np.maximum(found[-2], 0.5)[:, None]
    return mean, there, found[-1] / np.prod(block)


def misfit(difference: FloatArray) -> FloatArray:
    """Return the squared size (P,) of differences of tensors (P, 6) less what is isotropic.

    How much water diffuses on the whole differs from place to place for more reasons than fibres.
    """
    mean = difference[:, _DIAGONAL].mean(axis=1)
    whole = np.square(difference).sum(axis=1)
    twice = np.square(np.delete(difference, _DIAGONAL, axis=1)).sum(axis=1)
    return np.asarray(whole + twice - 3.0 * mean**2)


def evidence_of(
    data: SheetData, height: FloatArray, fields: list[FloatArray], near: BoolArray
) -> float:
    """Return by how many standard errors two fields fit the voxels near the sheet better than one.

    The advantage that a voxel has in its own field, the more so in the smaller one, is taken off
    by its leverage.
    """
    if near.sum() < FEWEST_VOXELS:
        return 0.0
    one, _, leverage = _smooth(data, data.share.astype(np.float32))
    two = np.where((height > 0)[:, None], fields[1], fields[0])
    single = misfit(data.own - one) / np.maximum(1.0 - leverage, 0.1) ** 2
    double = misfit(data.own - two) / np.maximum(1.0 - 2.0 * leverage, 0.1) ** 2
    usual = float(np.median(single[near])) or 1.0
    gain = np.log1p(single[near] / usual) - np.log1p(double[near] / usual)
    return float(gain.mean() / (gain.std() / np.sqrt(len(gain)) + 1e-12))
