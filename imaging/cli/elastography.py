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
from imaging.dataset.names import check_one_context
from imaging.dyads import FibreDirections
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.methods import invert
from imaging.elastography.notes import METHODS, inversion_sentence, ready_sentence
from imaging.errors import ImageError, InputError
from imaging.formats.nifti import load_image
from imaging.formats.parametric_map import need_highdicom
from imaging.io.directions import load_directions
from imaging.io.region import Region, read_labels
from imaging.io.stiffness import Source, Wording, labels_on, summary
from imaging.io.waves.load import Examination, load_examination
from imaging.io.waves.ready import read_ready
from imaging.io.writers.elastography import write_inversion, write_waves
from imaging.outputs import stale
from imaging.provenance import default_prefix, staged
from imaging.stiffness import QUANTITIES, to_pascal

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
    lookup: Annotated[
        Path | None,
        typer.Option(
            "--lookup",
            help="Table (index, name) of what the labels mean; none: NAME.tsv beside NAME.nii.gz, "
            "else they are those of the catalogue.",
        ),
    ] = None,
    mask: Annotated[Path | None, typer.Option("--mask", help="Tissue mask, on any grid.")] = None,
    anatomy: Annotated[
        Path | None,
        typer.Option(
            "--anatomy",
            help="Anatomical image, in whose world --labels, --mask and --directions lie: the "
            "waves are put where it shows the leg.",
        ),
    ] = None,
    fmap: Annotated[
        Path | None,
        typer.Option(
            "--fmap",
            help="Magnitude of reversed phase encoding; undoes distortion of echo-planar waves.",
        ),
    ] = None,
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
        typer.Option("--dicom", help="Also write every map as a DICOM parametric map."),
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
    check_one_context(waves or (), "pennate elastography")
    if directions and not waves:
        raise InputError("--directions belongs to --waves", directions, "Leave it out")
    if anatomy and not waves:
        raise InputError("--anatomy belongs to --waves", anatomy, "Leave it out")
    if fmap and not waves:
        raise InputError("--fmap belongs to --waves", fmap, "Leave it out")
    if dispersion and not directions:
        raise InputError("--dispersion belongs to --directions", dispersion, "Give both")
    if lookup and not labels:
        raise InputError("--lookup belongs to --labels", lookup, "Give both")
    if dicom:
        need_highdicom()
    label_region = read_labels(labels, lookup) if labels else None
    mask_region = Region(load_image(mask), mask) if mask else None
    more = [p for p in (mask, anatomy, directions, dispersion) if p]
    more = [*(label_region.paths if label_region else ()), *more]
    start = prefix or default_prefix(waves[0] if waves else stiffness or Path())
    read = None
    warnings: list[str] = []
    if waves:
        fibres = load_directions(directions, dispersion) if directions else None
        leg = load_image(anatomy) if anatomy and options.register_to_anatomy else None
        read = load_examination(waves, label_region, mask_region, options, leg, fmap)
        source, found, warnings = _invert(read, label_region, fibres, more, options)
    else:
        assert stiffness is not None
        ready, source, wording = _from_map(stiffness, label_region, mask_region, more, options)
        found = [(ready, wording)]
    source = replace(source, dicom=dicom)
    old = stale("inversion" if waves else "stiffness", start)
    rows = []
    # Waves and a ready map may be worked on at once, into one folder.
    with staged(out, f"{VERB}-{'waves' if waves else 'ready'}", old) as folder:
        if read is not None:
            write_waves(folder, start, read, source, warnings)
        for inversion, wording in found:
            more_rows, more_warnings = write_inversion(folder, start, inversion, source, wording)
            rows += more_rows
            warnings += more_warnings
    print(summary(rows))
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _invert(
    read: Examination,
    labels: Region | None,
    fibres: FibreDirections | None,
    more_inputs: Sequence[Path],
    options: ElastographySettings,
) -> tuple[Source, list[tuple[Inversion, Wording]], list[str]]:
    """Run the inversions; return what they share, each with its words, and the warnings."""
    waves = read.waves
    source = Source(
        read.grid, *labels_on(read.grid, labels), [*read.inputs, *more_inputs], options,
        [f.frequency_hz for f in waves.fields], waves.fields[0].density,
    )  # fmt: skip
    muscles = None if labels is None else source.labels
    found, failed = invert(
        waves, read.grid, muscles, fibres, options.inversions,
        erode_mm=options.erode_mm, cutoff_per_m=options.cutoff_per_m,
    )  # fmt: skip
    told = []
    for one in found:
        facts = {"drivers": waves.drivers, "mask": read.region, **one.facts}
        note = f"{METHODS[one.method].title} at {source.named}"
        wording = Wording(inversion_sentence(one, source.named, read.region), note)
        told.append((replace(one, facts=facts), wording))
    return source, told, [*read.warnings, *failed]


def _from_map(
    path: Path,
    labels: Region | None,
    mask: Region | None,
    more_inputs: Sequence[Path],
    options: ElastographySettings,
) -> tuple[Inversion, Source, Wording]:
    """Read a ready map and bring it to Pa."""
    ready = read_ready(path)
    declared, image = ready.declared, ready.image
    quantity = ready.kept.quantity
    conversion = to_pascal(np.zeros(1), declared.quantity, declared.unit, declared.density)[2]
    warnings = list(ready.warnings)
    if negative := int((image.data < 0).sum()):
        warnings.append(f"{path.name} holds {negative} negative voxels; they are left out.")
    valid = ready.measured
    if mask is not None:
        valid &= mask.on(image).data > 0
    if not valid.any():
        raise ImageError("has no positive value inside the mask", path, "Check map and mask")
    source = Source(
        image, *labels_on(image, labels), [*ready.paths, *more_inputs], options,
        [declared.frequency_hz], declared.density,
    )  # fmt: skip
    found = Inversion(
        "ready",
        declared.method,
        {"stiffness": QuantityMap(np.where(valid, ready.kept.values, 0), "Pa", quantity)},
        valid,
        facts={"declared_quantity": declared.quantity, "declared_units": declared.unit},
    )
    wording = Wording(
        ready_sentence(
            declared.quantity, declared.unit, source.named, declared.method, quantity, conversion
        ),
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
