"""What an internal aponeurosis divides: sides of a muscle that must not be smoothed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.geometry import AponeurosisSurface
from imaging.image import apply_affine

BLEND_MM = 5.0  # beyond a sheet's rim, after which its two sides are one
_WHOLE = 0.99
_PURITY = 4  # power of the share: the tensor of a voxel shared with other tissue is that of neither


@dataclass(frozen=True)
class Compartments:
    """Sides of the sheets on a grid; compartment number = sum of 2^s over sheets s it is above.

    Attributes
    ----------
    side_mm : (S, I, J, K) float32 array
        Height above each sheet.
    weights : (2^S, I, J, K) float32 array
        How much each voxel counts for each compartment.
    """

    side_mm: FloatArray
    weights: FloatArray


def divide(
    share: FloatArray,
    affine: FloatArray,
    sheets: Sequence[AponeurosisSurface],
    blend_mm: float = BLEND_MM,
    purity: float = _PURITY,
) -> Compartments:
    """Divide a muscle by its sheets.

    Over a sheet its two sides know nothing of each other; beyond its rim they grow together
    within `blend_mm`, because there the muscle is one. What lies inside a sheet that has a
    thickness is no muscle.

    Parameters
    ----------
    share : (I, J, K) array
        Share of each voxel that lies in the muscle.
    affine : (4, 4) array
        Voxels to world mm.
    sheets
        None, one or more.
    blend_mm
        Distance beyond the rim at which both sides count fully for each other.
    purity
        A voxel counts by this power of its share in the muscle; of its share on either side of a
        sheet always the fourth.
    """
    side_mm = sides(share.shape, affine, sheets)
    pure = _of_muscle(share, affine, sheets) ** purity
    weights = np.repeat(pure[None], 2 ** len(sheets), axis=0)
    points = _centres(share.shape, affine)
    for s, sheet in enumerate(sheets):
        beyond = sheet.beyond_mm(points).reshape(share.shape)
        joined = np.clip(beyond / blend_mm, 0.0, 1.0) ** 2
        upper = _share_above(side_mm[s])
        for code in range(len(weights)):
            own = upper if code >> s & 1 else 1.0 - upper
            weights[code] *= np.maximum(own**_PURITY, joined)
    return Compartments(side_mm, weights)


def _share_above(height: FloatArray) -> FloatArray:
    """Return the share of each voxel (I, J, K) above a sheet, from its centre's height in mm."""
    return np.clip(0.5 + 0.5 * height / np.maximum(_half_extent(height), 1e-6), 0.0, 1.0)


def _half_extent(height: FloatArray) -> FloatArray:
    """Return by how much the height above a sheet differs between a voxel's centre and its rim."""
    return np.asarray(0.5 * np.sum([np.abs(slope) for slope in np.gradient(height)], axis=0))


def sides(
    shape: tuple[int, ...], affine: FloatArray, sheets: Sequence[AponeurosisSurface]
) -> FloatArray:
    """Return the height (S, I, J, K) of the voxels of a grid above each sheet, mm."""
    points = _centres(shape, affine)
    out = np.zeros((len(sheets), *shape), np.float32)
    for s, sheet in enumerate(sheets):
        out[s] = sheet.side_mm(points).reshape(shape)
    return out


def uncut(
    share: FloatArray, affine: FloatArray, sheets: Sequence[AponeurosisSurface]
) -> NDArray[np.bool_]:
    """Return which voxels (I, J, K) lie wholly in the muscle and on one side of every sheet.

    `share` (I, J, K) is the share of each voxel in the muscle, `affine` takes voxels to world mm.
    """
    whole = _of_muscle(share, affine, sheets) > _WHOLE
    for height in sides(share.shape, affine, sheets):
        whole &= np.abs(height) > _half_extent(height)
    return whole


def off_sheets(points: FloatArray, sheets: Sequence[AponeurosisSurface]) -> NDArray[np.bool_]:
    """Tell which points (P, 3), world mm, lie in no sheet's body: there is no muscle in there."""
    free = np.ones(len(points), bool)
    for sheet in sheets:
        free &= ~sheet.holds(points)
    return free


def _of_muscle(
    share: FloatArray, affine: FloatArray, sheets: Sequence[AponeurosisSurface]
) -> FloatArray:
    """Return the share (I, J, K) of each voxel in the muscle less what lies in sheets."""
    share = np.array(share, np.float32)
    bodies = [sheet for sheet in sheets if sheet.closed]
    if bodies:
        voxels = np.argwhere(share > 0)
        free = np.zeros(len(voxels))
        for shift in product((-1 / 3, 0.0, 1 / 3), repeat=3):
            free += off_sheets(apply_affine(affine, voxels + shift), bodies) / 27.0
        share[tuple(voxels.T)] *= free
    return share


def _centres(shape: tuple[int, ...], affine: FloatArray) -> FloatArray:
    return apply_affine(affine, np.argwhere(np.ones(shape, bool)))
