"""``pennate diffusion``: clean diffusion-weighted images and fit the tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging import measures as m
from imaging.config import DiffusionSettings, load_settings
from imaging.diffusion.acquisition import acquisition_of
from imaging.diffusion.pipeline import DiffusionResult, process
from imaging.diffusion.register import overlap_share
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image, load_labels, save_image
from imaging.io.diffusion_series import read_series
from imaging.io.gradients import write_gradients
from imaging.io.reversed_scan import read_reversed
from imaging.provenance import sidecar_path, staged, write_sidecar

VERB = "diffusion"
_DISPLACEMENT = "desc-distortion_displacement"
_PERFUSION = "desc-ivim_perfusion"
# Not always written: those of an earlier run must not stay beside new files.
OPTIONAL = (f"{_DISPLACEMENT}.*", f"{_PERFUSION}.*")
# Maps that turn with the gradient table.
_DIRECTIONAL = ("desc-wls_tensor", "desc-noisy_tensor", "desc-wls_e1")

# File, attribute of the result, unit, what it is.
_MAPS = (
    ("desc-b0_dwiref", "b0", "arbitrary", "Mean of the b = 0 volumes"),
    (
        "desc-b0uncorrected_dwiref",
        "b0_uncorrected",
        "arbitrary",
        "Mean of the b = 0 volumes before distortion was corrected",
    ),
    ("desc-leg_mask", "mask", "1", "Legs; maps are 0 outside"),
    ("desc-wls_FA", "fa", "1", "Fractional anisotropy"),
    ("desc-wls_ADC", "md", "mm2/s", "Mean diffusivity"),
    ("desc-wls_AD", "ad", "mm2/s", "Axial diffusivity"),
    ("desc-wls_RD", "rd", "mm2/s", "Radial diffusivity"),
    (
        "desc-wls_tensor",
        "tensor",
        "mm2/s",
        "Diffusion tensor Dxx Dxy Dyy Dxz Dyz Dzz in world RAS+",
    ),
    (
        "desc-noisy_tensor",
        "noisy_tensor",
        "mm2/s",
        "As desc-wls_tensor, from the series with its noise: for the fibre stage, which smooths "
        "inside muscles itself",
    ),
    ("desc-wls_e1", "e1", "1", "First eigenvector, unit, world RAS+, up to its sign"),
    (
        "desc-residual_dwimap",
        "residual",
        "1",
        "Root mean square of signal minus model, share of the signal at b = 0",
    ),
    ("desc-snr_dwimap", "snr", "1", "Signal-to-noise ratio of one b = 0 volume"),
)


def command(
    dwi: Annotated[Path, typer.Option(help="4-D diffusion-weighted NIfTI image.")],
    out: Annotated[Path, typer.Option(help="Output folder, such as OUT/sub-01/dwi.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, such as sub-01_ses-01.")],
    bval: Annotated[Path | None, typer.Option(help="b-values; none: beside the image.")] = None,
    bvec: Annotated[Path | None, typer.Option(help="Directions; none: beside the image.")] = None,
    anat: Annotated[
        Path | None, typer.Option(help="Anatomical image into whose world the result is moved.")
    ] = None,
    fmap: Annotated[
        Path | None, typer.Option(help="b = 0 NIfTI image of reversed phase encoding.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Label map of the muscles on the anatomical image: which way fascicles lean "
            "tells whether the gradient table is right."
        ),
    ] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Clean diffusion-weighted images and fit the tensor."""
    options = load_settings(DiffusionSettings, settings)
    cleaned = clean_series(dwi, bval, bvec, anat, options, fmap, labels)
    with staged(out, VERB, [f"{prefix}_{name}" for name in OPTIONAL]) as folder:
        write_cleaned(cleaned, folder / prefix)


@dataclass(frozen=True)
class Cleaned:
    """What came of a series, with all that its files have to say."""

    result: DiffusionResult
    notes: m.Notes
    inputs: list[Path]
    settings: Mapping[str, Any]


def clean_series(
    dwi: Path,
    bval: Path | None,
    bvec: Path | None,
    anat: Path | None,
    options: DiffusionSettings,
    fmap: Path | None = None,
    labels: Path | None = None,
) -> Cleaned:
    """Read a diffusion-weighted series and process it.

    Parameters
    ----------
    dwi
        4-D NIfTI.
    bval, bvec
        Gradient table; none: beside the image.
    anat
        Anatomical image into whose world the result is moved.
    options
        Settings of the stage.
    fmap
        b = 0 image of reversed phase encoding.
    labels
        Muscle labels in the anatomical world.

    Raises
    ------
    InputError
        A file is missing or contradicts another one.
    """
    bval = bval or sidecar_path(dwi).with_suffix(".bval")
    bvec = bvec or sidecar_path(dwi).with_suffix(".bvec")
    series = read_series(dwi, bval, bvec)
    image, table = series.image, series.table
    anatomy = load_image(anat) if anat else None
    if anatomy is not None:
        share = overlap_share(image, np.ones(image.shape, bool), anatomy)
        if share < 0.05:
            raise ImageError(
                f"does not overlap with the anatomical image {anat} "
                f"({share:.0%} of its voxels lie inside)",
                dwi,
                "Check that both come from the same leg and session",
            )
    sidecar = optional_sidecar(dwi)
    acquisition = acquisition_of(sidecar, image)
    use = options.distortion in ("auto", "fmap") and acquisition.phase_axis is not None
    reverse = read_reversed(fmap, image, acquisition) if fmap and use else None
    if options.distortion == "fmap" and reverse is None:
        raise ImageError(
            "cannot be undistorted from a scan of reversed phase encoding: there is none, or "
            "PhaseEncodingDirection is missing in the sidecar",
            dwi,
            "Give --fmap and both sidecars, or set distortion to auto",
        )
    muscles = load_labels(labels) if labels else None
    result = process(image, table, anatomy, options, acquisition, reverse, muscles)
    found = (dwi, bval, bvec, anat, fmap if reverse else None, labels)
    inputs = [p for p in found if p is not None]
    notes = m.Notes(
        VERB, result.method, result.citations, [*series.warnings, *result.warnings], result.facts
    )
    return Cleaned(result, notes, inputs, options.model_dump(mode="json"))


def write_cleaned(cleaned: Cleaned, stem: Path) -> None:
    """Write every file of the stage; `stem` is the scratch folder and the prefix."""
    result, inputs, settings = cleaned.result, cleaned.inputs, cleaned.settings

    def describe(path: Path, **description: Any) -> None:
        write_sidecar(path, verb=VERB, inputs=inputs, settings=settings, **description)

    series = Path(f"{stem}_desc-preproc_dwi.nii.gz")
    save_image(result.dwi, series)
    base = sidecar_path(series)
    write_gradients(
        result.table, result.dwi.affine, base.with_suffix(".bval"), base.with_suffix(".bvec")
    )
    describe(series, Units="arbitrary", Description="Diffusion-weighted images after cleaning")
    for name, attribute, units, text in _MAPS:
        path = Path(f"{stem}_{name}.nii.gz")
        save_image(result.dwi.with_data(getattr(result, attribute)), path)
        more = {"GradientTable": result.facts["gradient_check"]} if name in _DIRECTIONAL else {}
        describe(path, Units=units, Description=text, **more)
    if result.perfusion is not None:
        path = Path(f"{stem}_{_PERFUSION}.nii.gz")
        save_image(result.dwi.with_data(result.perfusion), path)
        text = "Perfusion fraction: share of the signal at b = 0 that tissue diffusion leaves over"
        describe(path, Units="1", Description=text)
    if result.distortion is not None and result.distortion.status == "corrected":
        path = Path(f"{stem}_{_DISPLACEMENT}.nii.gz")
        save_image(result.dwi.with_data(result.distortion.displacement_mm), path)
        axis = "ijk"[result.distortion.axis]
        text = f"What belongs here appeared so far along voxel axis {axis}, to larger indices"
        describe(path, Units="mm", Description=text, Axis=axis, Method=result.distortion.method)
    table = Path(f"{stem}_desc-diffusion_measures.tsv")
    m.write_measures(result.measures, table)
    describe(table, Description="Figures of the diffusion images; label 0: whole image")
    m.write_notes(cleaned.notes, f"{stem}_desc-diffusion_notes.json")
