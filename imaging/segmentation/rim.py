"""The rim of the muscles: what lies under the skin and looks like muscle is no subcutaneous fat.

Where fat is suppressed and a surface coil makes the rim of the muscles bright, as in images without
diffusion weighting, a network that knows fat as bright gives the outer millimetres of the muscles
to it. The image says otherwise where what lies around the labelled muscles falls into two kinds,
one as bright as muscle and one darker (Otsu, IEEE Trans Syst Man Cybern 9, 1979): then muscles are
grown outwards for as long as what follows is of their kind. Where it is all of one kind, as where
fat is as bright as muscle or the labels already reach the fascia, nothing is changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from imaging.arrays import BoolArray, Float32, FloatArray
from imaging.muscles import structure
from imaging.segmentation.legs import depth_in_slices, disk
from imaging.segmentation.shares import Shares

#: How far muscles grow at most, mm.
REACH_MM = 9.0
_LOCAL_MM, _SMOOTH_MM, _GAP_MM, _SHRED_MM = 8.0, 1.0, 6.0, 3.0
# What is looked at begins so many voxels under the skin, where air shares none, and is so deep.
_SKIN_VOXELS, _DEEP_MM = 1.5, 9.0
# Means of the two kinds, in parts of muscle, and how many standard deviations they are apart; one
# normal distribution cut into two has 2.65.
_MUSCLE, _DARK, _APART = (0.85, 1.15), 0.7, 3.1
_LEAST_VOXELS = 200


def with_rim(shares: Shares, data: Float32, mask: BoolArray, voxel_mm: float) -> Shares:
    """Return shares whose muscles reach as far under the skin as the image shows muscle.

    Parameters
    ----------
    shares
        Of one leg, third axis along the leg.
    data : (I, J, K) float32
        Image on the grid of the shares.
    mask : (I, J, K) bool
        The leg there.
    voxel_mm
        Voxel size of the scan across the leg.
    """
    winner, spacing = shares.winner, shares.grid.spacing
    muscle = _muscles(shares.keys)[winner] & mask
    if "SAT" not in shares.keys or muscle.sum() < _LEAST_VOXELS:
        return shares
    ratio = beside_muscle(data, muscle, spacing)
    around = mask & ~_filled(winner > shares.keys.index("SAT"), spacing)
    depth = depth_in_slices(mask, spacing) - max(_SKIN_VOXELS * voxel_mm, float(spacing[0]))
    threshold = darkest_muscle(ratio[around & (depth > 0) & (depth < _DEEP_MM)])
    if threshold is None:
        return shares
    return _given(shares, winner, muscle, _grown(muscle, around & (ratio > threshold), spacing))


def beside_muscle(data: Float32, muscle: BoolArray, spacing: FloatArray) -> Float32:
    """Return the image in parts of the muscle nearby (I, J, K), lightly smoothed."""
    sigma = np.minimum(_LOCAL_MM / spacing, 2.5)
    weight = ndimage.gaussian_filter(muscle.astype(np.float32), sigma)
    level = ndimage.gaussian_filter(np.where(muscle, data, 0).astype(np.float32), sigma)
    level /= np.maximum(weight, 1e-6)
    level[weight < 1e-6] = np.median(data[muscle])
    smooth = ndimage.gaussian_filter(data.astype(np.float32), (*(_SMOOTH_MM / spacing[:2]), 0.0))
    return np.asarray(smooth / np.maximum(level, 1e-6), np.float32)


def darkest_muscle(ratio: Float32) -> float | None:
    """Return the signal that parts muscle from darker fat; None where they are not told apart.

    Parameters
    ----------
    ratio : (N,) float32
        Signal around the labelled muscles, in parts of the muscle nearby.
    """
    if ratio.size < _LEAST_VOXELS or np.ptp(ratio) == 0:
        return None
    ratio = np.clip(ratio, 0.0, 3.0)
    threshold = float(threshold_otsu(ratio))
    fat, muscle = ratio[ratio <= threshold], ratio[ratio > threshold]
    apart = muscle.mean() - fat.mean()
    spread = np.sqrt(0.5 * (fat.var() + muscle.var()))
    alike = _MUSCLE[0] < muscle.mean() < _MUSCLE[1] and fat.mean() < _DARK
    return threshold if alike and apart > _APART * spread else None


def _muscles(keys: tuple[str, ...]) -> BoolArray:
    return np.array([bool(key) and structure(key).is_muscle for key in keys])


def _filled(inner: BoolArray, spacing: FloatArray) -> BoolArray:
    """Close the gaps between muscles and bones, slice by slice."""
    around = disk(_GAP_MM, spacing)
    pad = [(n // 2 + 1,) * 2 for n in around.shape[:2]] + [(0, 0)]
    cut = tuple(slice(a, -a if a else None) for a, _ in pad)
    out = ndimage.binary_closing(np.pad(inner, pad), around)[cut]
    for k in np.flatnonzero(out.any((0, 1))):
        out[:, :, k] = ndimage.binary_fill_holes(out[:, :, k])
    return out


def _grown(muscle: BoolArray, free: BoolArray, spacing: FloatArray) -> BoolArray:
    """Grow muscle within slices into what is free, without shreds."""
    cross = ndimage.generate_binary_structure(2, 1)[..., None]
    rounds = max(1, round(REACH_MM / float(spacing[:2].min())))
    wide = ndimage.binary_dilation(muscle, cross, rounds, mask=muscle | free)
    return ndimage.binary_opening(wide, disk(_SHRED_MM, spacing)) & ~muscle


def _given(shares: Shares, winner: NDArray[np.int16], muscle: BoolArray, new: BoolArray) -> Shares:
    """Give voxels to the nearest muscle of their slice."""
    values = shares.values.copy()
    for k in np.flatnonzero(new.any((0, 1))):
        near = ndimage.distance_transform_edt(
            ~muscle[:, :, k], sampling=shares.grid.spacing[:2],
            return_distances=False, return_indices=True,
        )  # fmt: skip
        i, j = np.nonzero(new[:, :, k])
        own = winner[:, :, k][near[0][i, j], near[1][i, j]]
        old = winner[i, j, k]
        values[own, i, j, k], values[old, i, j, k] = values[old, i, j, k], values[own, i, j, k]
    return Shares(shares.keys, values, shares.grid)
