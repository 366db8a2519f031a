"""Distortion from a pair of b = 0 images with reversed phase encoding.

Both images are undone by one field with opposite signs until they agree. Andersson JLR, Skare S,
Ashburner J. NeuroImage 2003;20:870; Holland D, et al. NeuroImage 2010;50:175.
"""

from __future__ import annotations

from collections.abc import Callable

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

# Smoothing and knot distance, mm.
_LEVELS = ((6.0, 40.0), (4.0, 24.0), (2.0, 14.0), (1.0, 9.0))


def field_of_pair(
    forward: FloatArray,
    backward: FloatArray,
    weight: FloatArray,
    spacing: FloatArray,
    ratio: float = 1.0,
) -> Field:
    """Find the displacement of the forward image, along the last axis.

    Parameters
    ----------
    forward, backward : (I, J, K) arrays
        b = 0 images on one grid, the last axis being that of phase encoding.
    weight : (I, J, K) array
        0 where there is nothing to see.
    spacing : (3,) array
        Voxel sizes in mm.
    ratio
        Readout time of the backward image over that of the forward image.
    """
    model = _pair_model(forward, _same_gain(backward, forward, weight), spacing, ratio)
    return fit_field(model, weight, spacing, _LEVELS)


def _pair_model(
    forward: FloatArray, backward: FloatArray, spacing: FloatArray, ratio: float
) -> Callable[[float, Thinning], Model]:
    step = float(spacing[2])

    def at_width(width_mm: float, thin: Thinning) -> Model:
        ahead, behind = (
            ndimage.gaussian_filter(g.astype(float), width_mm / spacing, mode="nearest")[thin]
            for g in (forward, backward)
        )

        def model(field: Field) -> Linearised:
            other = field.times(-ratio)
            one, one_plain, one_change = undistort(ahead, field, step)
            two, two_plain, two_change = undistort(behind, other, step)
            return Linearised(
                one - two,
                one_change * (1 + field.slope) + ratio * two_change * (1 + other.slope),
                one_plain + ratio * two_plain,
            )

        return model

    return at_width


def _same_gain(image: FloatArray, like: FloatArray, weight: FloatArray) -> FloatArray:
    """Scale an image to the total signal of another: distortion moves signal, it loses none."""
    return image * (float((like * weight).sum()) / max(float((image * weight).sum()), 1e-12))
