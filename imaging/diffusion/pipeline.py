"""All steps from diffusion-weighted images to tensor maps, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.config import DiffusionSettings
from imaging.diffusion.denoise import denoise, remove_noise_floor, snr_map
from imaging.diffusion.gradient_check import GradientCheck, check_gradients
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.legmask import bounding_box, leg_mask
from imaging.diffusion.motion import Motion, apply_motion, estimate_motion
from imaging.diffusion.register import Alignment, register_rigid
from imaging.diffusion.tensor import TensorFit, fit_tensor
from imaging.image import Image
from imaging.measures import Measure, not_measured

FloatArray = NDArray[np.floating[Any]]

_MARGIN_VOXELS = 4
CITATIONS = {
    "denoise": "Veraart J, Novikov DS, Christiaens D, et al. Denoising of diffusion MRI using "
    "random matrix theory. NeuroImage 2016;142:394-406.",
    "motion": "Andersson JLR, Sotiropoulos SN. An integrated approach to correction for "
    "off-resonance effects and subject movement in diffusion MR imaging. "
    "NeuroImage 2016;125:1063-1078.",
    "rotation": "Leemans A, Jones DK. The B-matrix must be rotated when correcting for subject "
    "motion in DTI data. Magn Reson Med 2009;61:1336-1349.",
    "tensor": "Veraart J, Sijbers J, Sunaert S, et al. Weighted linear least squares estimation "
    "of diffusion MRI parameters. NeuroImage 2013;81:335-346.",
    "check": "Schilling KG, Yeh FC, Nath V, et al. A fiber coherence index for quality control of "
    "B-table orientation in diffusion MRI scans. Magn Reson Imaging 2019;58:82-89.",
    "register": "Mattes D, Haynor DR, Vesselle H, et al. PET-CT image registration in the chest "
    "using free-form deformations. IEEE Trans Med Imaging 2003;22:120-128.",
}


@dataclass(frozen=True)
class DiffusionResult:
    """Everything that the stage hands on; all on the grid of `dwi`, in the anatomical world."""

    dwi: Image
    table: GradientTable
    b0: FloatArray
    mask: NDArray[np.bool_]
    snr: FloatArray
    fit: TensorFit
    measures: list[Measure]
    method: str
    citations: list[str]
    warnings: list[str]
    facts: dict[str, Any]

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
    dwi: Image, table: GradientTable, anatomy: Image | None, settings: DiffusionSettings
) -> DiffusionResult:
    """Denoise, correct motion, check the gradient table, fit the tensor, align with anatomy.

    Parameters
    ----------
    dwi : Image
        4-D magnitude.
    table : GradientTable
        World RAS+.
    anatomy : Image or None
        3-D image into whose world the result is moved.
    """
    log = _Log()
    mask = leg_mask(dwi.with_data(dwi.data.mean(-1)))
    dwi, sigma = _denoise(dwi, mask, settings, log)
    dwi, table, motion = _correct_motion(dwi, table, mask, settings, log)
    fit = fit_tensor(dwi.data, table, mask)
    table, fit = _check_table(dwi, table, mask, fit, settings, log)
    b0 = dwi.data[..., table.is_b0].mean(-1)
    snr = snr_map(b0, sigma)
    alignment = _align(dwi.with_data(b0), mask, anatomy, settings, log)
    if alignment is not None and alignment.status == "registered":
        dwi = Image(dwi.data, alignment.world @ dwi.affine)
        table = table.rotated(alignment.world[:3, :3])
        fit = fit_tensor(dwi.data, table, mask)
    rows = _measures(table, mask, fit, snr, motion, alignment)
    log.facts["snr_b0"] = None if not snr.any() else round(float(np.median(snr[snr > 0])), 2)
    return DiffusionResult(
        dwi, table, b0, mask, snr, fit, rows, " ".join(log.method), log.citations, log.warnings,
        log.facts,
    )  # fmt: skip


class _Log:
    """Sentences and facts gathered on the way."""

    def __init__(self) -> None:
        self.method: list[str] = []
        self.citations: list[str] = []
        self.warnings: list[str] = []
        self.facts: dict[str, Any] = {}

    def step(self, sentence: str, *citations: str) -> None:
        self.method.append(sentence)
        self.citations += [CITATIONS[c] for c in citations if CITATIONS[c] not in self.citations]


def _denoise(
    dwi: Image, mask: NDArray[np.bool_], settings: DiffusionSettings, log: _Log
) -> tuple[Image, FloatArray]:
    """Return denoised images and the noise map, which is 0 when denoising is off."""
    sigma = np.zeros(dwi.shape, np.float32)
    if not settings.denoise:
        return dwi, sigma
    box = bounding_box(mask, _MARGIN_VOXELS)
    clean, noise = denoise(dwi.data[box], mask[box])
    data = dwi.data.copy()
    data[box] = remove_noise_floor(clean, noise)
    sigma[box] = noise
    log.step(
        "Diffusion-weighted images were denoised by Marchenko-Pastur principal component analysis "
        "and the Rician noise floor was taken off.",
        "denoise",
    )
    return dwi.with_data(data), sigma


def _correct_motion(
    dwi: Image,
    table: GradientTable,
    mask: NDArray[np.bool_],
    settings: DiffusionSettings,
    log: _Log,
) -> tuple[Image, GradientTable, Motion | None]:
    """Return images and directions at rest, and the motion found."""
    if not settings.motion:
        return dwi, table, None
    motion = estimate_motion(dwi, table, mask)
    dwi, table = apply_motion(dwi, table, motion)
    count = int(motion.corrected.sum())
    log.facts["motion"] = np.round(motion.trace, 4).tolist()
    log.facts["motion_displacement_mm"] = np.round(motion.displacement_mm, 4).tolist()
    log.facts["motion_corrected_volumes"] = np.flatnonzero(motion.corrected).tolist()
    log.step(
        f"Each of {len(motion.trace)} volumes was registered rigidly to its prediction from the "
        f"others; {count} moved by more than noise and were resampled once, with their gradient "
        "directions rotated.",
        "motion",
        "rotation",
    )
    return dwi, table, motion


def _check_table(
    dwi: Image,
    table: GradientTable,
    mask: NDArray[np.bool_],
    fit: TensorFit,
    settings: DiffusionSettings,
    log: _Log,
) -> tuple[GradientTable, TensorFit]:
    """Return the table, turned when the evidence against it is strong, and its fit."""
    log.step("The tensor was fitted by weighted linear least squares in the world frame.", "tensor")
    if not settings.gradient_check:
        log.facts["gradient_check"] = "not_checked"
        return table, fit
    check = check_gradients(fit, mask, dwi)
    log.facts["gradient_check"] = check.status
    log.facts["gradient_check_detail"] = _detail(check)
    log.step("All flips and permutations of the gradient table were scored.", "check")
    if check.status == "undecided":
        log.warnings.append(
            "The data cannot tell whether the gradient table is flipped or permuted "
            f"(best: {check.best}); it is used as given. FA and diffusivities do not depend on it, "
            "fibre directions do."
        )
    if check.across_leg and check.status == "undecided":
        log.warnings.append(
            "With the gradient table as given muscle fibres run across the leg rather than along "
            f"it (mean squared cosine {check.along_leg:.2f}): it is most likely permuted. Convert "
            "the series again from DICOM before using fibre directions."
        )
    if check.status == "corrected":
        log.warnings.append(
            f"The gradient table was changed to '{check.best}' (voxel axes), which explains the "
            f"data clearly better than the table as given (t = {check.t:.1f}). Check the "
            "conversion from DICOM; set gradient_check to false to keep the table."
        )
        turn = dwi.rotation @ check.change @ dwi.rotation.T
        table = table.rotated(turn)
        fit = fit_tensor(dwi.data, table, mask)
    return table, fit


def _detail(check: GradientCheck) -> dict[str, Any]:
    """Return the figures of the check as JSON values."""
    figures = {"along_leg": check.along_leg, "coherence": check.coherence, "t": check.t}
    known = {k: round(v, 4) if np.isfinite(v) else None for k, v in figures.items()}
    return {"best": check.best, "across_leg": check.across_leg, **known}


def _align(
    b0: Image,
    mask: NDArray[np.bool_],
    anatomy: Image | None,
    settings: DiffusionSettings,
    log: _Log,
) -> Alignment | None:
    """Return how to move into the anatomical world; None when not asked for."""
    if anatomy is None or not settings.register_to_anatomy:
        return None
    found = register_rigid(b0, mask, anatomy)
    log.facts["anatomy_alignment"] = found.status
    log.facts["anatomy_shift_mm"] = round(found.shift_mm, 3)
    log.facts["anatomy_rotation_deg"] = round(found.rotation_deg, 3)
    log.facts["anatomy_transform"] = np.round(found.world, 6).tolist()
    if found.status == "refused":
        log.warnings.append(
            f"Registration to the anatomical image gave {found.shift_mm:.1f} mm and "
            f"{found.rotation_deg:.1f} degrees, which is implausible: the position in the file's "
            "header is kept. Check the overlay of b0 on anatomy."
        )
    log.step(
        f"The mean b = 0 image was registered rigidly to the anatomical image by mutual "
        f"information (shift {found.shift_mm:.1f} mm, {found.rotation_deg:.1f} degrees; "
        f"{found.status}); the position was changed in the header, without resampling.",
        "register",
    )
    return found


def _measures(
    table: GradientTable,
    mask: NDArray[np.bool_],
    fit: TensorFit,
    snr: FloatArray,
    motion: Motion | None,
    alignment: Alignment | None,
) -> list[Measure]:
    """Return the figures of the whole image (label 0)."""
    n = int(mask.sum())

    def median(name: str, values: FloatArray, unit: str) -> Measure:
        inside = values[mask & (fit.s0 > 0)]
        if inside.size == 0 or not inside.any():
            return not_measured(0, name, unit, "no voxel with a value")
        return Measure(
            0, name, float(np.median(inside)), unit, inside.size, float(inside.std()),
            note="median over the voxels of the legs",
        )  # fmt: skip

    rows = [
        Measure(0, "volumes", float(len(table.bvals)), "1"),
        Measure(0, "directions", float((~table.is_b0).sum()), "1"),
        Measure(0, "b_value_max", float(table.bvals.max()), "s/mm2"),
        Measure(0, "leg_mask_voxels", float(n), "1"),
        median("snr_b0", snr, "1"),
        median("fa", fit.fa, "1"),
        median("md", fit.md, "mm2/s"),
        median("residual", fit.residual, "1"),
    ]
    if motion is None:
        rows.append(not_measured(0, "motion_max", "mm", "motion correction is off"))
        rows.append(not_measured(0, "motion_max_rotation", "deg", "motion correction is off"))
    else:
        volumes = len(motion.trace)
        turn = np.linalg.norm(motion.trace[:, 3:], axis=1)
        rows.append(Measure(0, "motion_max", float(motion.displacement_mm.max()), "mm", volumes))
        rows.append(Measure(0, "motion_max_rotation", float(turn.max()), "deg", volumes))
    if alignment is None:
        why = "no anatomical image given, or registration is off"
        rows.append(not_measured(0, "anatomy_shift", "mm", why))
    else:
        rows.append(Measure(0, "anatomy_shift", alignment.shift_mm, "mm"))
    return rows
