"""What the steps did, as sentences for the methods section and facts for the report.

Facts, all JSON values; N volumes, K slices along the slice axis:

- `motion` (N, 6): translation of the legs' centre (mm, world RAS+), rotation vector (degrees);
  `motion_displacement_mm` (N,); `motion_corrected_volumes`: numbers of resampled volumes.
- `eddy_slopes` (N, 3): displacement along the phase-encoding axis per mm along each voxel axis.
- `outlier_slices`: [volume, slice along `slice_axis`, z] of slices with less than half the weight;
  `outlier_share`: their share of all judged slices; `outlier_z` (N, K): misfit of every slice in
  standard deviations, negative for lost signal, 0 where it cannot be judged.
- `gradient_check`: ok, corrected, undecided or not_checked; `gradient_check_detail`: its figures.
- `rejected_samples`: share of single samples left out of the tensor fit.
- `distortion`: fmap, anatomy or none; `distortion_status`: corrected, kept (nothing beyond
  chance) or refused; `distortion_median_mm`, `distortion_max_mm` found inside the legs, applied
  only when corrected; `distortion_chance_mm`: median that the same search finds along the axis
  without distortion; `distortion_agreement`: share of the variance of b = 0 that the other
  image explains, before and after.
- `anatomy_alignment`: registered, kept or refused; `anatomy_shift_mm`, `anatomy_rotation_deg`,
  `anatomy_transform` (4, 4) from the world of the diffusion images to that of the anatomy.
- `snr_b0`: median signal-to-noise ratio of one b = 0 volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # the steps import this module
    from imaging.config import DiffusionSettings
    from imaging.diffusion.acquisition import Acquisition
    from imaging.diffusion.distortion import Distortion
    from imaging.diffusion.motion import Motion
    from imaging.diffusion.outliers import Outliers
    from imaging.registration import Alignment

_MANY_VOLUMES = 0.25

CITATIONS = {
    "denoise": "Veraart J, Novikov DS, Christiaens D, et al. Denoising of diffusion MRI using "
    "random matrix theory. NeuroImage 2016;142:394-406.",
    "motion": "Andersson JLR, Sotiropoulos SN. An integrated approach to correction for "
    "off-resonance effects and subject movement in diffusion MR imaging. "
    "NeuroImage 2016;125:1063-1078.",
    "gibbs": "Kellner E, Dhital B, Kiselev VG, Reisert M. Gibbs-ringing artifact removal based on "
    "local subvoxel-shifts. Magn Reson Med 2016;76:1574-1581.",
    "outliers": "Andersson JLR, Graham MS, Zsoldos E, Sotiropoulos SN. Incorporating outlier "
    "detection and replacement into a non-parametric framework for movement and distortion "
    "correction of diffusion MR images. NeuroImage 2016;141:556-572.",
    "rotation": "Leemans A, Jones DK. The B-matrix must be rotated when correcting for subject "
    "motion in DTI data. Magn Reson Med 2009;61:1336-1349.",
    "tensor": "Veraart J, Sijbers J, Sunaert S, et al. Weighted linear least squares estimation "
    "of diffusion MRI parameters. NeuroImage 2013;81:335-346.",
    "robust": "Collier Q, Veraart J, Jeurissen B, et al. Iterative reweighted linear least squares "
    "for accurate, fast, and robust estimation of diffusion magnetic resonance parameters. Magn "
    "Reson Med 2015;73:2174-2184.",
    "ivim": "Le Bihan D, Breton E, Lallemand D, et al. Separation of diffusion and perfusion in "
    "intravoxel incoherent motion MR imaging. Radiology 1988;168:497-505.",
    "check": "Schilling KG, Yeh FC, Nath V, et al. A fiber coherence index for quality control of "
    "B-table orientation in diffusion MRI scans. Magn Reson Imaging 2019;58:82-89.",
    "fmap": "Andersson JLR, Skare S, Ashburner J. How to correct susceptibility distortions in "
    "spin-echo echo-planar images: application to diffusion tensor imaging. NeuroImage "
    "2003;20:870-888.",
    "anatomy": "Roche A, Malandain G, Pennec X, Ayache N. The correlation ratio as a new "
    "similarity measure for multimodal image registration. MICCAI 1998, LNCS 1496:1115-1124.",
    "register": "Mattes D, Haynor DR, Vesselle H, et al. PET-CT image registration in the chest "
    "using free-form deformations. IEEE Trans Med Imaging 2003;22:120-128.",
}


class Journal:
    """Sentences and facts gathered on the way."""

    def __init__(self) -> None:
        self.method: list[str] = []
        self.citations: list[str] = []
        self.warnings: list[str] = []
        self.facts: dict[str, Any] = {}

    def step(self, sentence: str, *citations: str) -> None:
        """Note what a step did, and the methods it rests on (keys of `CITATIONS`)."""
        self.method.append(sentence)
        self.citations += [CITATIONS[c] for c in citations if CITATIONS[c] not in self.citations]


def note_denoising(journal: Journal) -> None:
    """Tell that noise was taken off."""
    journal.step(
        "Diffusion-weighted images were denoised by Marchenko-Pastur principal component "
        "analysis and the Rician noise floor was removed.",
        "denoise",
    )


def note_ringing(taken_off: bool, journal: Journal) -> None:
    """Tell whether Gibbs ringing was taken off."""
    if taken_off:
        journal.step("Gibbs ringing was removed by local sub-voxel shifts.", "gibbs")
        return
    journal.step(
        "Gibbs ringing was not corrected: the image is interpolated or from a partial k-space."
    )


def note_outliers(outliers: Outliers, slice_axis: int, journal: Journal) -> None:
    """Tell which slices lost signal."""
    journal.facts["slice_axis"] = slice_axis
    journal.facts["outlier_slices"] = [
        [int(v), int(k), round(float(outliers.z[v, k]), 1)] for v, k in outliers.found
    ]
    journal.facts["outlier_share"] = round(outliers.share, 4)
    journal.facts["outlier_z"] = np.round(outliers.z, 1).tolist()
    journal.step(
        "Slices whose mean log signal did not follow the tensor model of their slice were given "
        f"less weight ({len(outliers.found)} of {int((outliers.z != 0).sum())} below a half).",
        "outliers",
    )
    count = len(outliers.volumes)
    if count > _MANY_VOLUMES * len(outliers.z):
        journal.warnings.append(
            f"{count} of {len(outliers.z)} diffusion volumes lost signal in most slices "
            f"(volumes {', '.join(map(str, outliers.volumes))}): look at the images before using "
            "fibre directions."
        )


def note_motion(
    motion: Motion, acquisition: Acquisition, settings: DiffusionSettings, journal: Journal
) -> None:
    """Tell how volumes moved and stretched."""
    count = int(motion.corrected.sum())
    journal.facts["motion_centre_mm"] = np.round(motion.centre, 3).tolist()
    journal.facts["motion"] = np.round(motion.trace, 4).tolist()
    journal.facts["motion_displacement_mm"] = np.round(motion.displacement_mm, 4).tolist()
    journal.facts["motion_corrected_volumes"] = np.flatnonzero(motion.corrected).tolist()
    journal.step(
        f"Each of {len(motion.trace)} volumes was registered rigidly to the mean of the "
        f"others; {count} moved by more than noise and were resampled once, with their gradient "
        "directions rotated.",
        "motion",
        "rotation",
    )
    if not settings.eddy:
        return
    if acquisition.phase_axis is None:
        journal.step(
            "Eddy currents were not corrected: the sidecar does not give PhaseEncodingDirection."
        )
        return
    journal.facts["eddy_slopes"] = np.round(motion.slopes, 6).tolist()
    largest = np.abs(motion.slopes).max(0)
    if largest.any():
        journal.step(
            "Stretch and shear along the phase-encoding axis were estimated as linear in the "
            f"diffusion gradient (at most {largest.max():.1%}) and corrected in the same "
            "interpolation, intensity with them."
        )
    else:
        journal.step("Eddy currents could not be told from noise and were left alone.")


def note_distortion(found: Distortion | None, asked: bool, known: bool, journal: Journal) -> None:
    """Tell what distortion was found; whether it was asked for, and its axis is known."""
    journal.facts["distortion"] = "none"
    if asked and not known:
        journal.warnings.append(
            "Distortion along the phase-encoding axis was not corrected: the sidecar of the "
            "diffusion images lacks PhaseEncodingDirection."
        )
    if found is None:
        return
    journal.facts["distortion"] = found.method
    journal.facts["distortion_status"] = found.status
    journal.facts["distortion_median_mm"] = round(found.median_mm, 3)
    journal.facts["distortion_max_mm"] = round(found.max_mm, 3)
    if found.chance_mm is not None:
        journal.facts["distortion_chance_mm"] = round(found.chance_mm, 3)
    journal.facts["distortion_agreement"] = [
        round(found.agreement_before, 3),
        round(found.agreement_after, 3),
    ]
    source = {
        "fmap": "a scan of reversed phase encoding",
        "anatomy": "registration to the anatomical image restricted to that axis",
    }[found.method]
    if found.status == "corrected":
        journal.step(
            f"Distortion along the phase-encoding axis was corrected by {source} "
            f"(median {found.median_mm:.1f} mm, at most {found.max_mm:.1f} mm inside the legs), "
            "with intensities restored.",
            found.method,
        )
    elif found.status == "refused":
        journal.warnings.append(
            f"Distortion found from {source} was up to {found.max_mm:.1f} mm, which is "
            "implausible: it was not corrected. Check the overlay of b0 on anatomy."
        )
    else:
        chance = (
            "" if found.chance_mm is None else f" ({found.chance_mm:.1f} mm expected by chance)"
        )
        journal.step(
            f"Distortion was looked for by {source} and not corrected: no distortion beyond "
            f"chance was seen{chance}."
        )


def note_alignment(found: Alignment, journal: Journal) -> None:
    """Tell how the series was moved to the anatomical image."""
    journal.facts["anatomy_alignment"] = found.status
    journal.facts["anatomy_shift_mm"] = round(found.shift_mm, 3)
    journal.facts["anatomy_rotation_deg"] = round(found.rotation_deg, 3)
    journal.facts["anatomy_transform"] = np.round(found.world, 6).tolist()
    if found.status == "refused":
        journal.warnings.append(
            f"Registration to the anatomical image gave {found.shift_mm:.1f} mm and "
            f"{found.rotation_deg:.1f} degrees, which is implausible: the position in the file's "
            "header is kept. Check the overlay of b0 on anatomy."
        )
    journal.step(
        f"The mean b = 0 image was registered rigidly to the anatomical image by mutual "
        f"information (shift {found.shift_mm:.1f} mm, {found.rotation_deg:.1f} degrees; "
        f"{found.status}); the position was changed in the header, without resampling.",
        "register",
    )


def note_perfusion(left_out: bool, journal: Journal) -> None:
    """Tell whether perfusion, which shows at low b-values, is kept out of the tensor."""
    if not left_out:
        journal.warnings.append(
            "There are low b-values, but perfusion cannot be told from diffusion: that needs two "
            "b-values of 200 s/mm2 and more, 100 apart. The tensor holds both."
        )
        return
    journal.step(
        "The tensor was fitted to b-values of 200 s/mm2 and more, so that perfusion is left out.",
        "ivim",
    )


def note_fit(rejected: float | None, journal: Journal) -> None:
    """Tell how the tensor was fitted, and which share of the samples was left out, if any was."""
    journal.step(
        "The tensor was fitted by iterated weighted linear least squares in the world frame.",
        "tensor",
    )
    if rejected is None:
        return
    journal.facts["rejected_samples"] = round(rejected, 5)
    journal.step(
        f"Samples more than 3 standard deviations from a robust fit were left out "
        f"({rejected:.2%}).",
        "robust",
    )
