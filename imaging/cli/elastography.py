"""``pennate elastography``: from wave images or a ready map to stiffness per voxel and muscle."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from imaging.config import ElastographySettings, load_settings
from imaging.elastography.declaration import map_declaration
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.errors import ImageError, InputError
from imaging.formats.json import read_sidecar
from imaging.formats.nifti import load_image
from imaging.formats.parametric_map import need_highdicom
from imaging.io.directions import load_directions
from imaging.io.inversions import invert
from imaging.io.region import Region, read_labels
from imaging.io.stiffness import Source, Wording, labels_on, summary
from imaging.io.waves.fields import load_fields
from imaging.io.writers.elastography import write_inversion, write_waves
from imaging.outputs import stale
from imaging.provenance import default_prefix, staged
from imaging.stiffness import QUANTITIES, Stiffness, to_pascal

VERB = "elastography"
EPILOG = """
Wave images, nothing else:

  pennate elastography --waves waves_60Hz.nii.gz --waves waves_50Hz.nii.gz

With muscles and their fibre directions:

  pennate elastography --waves waves.nii.gz --labels dseg.nii.gz --directions e1.nii.gz

A folder of DICOM files, with what they do not say in FOLDER.json; maps for a DICOM viewer:

  pennate elastography --waves mre_dicom --dicom
"""


def command(
    waves: Annotated[
        list[Path] | None,
        typer.Option(
            "--waves",
            help="Phase images of one frequency (NIfTI with JSON, or a folder of DICOM files), a "
            "JSON that lists several, or the BIOQIC phantom (.mat). May be given several times.",
        ),
    ] = None,
    stiffness: Annotated[
        Path | None, typer.Option("--stiffness", help="Instead: ready map with its JSON.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("elastography"),
    prefix: Annotated[
        str | None, typer.Option("--prefix", help="Start of file names; none: from the input's.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Muscle labels, on any grid.")
    ] = None,
    mask: Annotated[Path | None, typer.Option("--mask", help="Tissue mask, on any grid.")] = None,
    directions: Annotated[
        Path | None,
        typer.Option(
            "--directions",
            help="Fibre directions, on any grid: the e1 or direction file of `pennate diffusion` "
            "or `pennate fibres` (unit vectors in world RAS+ axes).",
        ),
    ] = None,
    dispersion: Annotated[
        Path | None,
        typer.Option("--dispersion", help="Uncertainty of --directions, degrees, on any grid."),
    ] = None,
    dicom: Annotated[
        bool,
        typer.Option("--dicom", help="Write every map as a DICOM parametric map, too."),
    ] = False,
    settings: Annotated[
        str | None, typer.Option("--settings", help="JSON text or a YAML file.")
    ] = None,
) -> None:
    """Stiffness from wave images or from a ready map."""
    options = load_settings(ElastographySettings, settings)
    if bool(waves) == bool(stiffness):
        raise InputError(
            "give either --waves or --stiffness", None, "Run the verb once for each of the two"
        )
    if directions and not waves:
        raise InputError("--directions belongs to --waves", directions, "Leave it out")
    if dispersion and not directions:
        raise InputError("--dispersion belongs to --directions", dispersion, "Give both")
    if dicom:
        need_highdicom()
    label_region = read_labels(labels) if labels else None
    mask_region = Region(load_image(mask), mask) if mask else None
    more = [p for p in (labels, mask, directions, dispersion) if p]
    start = prefix or default_prefix(waves[0] if waves else stiffness or Path())
    wave_files = None
    if waves:
        fibres = load_directions(directions, dispersion) if directions else None
        wave_files = load_fields(waves, label_region, mask_region, options)
        first = wave_files.fields[0]
        source = Source(
            wave_files.grid, *labels_on(wave_files.grid, label_region),
            [*wave_files.inputs, *more], options,
            [f.frequency_hz for f in wave_files.fields], first.density, dicom,
        )  # fmt: skip
        found = invert(wave_files, source, fibres, options)
    else:
        assert stiffness is not None
        ready, source, wording = _from_map(stiffness, label_region, mask_region, more, options)
        source = replace(source, dicom=dicom)
        found = [(ready, wording)]
    old = stale("inversion" if waves else "stiffness", start)
    rows, warnings = [], list(wave_files.warnings if wave_files else [])
    # Waves and a ready map may be worked on at once, into one folder.
    with staged(out, f"{VERB}-{'waves' if waves else 'ready'}", old) as folder:
        if wave_files is not None:
            write_waves(folder, start, wave_files, source)
        for inversion, wording in found:
            more_rows, more_warnings = write_inversion(folder, start, inversion, source, wording)
            rows += more_rows
            warnings += more_warnings
    print(summary(rows))
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _from_map(
    path: Path,
    labels: Region | None,
    mask: Region | None,
    more_inputs: Sequence[Path],
    options: ElastographySettings,
) -> tuple[Inversion, Source, Wording]:
    """Read a ready map and bring it to Pa."""
    content, json_path = read_sidecar(path)
    declared = map_declaration(content, json_path)
    image = load_image(path)
    kept = Stiffness.declared(
        image.data, declared.quantity, declared.unit, frequency_hz=[declared.frequency_hz],
        density=declared.density, method=declared.method,
    )  # fmt: skip
    quantity = kept.quantity
    conversion = to_pascal(np.zeros(1), declared.quantity, declared.unit, declared.density)[2]
    warnings = []
    if negative := int((image.data < 0).sum()):
        warnings.append(f"{path.name} holds {negative} negative voxels; they are left out.")
    valid = image.data > 0
    if mask is not None:
        valid &= mask.on(image).data > 0
    if not valid.any():
        raise ImageError("holds no positive value inside the mask", path, "Check map and mask")
    source = Source(
        image, *labels_on(image, labels), [path, json_path, *more_inputs], options,
        [declared.frequency_hz], declared.density,
    )  # fmt: skip
    found = Inversion(
        "ready",
        declared.method,
        {"stiffness": QuantityMap(np.where(valid, kept.values, 0), "Pa", quantity)},
        valid,
        facts={"declared_quantity": declared.quantity, "declared_units": declared.unit},
    )
    wording = Wording(
        f"A ready map ({QUANTITIES[declared.quantity]}, {declared.unit}, {source.named}, "
        f"{declared.method}) was kept as {QUANTITIES[quantity]} in Pa ({conversion}).",
        f"{declared.method} at {source.named}",
        warnings,
        {
            "DeclaredQuantity": declared.quantity,
            "DeclaredUnits": declared.unit,
            "Conversion": conversion,
        },
        names={q: q for q in QUANTITIES},
    )
    return found, source, wording
