"""All steps from diffusion-weighted images to tensor maps, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import Acquisition
from imaging.diffusion.cleaning import clean
from imaging.diffusion.denoise import snr_map
from imaging.diffusion.distortion import Distortion, ReversedScan, find_distortion
from imaging.diffusion.figures import whole_image_measures
from imaging.diffusion.fitting import fit_series
from imaging.diffusion.forward import series_at_rest
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import leg_mask
from imaging.diffusion.notes import Journal, note_alignment, note_distortion
from imaging.diffusion.resample import resample_series
from imaging.diffusion.tensor import TensorFit
from imaging.image import Image
from imaging.measures import Measure
from imaging.registration import Alignment, register_rigid

_UNKNOWN = Acquisition()


@dataclass(frozen=True)
class DiffusionResult:
    """Everything that the stage hands on; all on the grid of `dwi`, in the anatomical world.

    `noisy_tensor` (I, J, K, 6), mm2/s, world RAS+, is fitted to the series with its noise, for
    those who smooth it themselves, as the fibre stage does.
    """

    dwi: Image
    table: GradientTable
    b0: FloatArray
    b0_uncorrected: FloatArray
    mask: NDArray[np.bool_]
    snr: FloatArray
    fit: TensorFit
    noisy_tensor: FloatArray
    measures: list[Measure]
    method: str
    citations: list[str]
    warnings: list[str]
    facts: dict[str, Any]
    distortion: Distortion | None = None
    perfusion: FloatArray | None = None

    @property
    def fa(self) -> FloatArray:
        """Fractional anisotropy, 0..1."""
        return self.fit.fa

    @property
    def md(self) -> FloatArray:
        """Mean diffusivity, mm2/s."""
        return self.fit.md

    @property
    def ad(self) -> FloatArray:
        """Axial diffusivity, mm2/s."""
        return self.fit.ad

    @property
    def rd(self) -> FloatArray:
        """Radial diffusivity, mm2/s."""
        return self.fit.rd

    @property
    def tensor(self) -> FloatArray:
        """Dxx Dxy Dyy Dxz Dyz Dzz, mm2/s, world RAS+."""
        return self.fit.tensor

    @property
    def e1(self) -> FloatArray:
        """First eigenvector, unit, world RAS+."""
        return self.fit.e1

    @property
    def residual(self) -> FloatArray:
        """Root mean square residual, share of the signal at b = 0."""
        return self.fit.residual


def process(
    dwi: Image,
    table: GradientTable,
    anatomy: Image | None,
    settings: DiffusionSettings,
    acquisition: Acquisition = _UNKNOWN,
    fmap: ReversedScan | None = None,
    labels: Image | None = None,
) -> DiffusionResult:
    """Denoise, correct motion and distortion, align with anatomy, fit the tensor.

    Parameters
    ----------
    dwi : Image
        4-D magnitude.
    table : GradientTable
        World RAS+.
    anatomy : Image or None
        3-D image into whose world the result is moved.
    acquisition : Acquisition
        What the sidecar tells.
    fmap : ReversedScan or None
        Volumes of reversed phase encoding.
    labels : Image or None
        Muscle labels in the anatomical world, by which the gradient table is checked.
    """
    journal = Journal()
    mask = legs = leg_mask(dwi.with_data(dwi.data.mean(-1)))
    cleaned = clean(dwi, table, mask, acquisition, settings, journal)
    placed, table = cleaned.placed, cleaned.table
    rest = series_at_rest(placed, table, mask)
    dwi, weights, shift_mm, known_rigid = rest, placed.weights(), None, None
    uncorrected = dwi.data[..., table.is_b0].mean(-1)
    snr = snr_map(uncorrected, cleaned.sigma)
    distortion = find_distortion(
        dwi.with_data(uncorrected), mask, fmap, anatomy, acquisition, settings
    )
    known = acquisition.phase_axis is not None
    note_distortion(distortion, settings.distortion != "off", known, journal)
    if distortion is not None and distortion.status == "corrected":
        shift_mm = distortion.displacement_mm
        dwi = resample_series(rest, None, placed.phase_axis, shift_mm)
        snr = distortion.moved(snr, dwi.spacing[distortion.axis])
        mask = leg_mask(dwi.with_data(dwi.data.mean(-1)))
    elif distortion is not None:
        known_rigid = distortion.rigid  # of this very b = 0 image
    b0 = dwi.data[..., table.is_b0].mean(-1)
    alignment = _align(dwi.with_data(b0), mask, anatomy, settings, journal, known_rigid)
    if alignment is not None and alignment.status == "registered":
        dwi = Image(dwi.data, alignment.world @ dwi.affine)
        table = table.rotated(alignment.world[:3, :3])
    if alignment is not None and alignment.status == "refused":
        labels = None  # where they lie relative to the series is not known
    fitted = fit_series(dwi, table, mask, weights, labels, settings, journal)
    table, fit = fitted.table, fitted.fit
    noisy = fit.tensor
    if cleaned.noisy is not placed:
        still = series_at_rest(cleaned.noisy, cleaned.table, legs)
        still = resample_series(still, None, placed.phase_axis, shift_mm)
        noisy = fitted.again(still.data, mask, settings)
    rows = whole_image_measures(table, mask, fit, snr, cleaned, alignment, distortion)
    journal.facts["snr_b0"] = None if not snr.any() else round(float(np.median(snr[snr > 0])), 2)
    return DiffusionResult(
        dwi, table, b0, uncorrected, mask, snr, fit, noisy, rows, " ".join(journal.method),
        journal.citations, journal.warnings, journal.facts, distortion, fitted.perfusion,
    )  # fmt: skip


def _align(
    b0: Image,
    mask: NDArray[np.bool_],
    anatomy: Image | None,
    settings: DiffusionSettings,
    journal: Journal,
    known: Alignment | None,
) -> Alignment | None:
    """Return how to move into the anatomical world; None when not asked for."""
    if anatomy is None or not settings.register_to_anatomy:
        return None
    found = known or register_rigid(b0, mask, anatomy)
    note_alignment(found, journal)
    return found
