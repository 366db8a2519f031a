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
- `distortion`: fmap, anatomy or none; `distortion_status`: corrected, kept (nothing gained) or
  refused; `distortion_median_mm`, `distortion_max_mm` inside the legs; `distortion_agreement`:
  share of the variance of b = 0 that the other image explains, before and after.
- `anatomy_alignment`: registered, kept or refused; `anatomy_shift_mm`, `anatomy_rotation_deg`,
  `anatomy_transform` (4, 4) from the world of the diffusion images to that of the anatomy.
- `snr_b0`: median signal-to-noise ratio of one b = 0 volume.
"""

from __future__ import annotations

from typing import Any

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
