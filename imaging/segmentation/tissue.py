"""Rough tissue classes of one leg in an image of unknown contrast.

Everything is judged against muscle: a slice is divided by the median of its deep part, which is
mostly muscle, so that 1 is muscle whatever the sequence. Cortical bone is dark in every sequence;
subcutaneous fat is whatever the shell under the skin looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.legs import depth_in_slices

_DARK = (0.2, 0.3, 0.4, 0.5, 0.6)
CEILING = 20.0
"""Largest intensity, in parts of muscle's: fat in an image of fat alone is about that."""
_MIN_CONTRAST = 0.2
_TIBIA_MM2 = 280.0


@dataclass(frozen=True)
class Tissue:
    """Tissue classes of one leg, all (I, J, K) on one grid.

    Attributes
    ----------
    intensity : float array
        Relative to muscle (1).
    leg, envelope, tibia, fibula : bool arrays
        The leg; what lies under the subcutaneous fat; the bones (empty where not found).
    fat : bool array
        Subcutaneous fat; empty where it cannot be told from muscle.
    valid : (K,) bool
        Slices with signal.
    """

    intensity: NDArray[np.float32]
    leg: BoolArray
    envelope: BoolArray
    tibia: BoolArray
    fibula: BoolArray
    fat: BoolArray
    valid: BoolArray


def classify(data: NDArray[Any], leg: BoolArray, spacing: FloatArray) -> Tissue:
    """Find the rough tissue classes of one leg.

    Parameters
    ----------
    data : (I, J, K)
        Image, any contrast; the third axis runs along the leg.
    leg : (I, J, K) bool
        Mask of this leg.
    spacing : (3,)
        Voxel size, mm.
    """
    depth = depth_in_slices(leg, spacing)
    intensity, valid = relative_intensity(data, depth)
    fat = subcutaneous_fat(intensity, depth, spacing) & valid
    tibia, fibula = bones(intensity, leg, depth, spacing)
    envelope = _fill(leg & ~fat & valid & (depth > 1.5) | tibia | fibula, spacing)
    return Tissue(intensity, leg, envelope, tibia & valid, fibula & valid, fat, valid)


def relative_intensity(
    data: NDArray[Any], depth: NDArray[np.float32]
) -> tuple[NDArray[np.float32], BoolArray]:
    """Divide every slice by the median of its deep part; tell which slices have signal."""
    level = np.zeros(data.shape[2])
    for k in range(data.shape[2]):
        deepest = float(depth[:, :, k].max())
        if deepest > 8.0:
            level[k] = np.median(data[:, :, k][depth[:, :, k] > min(12.0, 0.5 * deepest)])
    valid = level > 0.4 * np.percentile(level, 90)
    # A run of slices, not single ones: signal that comes back beyond a gap is an artefact.
    runs, count = ndimage.label(valid)
    if count:
        longest = 1 + int(np.argmax(ndimage.sum_labels(valid, runs, range(1, count + 1))))
        valid = runs == longest
    safe = np.where(valid, np.maximum(level, 1e-6), np.inf)
    return (np.clip(data / safe, 0, CEILING)).astype(np.float32), valid


def subcutaneous_fat(
    intensity: NDArray[np.float32], depth: NDArray[np.float32], spacing: FloatArray
) -> BoolArray:
    """Return what looks like the shell under the skin and hangs together with it.

    Empty where the shell has the intensity of muscle (in-phase images, for example).
    """
    shell = (depth > 2.0) & (depth < 5.0)
    if not shell.any():
        return np.zeros(depth.shape, bool)
    level = float(np.median(intensity[shell]))
    if abs(level - 1.0) < _MIN_CONTRAST:
        return np.zeros(depth.shape, bool)
    middle = 0.5 * (1.0 + level)
    alike = (intensity > middle) if level > 1.0 else (intensity < middle)
    alike &= (depth > 0) & (depth < 30.0)
    rim = (depth > 0) & (depth <= 2.5)
    alike = ndimage.binary_opening(alike | rim, _ball(2.0, spacing)) | rim
    fat = ndimage.binary_propagation(rim, mask=alike)
    # A muscle darker than the others hangs together with the fat: none lies that deep.
    mean_depth = 2.5 * float(fat.sum()) / max(float(rim.sum()), 1.0)
    return fat & (depth < 2.0 * mean_depth + 3.0)


def bones(
    intensity: NDArray[np.float32], inside: BoolArray, depth: NDArray[np.float32],
    spacing: FloatArray,
) -> tuple[BoolArray, BoolArray]:  # fmt: skip
    """Return tibia and fibula: closed rings of dark cortex with what they enclose.

    Either is empty where it is not found in at least 20 mm of consecutive slices.
    """
    shell = intensity[(depth > 2.0) & (depth < 5.0)]
    level = min(1.0, max(0.5, float(np.median(shell)))) if shell.size else 1.0
    voxel = float(spacing[0] * spacing[1])
    found = np.zeros(inside.shape, np.uint8)
    # Cortex is darker than septa: strict thresholds first, looser ones where these find nothing.
    for threshold in _DARK:
        for k in np.flatnonzero(inside.any((0, 1))):
            dark = inside[:, :, k] & (intensity[:, :, k] < threshold * level)
            rings = _rings(dark, inside[:, :, k] & (depth[:, :, k] > 2.0), voxel, spacing)
            for kind in (1, 2):
                if not (found[:, :, k] == kind).any():
                    found[:, :, k][(rings == kind) & (found[:, :, k] == 0)] = kind
    tibia = _longest(found == 2, spacing)
    apart = ndimage.binary_dilation(tibia, _ball(4.0, spacing))
    ringed = _longest((found == 1) & ~apart, spacing)
    solid = np.zeros_like(ringed)
    for k in np.flatnonzero(inside.any((0, 1))):
        deep = (depth[:, :, k] > 8.0) & ~apart[:, :, k]
        solid[:, :, k] = _dark_bodies(intensity[:, :, k] < 0.5, deep, voxel, spacing)
    solid = _longest(solid, spacing)
    slices = [int(m.any((0, 1)).sum()) for m in (ringed, solid)]
    return tibia, ringed if slices[0] >= 0.7 * slices[1] else solid


def _dark_bodies(dark: BoolArray, deep: BoolArray, voxel: float, spacing: FloatArray) -> BoolArray:
    """Return compact dark bodies of the size of a fibula whose marrow is too small to see."""
    out = np.zeros_like(dark)
    filled = ndimage.binary_fill_holes(dark & deep)
    blobs, _ = ndimage.label(ndimage.binary_opening(filled, _ball(2.5, spacing)[..., 0]))
    for label, box in enumerate(ndimage.find_objects(blobs), 1):
        body = blobs[box] == label
        extent = np.sort([n * s for n, s in zip(body.shape, spacing[:2], strict=True)])
        solid = extent[1] < 2.2 * extent[0] and body.sum() > 0.45 * body.size
        if solid and 40.0 < body.sum() * voxel < _TIBIA_MM2:
            out[box] |= body
    return out


def _rings(
    dark: BoolArray, inside: BoolArray, voxel: float, spacing: FloatArray
) -> NDArray[np.uint8]:
    """Mark in one slice marrow enclosed by dark cortex: 2 of the size of a tibia, 1 fibula."""
    out = np.zeros(dark.shape, np.uint8)
    # The thin cortex under the skin may be broken by partial volume: also after erosion.
    for shrunk in (0, 1):
        bright = ndimage.binary_erosion(~dark, iterations=1) if shrunk else ~dark
        blobs, _ = ndimage.label(bright)
        found = _marrow(blobs, dark, inside, voxel, spacing, shrunk)
        out[(out == 0) & (found > 0)] = found[(out == 0) & (found > 0)]
    return out


def _marrow(
    blobs: NDArray[np.int32], dark: BoolArray, inside: BoolArray, voxel: float,
    spacing: FloatArray, shrunk: int,
) -> NDArray[np.uint8]:  # fmt: skip
    """Mark bodies of marrow with the cortex around them: 2 of the size of a tibia, 1 fibula."""
    out = np.zeros(dark.shape, np.uint8)
    outer = np.unique(blobs[~inside & (blobs > 0)])
    for label, box in enumerate(ndimage.find_objects(blobs), 1):
        body = blobs[box] == label
        extent = np.sort([n * s for n, s in zip(body.shape, spacing[:2], strict=True)])
        area = body.sum() * voxel
        solid = extent[1] < 2.2 * extent[0] and body.sum() > 0.45 * body.size
        if label in outer or not 12.0 < area < 2200.0 or not solid:
            continue
        reach = 7.0 if area > 100.0 else 4.0
        away = ndimage.distance_transform_edt(blobs != label, sampling=spacing[:2])
        near = away <= shrunk * float(max(spacing[:2]))
        bone = near | (dark & (away < reach))
        bone = ndimage.binary_opening(bone, _ball(2.5, spacing)[..., 0]) | near
        out[bone] = 2 if bone.sum() * voxel > _TIBIA_MM2 else 1
    return out


def _longest(mask: BoolArray, spacing: FloatArray) -> BoolArray:
    """Keep the body that runs through most slices, if these make 20 mm, and what continues it."""
    bodies, count = ndimage.label(mask)
    boxes = ndimage.find_objects(bodies)
    tall = [box[2].stop - box[2].start for box in boxes]
    if not tall or max(tall) * spacing[2] < 20.0:
        return np.zeros_like(mask)
    kept = bodies == 1 + int(np.argmax(tall))
    # Pieces in line with the longest one, over gaps of up to 30 mm.
    reach = max(1, int(30.0 / spacing[2]))
    for _ in range(count):
        near = ndimage.binary_dilation(kept, _ball(5.0, spacing))
        near = ndimage.binary_dilation(near, np.ones((1, 1, 2 * reach + 1), bool))
        near &= ~kept.any((0, 1)) | kept
        wanted = np.unique(bodies[near & mask])
        grown = kept | np.isin(bodies, wanted[wanted > 0])
        if (grown == kept).all():
            break
        kept = grown
    return kept


def _fill(mask: BoolArray, spacing: FloatArray) -> BoolArray:
    """Close gaps of a few millimetres, fill holes and keep the largest body of each slice."""
    out = np.zeros_like(mask)
    disk = _ball(4.0, spacing)[..., 0]
    for k in range(mask.shape[2]):
        slice_ = ndimage.binary_opening(mask[:, :, k], disk)
        blobs, count = ndimage.label(slice_)
        if count:
            sizes = ndimage.sum_labels(slice_, blobs, range(1, count + 1))
            largest = np.pad(blobs == 1 + int(np.argmax(sizes)), 8)
            closed = ndimage.binary_closing(largest, disk)
            out[:, :, k] = ndimage.binary_fill_holes(closed)[8:-8, 8:-8]
    return out


def _ball(radius_mm: float, spacing: FloatArray) -> BoolArray:
    """Return a disk across the leg as structuring element, one slice thick."""
    n, m = (max(1, int(radius_mm / s)) for s in spacing[:2])
    x, y = np.mgrid[-n : n + 1, -m : m + 1]
    return (np.hypot(x / (n + 0.01), y / (m + 0.01)) <= 1.05)[..., None]
