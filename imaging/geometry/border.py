"""How well a mask knows its border, from the size of its voxels alone."""

from __future__ import annotations

import numpy as np

from imaging.arrays import FloatArray

# mm at cubes of 1 mm, and the power of the edge of a cube of a voxel's volume.
_OFFSET_MM, _OFFSET_POWER = 0.002, 2.0
_WOBBLE_MM, _WOBBLE_POWER = 0.072, 1.35


def border_error_mm(spacing: FloatArray) -> float:
    """Return how far the whole border of a muscle may be shifted in or out by the voxels.

    It is what is left when a mask is right in every voxel: the standard deviation, over muscles,
    of the mean distance between the surface of the mask and the true border. An observer who
    draws, or a network, errs by more.

    Parameters
    ----------
    spacing : (3,) array
        mm along the voxel axes.

    Returns
    -------
    float
        mm, one standard deviation.

    References
    ----------
    Measured by ``python -m benchmarks.surfaces --error`` on real shapes of muscles, 1 to 6 mm.

    Examples
    --------
    >>> border_error_mm(np.ones(3)) < border_error_mm(np.array([1.5, 1.5, 5.0]))
    True
    """
    return _OFFSET_MM * _edge(spacing) ** _OFFSET_POWER


def border_wobble_mm(spacing: FloatArray) -> float:
    """Return how far the border of a muscle lies beside the true one from place to place.

    The standard deviation of the distance on one surface about its mean; places a few voxels
    apart are independent.

    Parameters
    ----------
    spacing : (3,) array
        mm along the voxel axes.

    Returns
    -------
    float
        mm, one standard deviation.

    References
    ----------
    As for :func:`border_error_mm`.

    Examples
    --------
    >>> 0.05 < border_wobble_mm(np.ones(3)) < 0.2
    True
    """
    return _WOBBLE_MM * _edge(spacing) ** _WOBBLE_POWER


def _edge(spacing: FloatArray) -> float:
    return float(np.cbrt(np.prod(np.asarray(spacing, dtype=float))))
