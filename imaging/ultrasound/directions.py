"""Fibre directions at the samples of frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.dyads import FibreDirections, dyads_at, main_axes

# Half of the weight around a point must know a direction.
_MIN_SHARE = 0.5
# Directions around that agree less than this (share of one direction in the mean) give none.
_AGREE = 0.6


@dataclass(frozen=True)
class SampledFibres:
    """Fibres at points.

    Attributes
    ----------
    vectors : (N, 3) array
        World unit vectors, either way round; 0 where unknown.
    uncertainty_deg : (N,) array or None
    """

    vectors: FloatArray
    uncertainty_deg: FloatArray | None


def sample_fibres(points: FloatArray, fibres: FibreDirections) -> SampledFibres:
    """Interpolate directions, which have no sign, at world points, through their dyads.

    Parameters
    ----------
    points : (N, 3) array
        World RAS+ mm.
    fibres
        Directions and their dispersion, which is taken from the nearest voxel.
    """
    found = main_axes(dyads_at(fibres.image, points))
    known = (found.share > _MIN_SHARE) & (found.agreement > _AGREE)
    vectors = np.where(known[:, None], found.axis, 0.0)
    dispersion = fibres.dispersion
    if dispersion is None:
        return SampledFibres(vectors, None)
    near = np.rint(dispersion.to_voxels(points)).astype(int)
    inside = ((near >= 0) & (near < dispersion.shape)).all(axis=1)
    spread = np.full(len(points), np.nan)
    spread[inside] = dispersion.data[tuple(near[inside].T)]
    return SampledFibres(vectors, np.where(spread > 0, spread, np.nan))
