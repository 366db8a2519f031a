"""A series at rest that tells, in every volume's own place, what that volume measured.

Interpolating between thick slices blurs a volume by as much as it moved. Where signal changes fast
the volumes then differ by more than their gradients, which turns fibre directions. Here tensors at
rest are taken to each volume's own place and its own slices, only what is left over there is
interpolated back, and the tensors are fitted again. So edges are blurred in the prediction as they
are in the measurement, and cancel. It is the iterative scheme of slice-to-volume reconstruction
(Rousseau F, et al. Acad Radiol 2006;13:1072; Jiang S, et al. IEEE Trans Med Imaging 2007;26:967)
with the tensor as the model that all volumes share. What is left over is interpolated linearly: a
sharper spline carries noise and aliasing from round to round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import bounding_box
from imaging.diffusion.resample import PlacedSeries, in_volume, resample_signed
from imaging.diffusion.tensor import design_matrix, fit_tensor
from imaging.image import Image

_ROUNDS = 4
_MARGIN_VOXELS = 6


def series_at_rest(placed: PlacedSeries, table: GradientTable, mask: NDArray[np.bool_]) -> Image:
    """Return all volumes at rest, not yet undistorted.

    Parameters
    ----------
    placed : PlacedSeries
    table : GradientTable
        Directions relative to the leg at rest.
    mask : (I, J, K) bool array
        Legs; beyond a margin around them, volumes are interpolated and no more.

    Returns
    -------
    Image
        Not negative. Volumes that did not move keep their values.
    """
    rest = placed.at_rest()
    moved = [v for v, p in enumerate(placed.placements) if not p.at_rest]
    if not moved or not _tells_tensor(table):
        return rest
    box = bounding_box(mask, _MARGIN_VOXELS)
    corner = np.eye(4)
    corner[:3, 3] = [b.start for b in box]
    measured = Image(placed.source.data[box], placed.source.affine @ corner)
    trust = placed.weights()
    trust = None if trust is None else trust[box]
    inner = rest.data[box]
    for _ in range(_ROUNDS):
        inner = _closer(measured, inner, placed, moved, table, trust)
    rest.data[box] = inner
    return rest


def _tells_tensor(table: GradientTable) -> bool:
    """Tell whether a table determines the tensor."""
    design = design_matrix(table)
    design /= np.maximum(np.abs(design).max(0), 1e-12)
    return bool(np.linalg.matrix_rank(design) == design.shape[1])


def _closer(
    measured: Image,
    rest: FloatArray,
    placed: PlacedSeries,
    moved: list[int],
    table: GradientTable,
    trust: FloatArray | None,
) -> FloatArray:
    """Return a series at rest (I, J, K, N) that agrees better with what was measured."""
    fit = fit_tensor(rest, table, np.ones(measured.shape, bool), trust, robust=False)
    design = design_matrix(table)[:, 1:].astype(np.float32)
    out = rest.copy()
    for v in moved:
        place = placed.placements[v]
        model = fit.s0 * np.exp(fit.tensor @ design[v])
        gap = measured.data[..., v] - in_volume(model, measured, place, placed.phase_axis)
        out[..., v] = model + resample_signed(measured.with_data(gap), place, placed.phase_axis)
    return np.clip(out, 0, None)
