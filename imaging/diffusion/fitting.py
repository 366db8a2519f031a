"""The tensor of a cleaned series, with its gradient table checked and perfusion left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.config import DiffusionSettings
from imaging.diffusion.check_notes import note_check
from imaging.diffusion.gradient_check import check_gradients
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.ivim import has_low_b, perfusion_fraction, tissue_weights, unweighted
from imaging.diffusion.notes import Journal, note_fit, note_perfusion
from imaging.diffusion.table_fit import compare_orders, tissue_blocks
from imaging.diffusion.tensor import TensorFit, fit_tensor
from imaging.image import Image


@dataclass(frozen=True)
class FittedSeries:
    """Tensors, how they were fitted, and the perfusion fraction where asked for."""

    fit: TensorFit
    table: GradientTable
    weights: FloatArray | None
    perfusion: FloatArray | None

    def again(
        self, data: FloatArray, mask: NDArray[np.bool_], settings: DiffusionSettings
    ) -> FloatArray:
        """Return the tensors (I, J, K, 6) of other data (I, J, K, N), fitted in the same way."""
        return fit_tensor(data, self.table, mask, self.weights, settings.robust).tensor


def fit_series(
    dwi: Image,
    table: GradientTable,
    mask: NDArray[np.bool_],
    weights: FloatArray | None,
    labels: Image | None,
    settings: DiffusionSettings,
    journal: Journal,
) -> FittedSeries:
    """Fit the tensor and check the gradient table.

    Parameters
    ----------
    dwi : Image
        4-D, cleaned, where the anatomical image lies.
    table : GradientTable
        World RAS+.
    mask : (I, J, K) bool array
        Legs.
    weights : array or None
        Trust in samples, see :func:`imaging.diffusion.tensor.fit_tensor`.
    labels : Image or None
        Muscle labels in the same world.
    settings, journal
        What to do, and where it is told.
    """
    tissue = _leave_perfusion_out(table, settings, journal)
    if tissue is not None:
        weights = tissue if weights is None else weights * tissue
    fit = fit_tensor(dwi.data, table, mask, weights, settings.robust)
    share = float(fit.rejected[mask].mean()) if mask.any() else 0.0
    note_fit(share if settings.robust else None, journal)
    perfusion = None
    if tissue is not None:
        perfusion = perfusion_fraction(dwi.data[..., unweighted(table)].mean(-1), fit.s0)
    change = _check_table(fit, table, mask, dwi, labels, settings, journal)
    if change is not None:
        table = table.rotated(dwi.rotation @ change @ dwi.rotation.T)
        fit = fit_tensor(dwi.data, table, mask, weights, settings.robust)
    return FittedSeries(fit, table, weights, perfusion)


def _leave_perfusion_out(
    table: GradientTable, settings: DiffusionSettings, journal: Journal
) -> FloatArray | None:
    """Return weights (N,) without the samples that perfusion shows in; None: all count."""
    if settings.ivim == "off" or not has_low_b(table):
        return None
    weights = tissue_weights(table)
    if weights is None:
        note_perfusion(False, journal)
        return None
    note_perfusion(True, journal)
    return weights


def _check_table(
    fit: TensorFit,
    table: GradientTable,
    mask: NDArray[np.bool_],
    grid: Image,
    labels: Image | None,
    settings: DiffusionSettings,
    journal: Journal,
) -> FloatArray | None:
    """Return the change (3, 3) of voxel axes where the evidence against the table is strong."""
    if not settings.gradient_check:
        journal.facts["gradient_check"] = "not_checked"
        return None
    check = check_gradients(fit, mask, grid, labels)
    order = None
    if check.status == "undecided":
        order = compare_orders(tissue_blocks(grid.data, mask, grid.spacing), table)
    note_check(check, order, journal)
    return check.change if check.status == "corrected" else None
