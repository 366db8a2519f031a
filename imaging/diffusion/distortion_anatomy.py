"""Distortion from the anatomical image alone: b = 0 undone along one axis until both agree.

The contrasts differ, so the anatomical image is first turned into what b = 0 would look like: the
mean of b = 0 over voxels of the same anatomical value and the same surroundings, times a smooth
gain. Both are found again at every level. Roche A, et al. The correlation ratio as a new similarity
measure for multimodal image registration. MICCAI 1998, LNCS 1496:1115.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.diffusion.distortion_field import (
    Field,
    Linearised,
    Model,
    Thinning,
    fit_field,
    undistort,
)

FloatArray = NDArray[np.floating[Any]]

# Smoothing and knot distance, mm; each level twice, since its contrast comes from the one before.
_LEVELS = ((4.0, 60.0), (4.0, 40.0), (3.0, 30.0), (2.0, 24.0), (2.0, 20.0))
_SURROUNDINGS_MM = 4.0
_GAIN_MM = 40.0
_BINS = (32, 12, 12)
_BIN_WIDTH = 0.7


def field_to_anatomy(
    b0: FloatArray, anatomy: FloatArray, weight: FloatArray, spacing: FloatArray
) -> Field:
    """Find the displacement of a b = 0 image, along the last axis.

    Parameters
    ----------
    b0, anatomy : (I, J, K) arrays
        On one grid, the last axis being that of phase encoding.
    weight : (I, J, K) array
        0 where there is nothing to see.
    spacing : (3,) array
        Voxel sizes in mm.
    """
    field = Field(np.zeros(b0.shape), np.zeros(b0.shape))
    for level in _LEVELS:
        restored = undistort(b0.astype(float), field, float(spacing[2]))[0]
        expected = expected_b0(restored, anatomy, weight, spacing)
        field = fit_field(_model(b0, expected, spacing), weight, spacing, (level,), start=field)
    return field


def expected_b0(
    b0: FloatArray, anatomy: FloatArray, weight: FloatArray, spacing: FloatArray
) -> FloatArray:
    """Return the b = 0 image (I, J, K) that the anatomical image lets expect."""
    index = _tissue(anatomy.astype(float), weight, spacing)
    gain = np.ones(b0.shape)
    for _ in range(2):
        flat = b0 / gain
        total, count = (
            np.bincount(index.ravel(), (v * weight).ravel(), np.prod(_BINS)).reshape(_BINS)
            for v in (flat, np.ones(b0.shape))
        )
        total, count = (
            ndimage.gaussian_filter(a, _BIN_WIDTH, mode="nearest") for a in (total, count)
        )
        mean = (total / np.maximum(count, 1e-9)).ravel()[index]
        top, bottom = (
            ndimage.gaussian_filter(a * weight, _GAIN_MM / spacing, mode="nearest")
            for a in (b0 * mean, mean * mean)
        )
        gain = np.maximum(top / np.maximum(bottom, 1e-9 * bottom.max()), 1e-3)
    return mean * gain


def _tissue(anatomy: FloatArray, weight: FloatArray, spacing: FloatArray) -> NDArray[np.intp]:
    """Return the bin (I, J, K) of each voxel's value and of the extremes around it.

    The extremes part muscle from voxels that are half fat and half air or bone.
    """
    low, high = np.percentile(anatomy[weight > 0], [0.5, 99.5])
    size = tuple(2 * np.rint(_SURROUNDINGS_MM / spacing).astype(int) + 1)
    features = (
        anatomy,
        ndimage.minimum_filter(anatomy, size),
        ndimage.maximum_filter(anatomy, size),
    )
    index = np.zeros(anatomy.shape, np.intp)
    for values, bins in zip(features, _BINS, strict=True):
        scaled = (values - low) / max(high - low, 1e-12) * bins
        index = index * bins + np.clip(scaled.astype(np.intp), 0, bins - 1)
    return index


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
