"""What atlas and image have in common: surfaces and septa, as channels for registration.

An atlas of labels has no intensities, and the image may have any contrast, so both are reduced to
channels that mean the same on either side: clipped signed distances to the fascia around the
muscles, to the tibia and to the fibula, and thin septa between muscles.

Coordinates are voxel index times voxel size (mm along the voxel axes), here called grid mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from imaging.arrays import BoolArray, FloatArray
from imaging.muscles import structure
from imaging.segmentation.tissue import Tissue

CLIP_MM = 10.0
CHANNELS = ("envelope", "tibia", "fibula", "septa")


@dataclass(frozen=True)
class Features:
    """Channels of one leg.

    Attributes
    ----------
    channels : (C, I, J, K) float32
        See ``CHANNELS``; distances in units of 10 mm, negative inside.
    weights : (C, I, J, K) float32
        How much each voxel of each channel can be trusted.
    envelope, tibia, fibula : (I, J, K) bool
        What the distances were taken from.
    spacing : (3,) array
        Voxel size, mm.
    """

    channels: NDArray[np.float32]
    weights: NDArray[np.float32]
    envelope: BoolArray
    tibia: BoolArray
    fibula: BoolArray
    spacing: FloatArray


def image_features(tissue: Tissue, spacing: FloatArray) -> Features:
    """Return the channels of an image from its rough tissue classes."""
    septa = _septa_of_intensity(tissue, spacing)
    fascia_known = 1.0 if tissue.fat.any() else 0.3
    return _features(
        tissue.envelope, tissue.tibia, tissue.fibula, septa, spacing, tissue.valid, fascia_known
    )


def label_features(labels: NDArray[np.int16], spacing: FloatArray) -> tuple[Features, BoolArray]:
    """Return the channels of a label map of one leg, and its tibia (found, if not labelled).

    Where the atlas lacks the tibia, it is what lies between the muscles and their convex hull
    in each slice: the tibia's free face lies under the skin.
    """
    index = labels % 100
    skin = [structure("SAT").index, structure("SKIN").index]
    inside = (labels > 0) & ~np.isin(index, skin)
    tibia = index == structure("TIB").index
    fibula = index == structure("FIB").index
    if not tibia.any():
        tibia = hull_gap(inside, spacing)
    envelope = envelope_of(inside | tibia, spacing)
    valid = np.asarray(envelope.any((0, 1)))
    septa = _septa_of_labels(index, envelope & ~tibia & ~fibula, spacing)
    return _features(envelope, tibia, fibula, septa, spacing, valid, 1.0), tibia


def hull_gap(inside: BoolArray, spacing: FloatArray) -> BoolArray:
    """Return the thick body between muscles and their convex hull, the tibia's place."""
    gap = np.zeros_like(inside)
    radius = max(1, int(5.0 / min(spacing[:2])))
    disk = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    for k in range(inside.shape[2]):
        if inside[:, :, k].sum() > 20:
            empty = convex_hull_image(inside[:, :, k]) & ~inside[:, :, k]
            gap[:, :, k] = ndimage.binary_opening(empty, disk)
    bodies, count = ndimage.label(gap)
    if count == 0:
        return gap
    return bodies == 1 + int(np.argmax(ndimage.sum_labels(gap, bodies, range(1, count + 1))))


def envelope_of(inside: BoolArray, spacing: FloatArray) -> BoolArray:
    """Close the gaps between muscles, slice by slice."""
    out = np.zeros_like(inside)
    for k in range(inside.shape[2]):
        if not inside[:, :, k].any():
            continue
        pad = int(20.0 / min(spacing[:2]))
        slice_ = np.pad(inside[:, :, k], pad)
        away = ndimage.distance_transform_edt(~slice_, sampling=spacing[:2]) > 8.0
        closed = ndimage.distance_transform_edt(~away, sampling=spacing[:2]) > 8.0
        out[:, :, k] = ndimage.binary_fill_holes(closed | slice_)[pad:-pad, pad:-pad]
    return out


def _features(
    envelope: BoolArray,
    tibia: BoolArray,
    fibula: BoolArray,
    septa: NDArray[np.float32],
    spacing: FloatArray,
    valid: BoolArray,
    fascia_known: float,
) -> Features:
    distances = [distance_outside(m, spacing) for m in (envelope, tibia, fibula)]
    channels = np.stack([*distances, septa]).astype(np.float32)
    weights = np.zeros_like(channels)
    weights[0] = fascia_known * (envelope.any((0, 1)) & valid)
    weights[1] = tibia.any((0, 1)) & valid
    weights[2] = fibula.any((0, 1)) & valid
    weights[3] = 1.0 * valid
    return Features(channels, weights, envelope, tibia, fibula, spacing)


def distance_outside(mask: BoolArray, spacing: FloatArray) -> NDArray[np.float32]:
    """Return the distance to the border within each slice, negative inside, clipped, per 10 mm."""
    out = np.ones(mask.shape, np.float32)
    for k in range(mask.shape[2]):
        if mask[:, :, k].any():
            padded = np.pad(mask[:, :, k], 1, mode="edge")
            outside = ndimage.distance_transform_edt(~padded, sampling=spacing[:2])
            within = ndimage.distance_transform_edt(padded, sampling=spacing[:2])
            out[:, :, k] = np.clip((outside - within)[1:-1, 1:-1] / CLIP_MM, -1, 1)
    return out


def _septa_of_intensity(tissue: Tissue, spacing: FloatArray) -> NDArray[np.float32]:
    """Return thin lines within the muscles, dark or bright, 0..1."""
    inside = ndimage.binary_erosion(tissue.envelope, np.ones((3, 3, 1), bool))
    bone = ndimage.binary_dilation(tissue.tibia | tissue.fibula, np.ones((5, 5, 1), bool))
    values = np.where(inside & ~bone, np.minimum(tissue.intensity, 4.0), 1.0)
    width = [max(3, int(2 * round(4.0 / s) + 1)) for s in spacing[:2]]
    dark = ndimage.grey_closing(values, (*width, 1)) - values
    bright = values - ndimage.grey_opening(values, (*width, 1))
    line = np.maximum(dark, bright) * (inside & ~bone)
    scale = np.percentile(line[inside & ~bone], 95) if (inside & ~bone).any() else 1.0
    return np.clip(line / max(float(scale), 1e-3), 0, 1).astype(np.float32)


def _septa_of_labels(
    index: NDArray[np.int16], inside: BoolArray, spacing: FloatArray
) -> NDArray[np.float32]:
    """Return the borders between different muscles and the gaps between them, 0..1."""
    muscles = np.where(inside, index, 0)
    changed = np.zeros(index.shape, bool)
    for axis in (0, 1):
        step = np.diff(muscles, axis=axis) != 0
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        changed[tuple(low)] |= step
        changed[tuple(high)] |= step
    core = ndimage.binary_erosion(inside, np.ones((3, 3, 1), bool))
    return (changed & core).astype(np.float32)
