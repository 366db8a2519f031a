"""Mask of the legs in diffusion images: bright tissue, its larger pieces, holes filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from imaging.errors import ComputationError
from imaging.image import Image

_SMOOTH_MM = 2.0
# Below Otsu's value: coil fall-off darkens part of the muscle, and the background is far darker.
_OTSU_SHARE = 0.6
_MIN_PIECE = 0.1


def leg_mask(reference: Image) -> NDArray[np.bool_]:
    """Find the legs in a 3-D image with bright muscle.

    Parameters
    ----------
    reference : Image
        For example the mean over all volumes.

    Returns
    -------
    (I, J, K) bool array
        Pieces of at least a tenth of the largest one; bones and vessels inside are filled slice
        by slice across the longest axis of the field of view.

    Raises
    ------
    ComputationError
        The image is constant.
    """
    smooth = ndimage.gaussian_filter(reference.data, _SMOOTH_MM / reference.spacing)
    if np.ptp(smooth) == 0:
        raise ComputationError("No leg found: the diffusion images are constant.")
    # Otsu on the square root: coil sensitivity and fat make the bright class very wide.
    root = np.sqrt(np.clip(smooth, 0, None))
    mask = smooth > _OTSU_SHARE * threshold_otsu(root) ** 2
    mask = ndimage.binary_opening(mask, iterations=1) | (mask & (min(mask.shape) < 5))
    pieces, count = ndimage.label(mask)
    if count == 0:
        raise ComputationError("No leg found in the diffusion images: nothing is bright enough.")
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    mask = (sizes >= _MIN_PIECE * sizes.max())[pieces]
    return fill_slices(mask, long_axis(reference))


def long_axis(image: Image) -> int:
    """Return the voxel axis that points most nearly along the legs (world S)."""
    return int(np.argmax(np.abs(image.rotation[2])))


def fill_slices(mask: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Fill holes in every slice across a voxel axis."""
    slices = np.moveaxis(mask, axis, 0)
    filled = np.stack([ndimage.binary_fill_holes(s) for s in slices])
    return np.ascontiguousarray(np.moveaxis(filled, 0, axis))


def bounding_box(mask: NDArray[np.bool_], margin: int = 0) -> tuple[slice, slice, slice]:
    """Return the slices around a mask, widened by a margin in voxels."""
    box = []
    for axis in range(3):
        inside = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + 1 + margin))
    return box[0], box[1], box[2]
