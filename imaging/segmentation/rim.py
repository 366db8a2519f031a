"""The rim of the muscles: what lies under the skin and looks like muscle is no subcutaneous fat.

Where fat is suppressed and a surface coil makes the rim of the muscles bright, as in images without
diffusion weighting, a network that knows fat as bright gives the outer millimetres of the muscles
to it. The image says otherwise wherever its fat and its muscle differ: muscles are grown outwards,
voxel by voxel, for as long as what follows is nearer to the muscle under it than to the fat of this
leg. Where fat and muscle look alike nothing is changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, Float32, FloatArray
from imaging.muscles import structure
from imaging.segmentation.legs import depth_in_slices
from imaging.segmentation.shares import Shares

#: How far muscles grow at most, mm.
REACH_MM = 9.0
# Depth under the skin at which fat is looked for: not the voxels that air shares.
_SKIN_MM = (1.0, 4.0)
_CORE_MM, _LOCAL_MM, _SMOOTH_MM = 3.0, 8.0, 1.0
_GAP_MM, _SHRED_MM = 6.0, 3.0
# Of muscle's signal: what is darker under bright fat is fascia.
_FASCIA = 0.6
# How many standard deviations fat and muscle must be apart to be told apart.
_APART = 2.5
_LEAST_VOXELS = 200


@dataclass(frozen=True)
class Levels:
    """Signal of fat beside that of the muscle next to it (1), and how well they are told apart.

    Attributes
    ----------
    fat : float
        Signal of subcutaneous fat, in parts of muscle's.
    apart : float
        Distance of the two in standard deviations of muscle.
    """

    fat: float
    apart: float

    @property
    def told(self) -> bool:
        """Whether a voxel can be given to one of them by its signal."""
        return self.apart > _APART


def with_rim(shares: Shares, data: Float32, mask: BoolArray) -> Shares:
    """Return shares whose muscles reach as far under the skin as the image shows muscle.

    Parameters
    ----------
    shares
        Of one leg, third axis along the leg.
    data : (I, J, K) float32
        Image on the grid of the shares.
    mask : (I, J, K) bool
        The leg there.
    """
    winner, spacing = shares.winner, shares.grid.spacing
    muscle = _muscles(shares.keys)[winner] & mask
    if "SAT" not in shares.keys or muscle.sum() < _LEAST_VOXELS:
        return shares
    ratio = beside_muscle(data, muscle, spacing)
    around = mask & ~_filled(winner > shares.keys.index("SAT"), spacing)
    levels = fat_levels(ratio, muscle, around, mask, spacing)
    if not levels.told:
        return shares
    free = around & _like_muscle(ratio, levels.fat)
    return _given(shares, winner, muscle, _grown(muscle, free, spacing))


def beside_muscle(data: Float32, muscle: BoolArray, spacing: FloatArray) -> Float32:
    """Return the image in parts of the muscle nearby (I, J, K), lightly smoothed."""
    sigma = np.minimum(_LOCAL_MM / spacing, 2.5)
    weight = ndimage.gaussian_filter(muscle.astype(np.float32), sigma)
    level = ndimage.gaussian_filter(np.where(muscle, data, 0).astype(np.float32), sigma)
    level /= np.maximum(weight, 1e-6)
    level[weight < 1e-6] = np.median(data[muscle])
    smooth = ndimage.gaussian_filter(data.astype(np.float32), (*(_SMOOTH_MM / spacing[:2]), 0.0))
    return np.asarray(smooth / np.maximum(level, 1e-6), np.float32)


def fat_levels(
    ratio: Float32, muscle: BoolArray, around: BoolArray, mask: BoolArray, spacing: FloatArray
) -> Levels:
    """Return the signal of what lies outermost beside that of muscle, and how well it is told.

    Parameters
    ----------
    ratio : (I, J, K) float32
        From :func:`beside_muscle`.
    muscle, around, mask : (I, J, K) bool
        Labelled muscle, what lies around all that is labelled, the leg.
    spacing : (3,)
        Voxel size, mm.
    """
    depth = depth_in_slices(mask, spacing)
    fat = ratio[around & (depth > _SKIN_MM[0]) & (depth <= _SKIN_MM[1])]
    core = ratio[muscle & (depth_in_slices(muscle, spacing) > _CORE_MM)]
    if fat.size < _LEAST_VOXELS or core.size < _LEAST_VOXELS:
        return Levels(1.0, 0.0)
    middle = float(np.median(core))
    spread = 1.4826 * float(np.median(np.abs(core - middle)))
    level = float(np.median(fat)) / max(middle, 1e-6)
    return Levels(level, abs(level - 1.0) / max(spread / max(middle, 1e-6), 1e-3))


def _muscles(keys: tuple[str, ...]) -> BoolArray:
    return np.array([bool(key) and structure(key).is_muscle for key in keys])


def _filled(inner: BoolArray, spacing: FloatArray) -> BoolArray:
    """Close the gaps between muscles and bones, slice by slice."""
    disk = _disk(_GAP_MM, spacing)
    pad = [(n // 2 + 1,) * 2 for n in disk.shape[:2]] + [(0, 0)]
    cut = tuple(slice(a, -a if a else None) for a, _ in pad)
    out = ndimage.binary_closing(np.pad(inner, pad), disk)[cut]
    for k in np.flatnonzero(out.any((0, 1))):
        out[:, :, k] = ndimage.binary_fill_holes(out[:, :, k])
    return out


def _like_muscle(ratio: Float32, fat: float) -> BoolArray:
    """Tell what is nearer to muscle than to fat; at the middle half a voxel is muscle."""
    middle = 0.5 * (1.0 + fat)
    if fat < 1.0:
        return ratio > middle
    return (ratio < middle) & (ratio > _FASCIA)


def _grown(muscle: BoolArray, free: BoolArray, spacing: FloatArray) -> BoolArray:
    """Grow muscle within slices into what is free, without shreds."""
    cross = ndimage.generate_binary_structure(2, 1)[..., None]
    rounds = max(1, round(REACH_MM / float(spacing[:2].min())))
    wide = ndimage.binary_dilation(muscle, cross, rounds, mask=muscle | free)
    disk = _disk(_SHRED_MM, spacing)
    return ndimage.binary_opening(wide, disk) & ~muscle


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


def _disk(radius_mm: float, spacing: FloatArray) -> BoolArray:
    n, m = (int(radius_mm / s) for s in spacing[:2])
    x, y = np.mgrid[-n : n + 1, -m : m + 1]
    return (np.hypot(x * spacing[0], y * spacing[1]) <= radius_mm)[..., None]
