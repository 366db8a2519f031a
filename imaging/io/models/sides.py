"""Left and right for labels of models that do not tell them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray
from imaging.image import Image
from imaging.muscles import SIDE_CODES, Side


def split_sides(
    labels: Image, legs: Sequence[BoolArray], sides: Sequence[Side]
) -> NDArray[np.int16]:
    """Give labels without a side the side of the leg they lie in.

    Parameters
    ----------
    labels
        100·side + index; those that have a side keep it.
    legs : masks (I, J, K)
        One per leg, on the grid of `labels`.
    sides
        Side of each leg.

    Returns
    -------
    (I, J, K) int16
        A voxel outside every leg (skin, the rim of the mask) goes to the nearest one.
    """
    out = labels.data.astype(np.int16, copy=True)
    open_ = (out > 0) & (out < 100)
    if not open_.any():
        return out
    owner = _owner(labels, legs, open_)
    codes = np.array([0, *(100 * SIDE_CODES[side] for side in sides)], np.int16)
    out[open_] += codes[owner[open_]]
    return out


def _owner(labels: Image, legs: Sequence[BoolArray], wanted: BoolArray) -> NDArray[np.int16]:
    """Return the number (from 1) of the leg of each voxel, or of the nearest leg."""
    owner = np.zeros(labels.shape, np.int16)
    for n, leg in enumerate(legs, 1):
        owner[leg] = n
    if (wanted & (owner == 0)).any() and owner.any():
        nearest = ndimage.distance_transform_edt(
            owner == 0, sampling=labels.spacing, return_distances=False, return_indices=True
        )
        owner = owner[tuple(nearest)]
    return owner


def swapped_share(labels: Image, legs: Sequence[BoolArray], sides: Sequence[Side]) -> float:
    """Return the share of labels with a side that lie in a leg of the other side, 0..1.

    A model that confuses sides, or an image stored mirrored, shows here.
    """
    known = wrong = 0
    for leg, side in zip(legs, sides, strict=True):
        codes = labels.data[leg] // 100
        if side != "undecided":
            known += int((codes > 0).sum())
            wrong += int(((codes > 0) & (codes != SIDE_CODES[side])).sum())
    return wrong / known if known else 0.0
