"""``pennate diffusion``: clean diffusion-weighted images and fit the tensor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.config import DiffusionSettings, load_settings
from imaging.io.cleaned_series import clean_series
from imaging.io.writers.diffusion import write_diffusion
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "diffusion"


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
    with staged(out, VERB, stale("diffusion", prefix)) as folder:
        write_diffusion(folder, prefix, cleaned)
    for said in cleaned.notes.warnings:
        print(f"warning: {said}", file=sys.stderr)
