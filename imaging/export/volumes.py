"""Anatomy, labels and overlays for the viewer page, on grids small enough to inline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import LabelError
from imaging.export.packing import nifti, scaled_bytes, value_range
from imaging.image import Image, regrid, resample
from imaging.musclemap.titles import shown

# Voxels carried; anatomy and labels share a grid.
_ANATOMY_VOXELS = 2_500_000
_OVERLAY_VOXELS, _ALL_OVERLAYS_VOXELS = 600_000, 5_000_000
_LAYERS_LEFT_OUT = ("label", "anatomy", "b0_before")


def volumes(arrays: Mapping[str, Image]) -> dict[str, str]:
    """Return the anatomical image in 256 shades of grey, and the labels, on one grid."""
    grid = _smaller(arrays["label"], _ANATOMY_VOXELS)
    anatomy = arrays["anatomy"]
    values = resample(anatomy.with_data(np.nan_to_num(anatomy.data).astype(np.float32)), grid).data
    low, high = np.percentile(values, [0.5, 99.5])
    span = high - low if high > low else 1.0
    shades = np.clip((values - low) / span * 255, 0, 255).astype(np.uint8)
    labels = resample(arrays["label"], grid, order=0).data
    for label, value in voxel_values(arrays["label"].data).items():
        labels = np.where(labels == label, value, labels)
    return {
        "anatomy": nifti(Image(shades, grid.affine)),
        "labels": nifti(Image(labels.astype(np.uint8), grid.affine)),
    }


def voxel_values(labels: NDArray[Any]) -> dict[int, int]:
    """Return the byte that stands for each label too large for one, the largest free ones first.

    Raises
    ------
    LabelError
        More labels than a byte tells apart.
    """
    present = set(np.unique(labels).tolist())
    free = sorted(set(range(1, 256)) - present)
    large = sorted(label for label in present if label > 255)
    if len(large) > len(free):
        why = f"{len(present)} structures are more than the viewer tells apart"
        raise LabelError(why, None, "Give at most 255")
    return dict(zip(large, reversed(free), strict=False))


def overlays(arrays: Mapping[str, Image]) -> list[dict[str, Any]]:
    """Return every scalar layer that holds values, cropped to them, with its limits and unit."""
    chosen = {
        name: image
        for name, image in arrays.items()
        if name not in _LAYERS_LEFT_OUT and image.data.ndim == 3 and np.isfinite(image.data).any()
    }
    out = []
    for name, image in chosen.items():
        # Background is 0 in arrays that were never masked.
        background = (image.data == 0) & (arrays["label"].data == 0)
        data = np.where(background, np.nan, image.data).astype(np.float32)
        small = _cropped(image.with_data(data))
        if small is None:
            continue
        voxels = min(_OVERLAY_VOXELS, _ALL_OVERLAYS_VOXELS // len(chosen))
        small = resample(small, _smaller(small, voxels), order=0, fill=np.nan)
        title, unit, factor = shown(name)
        small = small.with_data(small.data * np.float32(factor))
        low, high = value_range(small.data)
        out.append(
            {"id": name, "title": title, "unit": unit, "low": low, "high": high,
             "nifti": nifti(small.with_data(scaled_bytes(small.data, low, high)))}
        )  # fmt: skip
    return out


def _cropped(image: Image) -> Image | None:
    """Return the part of an image that holds finite values."""
    where = np.nonzero(np.isfinite(image.data))
    if len(where[0]) == 0:
        return None
    low = np.array([w.min() for w in where])
    high = np.array([w.max() for w in where]) + 1
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world(low)
    part = image.data[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    return Image(part, affine)


def _smaller(image: Image, voxels: int) -> Image:
    """Return a grid of the same field of view with about so many voxels at most."""
    spacing, extent = image.spacing, np.array(image.shape) * image.spacing
    # The finest axes are thinned first, so that thick slices stay as they are.
    target = spacing.copy()
    while np.prod(np.maximum(np.rint(extent / target), 1)) > voxels:
        target = np.where(target == target.min(), target * 1.1, target)
    return image if np.array_equal(target, spacing) else regrid(image, target)
