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
from imaging.image import Image, apply_affine

# Smoothing and knot distance, mm; every level learns the contrast from the one before.
_LEVELS = (
    (4.0, 60.0), (4.0, 40.0), (3.0, 30.0), (2.0, 24.0), (2.0, 20.0), (1.5, 14.0), (1.5, 12.0),
)  # fmt: skip
_SURROUNDINGS_MM = 4.0
_GAIN_MM = 40.0
_VALUES, _EXTREMES = 9, 3  # classes of value and of each extreme
_SEEN = 50.0  # voxels that a class must fill to have a signal
_RIDGE = 1e-4
_EVERY = 3  # voxels, in the fit of signals
_SLOPE_SD = 0.05  # mm per mm: other contrasts can mislead, so smoother than a pair


def field_to_anatomy(
    b0: FloatArray, shares: FloatArray, weight: FloatArray, spacing: FloatArray
) -> Field:
    """Find the displacement of a b = 0 image, along the last axis.

    Parameters
    ----------
    b0 : (I, J, K) array
        The last axis is that of phase encoding.
    shares : (C, I, J, K) array
        From :func:`tissue_shares`, axes as those of `b0`.
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
    b0: FloatArray, shares: FloatArray, weight: FloatArray, spacing: FloatArray
) -> FloatArray:
    """Return the b = 0 image (I, J, K) that the anatomical image lets expect."""
    seen = np.flatnonzero(weight.ravel() > 0)[::_EVERY]
    flat = shares.reshape(len(shares), -1)
    rows = flat[:, seen].astype(np.float64)
    known = rows.sum(axis=1) > _SEEN / _EVERY
    gain = np.ones(b0.shape)
    for _ in range(2):
        signals = _signals(rows[known], (b0 / gain).ravel()[seen])
        mean = (signals.astype(np.float32) @ flat[known]).astype(np.float64).reshape(b0.shape)
        top, bottom = (
            ndimage.gaussian_filter(a * weight, _GAIN_MM / spacing, mode="nearest")
            for a in (b0 * mean, mean * mean)
        )
        gain = np.maximum(top / np.maximum(bottom, 1e-9 * bottom.max()), 1e-3)
    return mean * gain


def _signals(shares: FloatArray, values: FloatArray) -> FloatArray:
    """Return one signal per class (C,) from shares (C, P) and values (P,), robustly."""
    trust = np.ones(len(values))
    for _ in range(3):
        normal = (shares * trust) @ shares.T
        normal[np.diag_indices_from(normal)] += _RIDGE * np.trace(normal) / len(normal)
        signals = np.linalg.solve(normal, (shares * trust) @ values)
        rest = values - signals @ shares
        trust = np.square(1 / (1 + np.square(rest / max(2 * float(rest.std()), 1e-9))))
    return signals


def tissue_shares(anatomy: Image, grid: Image, world: FloatArray) -> FloatArray:
    """Return the share (C, I, J, K) of each class of the anatomical image in voxels of a grid.

    The extremes nearby part muscle from voxels that are half fat and half air or bone.

    Parameters
    ----------
    anatomy, grid : Image
        3-D.
    world : (4, 4) array
        From the world of the grid to that of the anatomical image.
    """
    fine = anatomy.data.astype(np.float32)
    size = tuple(2 * np.rint(_SURROUNDINGS_MM / anatomy.spacing).astype(int) + 1)
    least, most = ndimage.minimum_filter(fine, size), ndimage.maximum_filter(fine, size)
    high = float(np.percentile(fine, 99.5))
    out = np.zeros((_VALUES * _EXTREMES**2, *grid.shape), np.float32)
    voxels = np.moveaxis(np.indices(grid.shape), 0, -1)
    for step in product((-0.25, 0.25), repeat=3):
        points = apply_affine(world, grid.to_world(voxels + np.array(step)))
        places = np.moveaxis(anatomy.to_voxels(points), -1, 0)
        value = _classes(ndimage.map_coordinates(fine, places, order=1), high, _VALUES)
        around = (
            _classes(ndimage.map_coordinates(extreme, places, order=0), high, _EXTREMES)
            for extreme in (least, most)
        )
        pairs = [one * other for one, other in product(*around)]
        for number, (one, other) in enumerate(product(value, pairs)):
            out[number] += one * other / 8
    return out


def _classes(values: FloatArray, high: float, count: int) -> list[FloatArray]:
    """Return how much values belong to each of evenly spread classes; these add up to 1."""
    place = np.clip(values / max(high, 1e-12), 0, 1) * (count - 1)
    return [np.clip(1 - np.abs(place - c), 0, 1).astype(np.float32) for c in range(count)]


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
