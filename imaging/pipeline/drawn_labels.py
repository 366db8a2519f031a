"""One label map of muscles that were drawn one by one, each on a grid of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.image import Image, resample
from imaging.io.muscles import DrawnMuscle

_MARGIN_MM = 10.0
# More voxels would not be seen in a picture, but cost memory in each of a dozen layers.
_MOST_VOXELS = 4_000_000
_LEAST_SHARED_ML = 0.1
# Between which share of a voxel a mask may be cut to keep its volume.
_CUT = (0.3, 0.7)
_TIE = 0.02


def drawn_labels(muscles: Sequence[DrawnMuscle]) -> tuple[Image, list[str]]:
    """Return the labels of all muscles on one grid, and warnings where muscles overlap.

    The grid has the axes and voxels of the most finely drawn muscle, coarser where it would be
    too large, and holds all muscles with a margin. Where muscles overlap the smaller one wins.

    Parameters
    ----------
    muscles
        At least one.
    """
    grid = _common_grid(muscles)
    labels = np.zeros(grid.shape, np.int16)
    owner = {m.label: m.name for m in muscles}
    warnings = []
    for muscle in sorted(muscles, key=lambda m: m.mask.data.sum() * m.mask.voxel_ml):
        own = _on_grid(muscle.mask, grid)
        for label in np.unique(labels[own & (labels > 0)]):
            shared = float((own & (labels == label)).sum()) * grid.voxel_ml
            if shared >= _LEAST_SHARED_ML:
                warnings.append(
                    f"{muscle.name} overlaps {owner[int(label)]} by {shared:.1f} ml, which "
                    f"pictures, FA and diffusivities give to {owner[int(label)]}; volumes and "
                    "fascicles count them in both."
                )
        labels[own & (labels == 0)] = muscle.label
    return grid.with_data(labels), warnings


def _on_grid(mask: Image, grid: Image) -> BoolArray:
    """Return a mask on another grid, of the same volume.

    Between coarse slices a mask cut at one half loses its convex ends: so many voxels are taken,
    those with the largest shares, as make up its volume.
    """
    shares = resample(mask.with_data(mask.data.astype(np.float32)), grid).data
    wanted = round(float(mask.data.sum()) * mask.voxel_ml / grid.voxel_ml)
    if not 0 < wanted < shares.size:
        return np.asarray(shares > 0.5)
    # Half-way between two slices whole planes share one value: what lies deeper goes first.
    order = shares + _TIE * ndimage.gaussian_filter(shares, 1.0)
    least = np.partition(order, shares.size - wanted, axis=None)[shares.size - wanted]
    return np.asarray(((order >= least) & (shares > _CUT[0])) | (shares > _CUT[1]))


def _common_grid(muscles: Sequence[DrawnMuscle]) -> Image:
    finest = min(muscles, key=lambda m: m.mask.voxel_ml).mask
    spacing, axes = finest.spacing, finest.rotation
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3:
        axes = np.eye(3)  # a map has no sheared axes
    corners = np.concatenate([_corners(m.mask) for m in muscles]) @ axes
    low, high = corners.min(axis=0) - _MARGIN_MM, corners.max(axis=0) + _MARGIN_MM
    # Voxel centres stay where the finest muscle has them.
    first = finest.affine[:3, 3] @ axes
    low = first - np.ceil((first - low) / spacing) * spacing
    while np.prod(shape := np.ceil((high - low) / spacing).astype(int) + 1) > _MOST_VOXELS:
        spacing = np.where(spacing == spacing.min(), spacing * 1.1, spacing)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * spacing, axes @ low
    return Image(np.zeros(shape, np.uint8), affine)


def _corners(mask: Image) -> FloatArray:
    """Return the corners (8, 3) of the box of a mask's voxels, world mm."""
    where = np.argwhere(mask.data)
    ends = np.array([where.min(axis=0) - 0.5, where.max(axis=0) + 0.5])
    return mask.to_world(np.array(np.meshgrid(*ends.T)).reshape(3, -1).T)
