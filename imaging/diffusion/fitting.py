"""The tensor of a cleaned series, with its gradient table checked and perfusion left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.config import DiffusionSettings
from imaging.diffusion.gradient_check import GradientCheck, check_gradients
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.ivim import has_low_b, perfusion_fraction, tissue_weights
from imaging.diffusion.journal import Journal
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
    journal.step(
        "The tensor was fitted by iterated weighted linear least squares in the world frame.",
        "tensor",
    )
    if settings.robust:
        share = float(fit.rejected[mask].mean()) if mask.any() else 0.0
        journal.facts["rejected_samples"] = round(share, 5)
        journal.step(
            f"Samples more than 3 standard deviations from a robust fit were left out "
            f"({share:.2%}).",
            "robust",
        )
    perfusion = None
    if tissue is not None:
        perfusion = perfusion_fraction(dwi.data[..., table.is_b0].mean(-1), fit.s0)
    change = _check_table(fit, mask, dwi, labels, settings, journal)
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
        journal.warnings.append(
            "There are low b-values, but perfusion cannot be told from diffusion: that needs two "
            "b-values of 200 s/mm2 and more, 100 apart. The tensor holds both."
        )
        return None
    journal.step(
        "The tensor was fitted to b-values of 200 s/mm2 and more, so that perfusion is left out.",
        "ivim",
    )
    return weights


def _check_table(
    fit: TensorFit,
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
    journal.facts["gradient_check"] = check.status
    journal.facts["gradient_check_detail"] = _detail(check)
    journal.step("All flips and permutations of the gradient table were scored.", "check")
    if check.status == "undecided":
        journal.warnings.append(
            "The data cannot tell whether the gradient table is flipped or permuted "
            f"(best: {check.best}{_odds(check)}); it is used as given. FA and diffusivities do not "
            "depend on it, fibre directions do."
        )
    if check.across_leg and check.status == "undecided":
        journal.warnings.append(
            "With the gradient table as given muscle fibres run across the leg rather than along "
            f"it (mean squared cosine {check.along_leg:.2f}): it is most likely permuted. Convert "
            "the series again from DICOM before using fibre directions."
        )
    if check.status != "corrected":
        return None
    journal.warnings.append(
        f"The gradient table was changed to '{check.best}' (voxel axes), which explains the "
        f"data clearly better than the table as given (t = {check.t:.1f}{_odds(check)}). Check the "
        "conversion from DICOM; set gradient_check to false to keep the table."
    )
    return check.change


def _odds(check: GradientCheck) -> str:
    """Return how clearly the lean of fascicles speaks for the best table, where it was compared."""
    return f", log odds {check.log_odds:.1f}" if np.isfinite(check.log_odds) else ""


def _detail(check: GradientCheck) -> dict[str, Any]:
    """Return the figures of the check as JSON values."""
    names = ("along_leg", "coherence", "t", "log_odds", "misfit")
    figures = {name: float(getattr(check, name)) for name in names}
    known = {k: round(v, 4) if np.isfinite(v) else None for k, v in figures.items()}
    return {
        "best": check.best, "across_leg": check.across_leg, "regions": check.regions, **known
    }  # fmt: skip
