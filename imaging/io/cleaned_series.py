"""A diffusion-weighted series read, checked against its neighbours, and cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imaging import measures as m
from imaging.config import DiffusionSettings
from imaging.diffusion.acquisition import acquisition_of
from imaging.diffusion.pipeline import DiffusionResult, process
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_image, load_labels
from imaging.formats.nifti_place import place_warnings
from imaging.image import Image
from imaging.io.diffusion_series import read_series
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.io.reversed_scan import read_reversed
from imaging.provenance import sidecar_path
from imaging.registration import overlap_share


@dataclass(frozen=True)
class DiffusionOutput:
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
    lookup: Path | None = None,
) -> DiffusionOutput:
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
    lookup
        Table of what they mean; none: labels of the catalogue.

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
            "cannot be corrected with a scan of reversed phase encoding: none was given, or "
            "PhaseEncodingDirection is missing in the sidecar",
            dwi,
            "Give --fmap and both sidecars, or set distortion to auto",
        )
    muscles = _muscles(labels, lookup) if labels else None
    result = process(image, table, anatomy, options, acquisition, reverse, muscles)
    found = (dwi, bval, bvec, anat, fmap if reverse else None, labels, lookup)
    placed = [said for p in (dwi, anat, fmap) if p for said in place_warnings(p)]
    warnings = [*series.warnings, *placed, *result.warnings]
    inputs = [p for p in found if p is not None]
    notes = m.Notes("diffusion", result.method, result.citations, warnings, result.facts)
    return DiffusionOutput(result, notes, inputs, options.model_dump(mode="json"))


def _muscles(labels: Path, lookup: Path | None) -> Image:
    """Return muscle labels of the catalogue."""
    return load_labels(labels) if lookup is None else in_catalogue(read_label_map(labels, lookup))
