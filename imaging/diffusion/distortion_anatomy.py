"""Distortion from the anatomical image alone: b = 0 undone along one axis until both agree.

The contrasts differ, so the anatomical image is first turned into what b = 0 would look like. Its
voxels are sorted softly into classes by value and by the extremes around them, on its own fine
grid; each class has one signal at b = 0, found by least squares from the shares of the classes in
the voxels of b = 0, and found again at every level. Roche A, et al. The correlation ratio as a new
similarity measure for multimodal image registration. MICCAI 1998, LNCS 1496:1115.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.distortion_field import (
    Field,
    Linearised,
    Model,
    Thinning,
    fit_field,
    undistort,
)
from imaging.diffusion.tissue_shares import TissueShares, fill_shares
from imaging.image import Image, apply_affine

# Smoothing and knot distance, mm; every level learns the contrast from the one before.
_LEVELS = (
    (4.0, 60.0), (4.0, 40.0), (3.0, 30.0), (2.0, 24.0), (2.0, 20.0), (1.5, 14.0), (1.5, 12.0),
)  # fmt: skip
_SURROUNDINGS_MM = 4.0
_GAIN_MM = 40.0
_BLOCKS_PER_SIGMA = 5.0  # of that mean
_SEEN = 50.0  # voxels that a class must fill to have a signal
_EVERY = 3  # voxels, in the fit of signals
_SLOPE_SD = 0.05  # mm per mm: other contrasts can mislead, so smoother than a pair


def field_to_anatomy(
    b0: FloatArray, shares: TissueShares, weight: FloatArray, spacing: FloatArray
) -> Field:
    """Find the displacement of a b = 0 image, along the last axis.

    Parameters
    ----------
    b0 : (I, J, K) array
        The last axis is that of phase encoding.
    shares : TissueShares
        From :func:`tissue_shares`, on the grid of `b0`.
    weight : (I, J, K) array
        0 where there is nothing to see.
    spacing : (3,) array
        Voxel sizes in mm.
    """
    field = Field(np.zeros(b0.shape), np.zeros(b0.shape))
    for level in _LEVELS:
        restored = undistort(b0.astype(float), field, float(spacing[2]))[0]
        expected = expected_b0(restored, shares, weight, spacing)
        model = _model(b0, expected, spacing)
        field = fit_field(model, weight, spacing, (level,), start=field, slope_sd=_SLOPE_SD)
    return field


def expected_b0(
    b0: FloatArray, shares: TissueShares, weight: FloatArray, spacing: FloatArray
) -> FloatArray:
    """Return the b = 0 image (I, J, K) that the anatomical image lets expect."""
    seen = np.flatnonzero(weight.ravel() > 0)[::_EVERY]
    known = shares.volumes(seen) > _SEEN / _EVERY
    gain = np.ones(b0.shape)
    for _ in range(2):
        signals = shares.signals((b0 / gain).ravel()[seen], seen, known)
        mean = shares.image(signals)
        top, bottom = (_far_mean(a * weight, spacing) for a in (b0 * mean, mean * mean))
        gain = np.maximum(top / np.maximum(bottom, 1e-9 * bottom.max()), 1e-3)
    return mean * gain


def _far_mean(values: FloatArray, spacing: FloatArray) -> FloatArray:
    """Return the Gaussian mean over 40 mm, from blocks that are small beside it."""
    block = np.maximum((_GAIN_MM / _BLOCKS_PER_SIGMA / spacing).astype(int), 1)
    parts = [np.arange(0, n, b) for n, b in zip(values.shape, block, strict=True)]
    mean = values
    for axis, starts in enumerate(parts):
        size = np.diff(np.append(starts, values.shape[axis]))
        mean = np.add.reduceat(mean, starts, axis) / np.expand_dims(size, tuple({0, 1, 2} - {axis}))
    mean = ndimage.gaussian_filter(mean, _GAIN_MM / (spacing * block), mode="nearest")
    return np.asarray(ndimage.affine_transform(
        mean, 1 / block, -(block - 1) / (2 * block), output_shape=values.shape, order=1,
        mode="nearest",
    ))  # fmt: skip


def tissue_shares(anatomy: Image, grid: Image, world: FloatArray, axis: int = 2) -> TissueShares:
    """Return the share of each class of the anatomical image in voxels of a grid.

    The extremes nearby part muscle from voxels that are half fat and half air or bone.

    Parameters
    ----------
    anatomy, grid : Image
        3-D.
    world : (4, 4) array
        From the world of the grid to that of the anatomical image.
    axis
        Voxel axis of the grid that comes last in the shares.
    """
    to_anatomy = np.linalg.inv(anatomy.affine) @ world @ grid.affine
    part, to_part = _part_seen(anatomy, grid.shape, to_anatomy)
    size = tuple(2 * np.rint(_SURROUNDINGS_MM / anatomy.spacing).astype(int) + 1)
    least, most = ndimage.minimum_filter(part, size), ndimage.maximum_filter(part, size)
    high = float(np.percentile(anatomy.data, 99.5))
    order = [a for a in range(3) if a != axis] + [axis]
    shape = tuple(grid.shape[a] for a in order)
    steps = np.array(list(product((-0.25, 0.25), repeat=3)))
    return TissueShares(
        shape, *fill_shares(part, least, most, max(high, 1e-12), to_part, order, shape, steps)
    )


def _part_seen(
    anatomy: Image, shape: tuple[int, ...], to_anatomy: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the part of the anatomical image around a grid, and the grid's voxels to its own."""
    corners = np.array(list(product(*((-0.5, n - 0.5) for n in shape))))
    there = apply_affine(to_anatomy, corners)
    rim = np.ceil(_SURROUNDINGS_MM / anatomy.spacing) + 2
    last = np.array(anatomy.shape)
    start = np.clip(np.floor(there.min(0) - rim), 0, last - 1).astype(int)
    stop = np.clip(np.ceil(there.max(0) + rim) + 1, start + 1, last).astype(int)
    moved = to_anatomy.copy()
    moved[:3, 3] -= start
    i, j, k = (slice(a, b) for a, b in zip(start, stop, strict=True))
    return np.ascontiguousarray(anatomy.data[i, j, k], np.float32), moved


def _model(
    b0: FloatArray, expected: FloatArray, spacing: FloatArray
) -> Callable[[float, Thinning], Model]:
    step = float(spacing[2])

    def at_width(width_mm: float, thin: Thinning) -> Model:
        seen, wanted = (
            ndimage.gaussian_filter(g.astype(float), width_mm / spacing, mode="nearest")[thin]
            for g in (b0, expected)
        )

        def model(field: Field) -> Linearised:
            restored, plain, change = undistort(seen, field, step)
            return Linearised(restored - wanted, change * (1 + field.slope), plain)

        return model

    return at_width
