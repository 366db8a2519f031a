"""What the other volumes tell of how a volume should look."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.resample import PlacedSeries
from imaging.diffusion.tensor import design_matrix, fit_tensor

_LOCAL_MM = 10.0
_FLOOR = 0.01  # of the brightest voxel


def templates(aligned: FloatArray, spacing: FloatArray) -> Callable[[int], FloatArray]:
    """Return what gives, per volume, the mean of the others with the volume's local brightness.

    A tensor fit as the template follows displacements that are even in the gradient: with few
    directions a third of all motion would stay hidden. Here edges come from the mean alone, and
    only what is smooth over centimetres from the volume.

    Parameters
    ----------
    aligned : (I, J, K, N) array
        Magnitude, volumes in one position.
    spacing : (3,) array
        mm.
    """
    level = aligned.mean(axis=(0, 1, 2))
    factors = (1 / np.maximum(level, 1e-6 * level.max() + 1e-12)).astype(np.float32)
    total = aligned @ factors
    floor = _FLOOR * float(total.max()) + 1e-12
    local = _local(total, spacing)

    def template(volume: int) -> FloatArray:
        """Return the template (I, J, K) of a volume."""
        factor, values = factors[volume], aligned[..., volume]
        own = _local(values, spacing)
        return np.asarray((total - factor * values) * own / (local - factor * own + floor))

    return template


def _local(values: FloatArray, spacing: FloatArray) -> FloatArray:
    """Return the mean (I, J, K) within a centimetre or so."""
    return ndimage.gaussian_filter(values, _LOCAL_MM / spacing, mode="nearest", truncate=3.0)


def model_at_rest(
    placed: PlacedSeries, table: GradientTable, mask: NDArray[np.bool_]
) -> FloatArray:
    """Return the signal (I, J, K, N) of the tensors of a series at rest; outside as measured.

    Parameters
    ----------
    placed : PlacedSeries
    table : GradientTable
        Directions relative to the leg at rest.
    mask : (I, J, K) bool array
        Legs.
    """
    series = placed.at_rest()
    fit = fit_tensor(series.data, table, mask, placed.weights())
    out = series.data.copy()
    out[mask] = fit.s0[mask, None] * np.exp(fit.tensor[mask] @ design_matrix(table)[:, 1:].T)
    return out
