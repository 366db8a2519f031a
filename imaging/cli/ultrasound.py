"""``pennate ultrasound``: from shear-wave colour frames to stiffness in the space of the scan."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from imaging.config import UltrasoundSettings, load_settings
from imaging.errors import ImageError, InputError
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.directions import load_directions
from imaging.io.region import read_labels
from imaging.io.stiffness import summary
from imaging.io.ultrasound import write_maps, write_samples
from imaging.io.ultrasound_frames import FrameFile, read_frame_files
from imaging.io.ultrasound_placed import PlacedFrames, place_frames
from imaging.measures import Notes, write_measures, write_notes
from imaging.muscles import muscle_labels
from imaging.provenance import staged, write_sidecar
from imaging.ultrasound.angles import Ratios
from imaging.ultrasound.directions import sample_fibres
from imaging.ultrasound.frame_samples import FrameSamples, Limits, join_fibres
from imaging.ultrasound.locate import Located
from imaging.ultrasound.muscles import labels_at, muscle_rows
from imaging.ultrasound.notes import (
    CITATIONS,
    CORRECTION_CITATIONS,
    correction_sentence,
    method_sentence,
)
from imaging.ultrasound.samples import join

VERB = "ultrasound"


def command(
    frames: Annotated[
        list[Path],
        typer.Option("--frames", help="DICOM, PNG, .igs.mha, .igs.nrrd, with its JSON; or more."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Output folder, e.g. OUT/sub-01/us.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Start of file names, e.g. sub-01.")],
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Muscle labels; maps are on their grid.")
    ] = None,
    lookup: Annotated[
        Path | None,
        typer.Option(
            "--lookup",
            help="Table (index, name) of what the labels mean; none: NAME.tsv beside NAME.nii.gz, "
            "else they are those of the catalogue.",
        ),
    ] = None,
    anat: Annotated[
        Path | None, typer.Option("--anat", help="Image whose grid is used without labels.")
    ] = None,
    directions: Annotated[
        Path | None, typer.Option("--directions", help="Fibre directions, world vectors.")
    ] = None,
    dispersion: Annotated[
        Path | None, typer.Option("--dispersion", help="Their uncertainty, degrees.")
    ] = None,
    settings: Annotated[
        str | None, typer.Option("--settings", help="JSON text or a YAML file.")
    ] = None,
) -> None:
    """Stiffness from shear-wave colour frames of ultrasound."""
    options = load_settings(UltrasoundSettings, settings)
    if dispersion and not directions:
        raise InputError("--dispersion without --directions", dispersion, "Give both")
    if lookup and not labels:
        raise InputError("--lookup belongs to --labels", lookup, "Give both")
    region = read_labels(labels, lookup) if labels else None
    label_image = region.image if region else None
    files = read_frame_files(frames)
    placed = place_frames(files, options)
    samples = join(placed.samples)
    fibres = None
    if directions:
        fibres = sample_fibres(samples.world, load_directions(directions, dispersion))
    ratios = _ratios(options)
    limits = Limits(
        options.small_angle_deg, options.max_angle_deg, options.max_factor_error,
        options.direction_error_deg,
    )  # fmt: skip
    turn = np.concatenate(placed.turn_deg)
    joined = join_fibres(samples, placed.planes, turn, fibres, ratios, limits)
    inputs = [p for f in files for p in f.paths]
    inputs += region.paths if region else []
    inputs += [p for p in (anat, directions, dispersion) if p]
    grid = label_image or (load_image(anat) if anat else _grid_around(samples.world))
    _write(joined, placed, files, grid, label_image, inputs, out, prefix, options)


def _ratios(options: UltrasoundSettings) -> Ratios | None:
    """Return the anisotropy that the settings give."""
    if options.along_ratio is None:
        return None
    return Ratios(options.along_ratio, options.tensile_ratio, options.ratio_source)


def _grid_around(points: NDArray[Any]) -> Image:
    """Return a grid of 1 mm around the samples."""
    low, high = points.min(axis=0) - 5, points.max(axis=0) + 5
    affine = np.eye(4)
    affine[:3, 3] = low
    return Image(np.zeros(np.ceil(high - low).astype(int) + 1, np.uint8), affine)


def _facts(file: FrameFile, located: Located, repeated: int) -> dict[str, Any]:
    left = located.placement.left_out_mm
    return {
        "file": file.paths[0].name,
        "frames": len(file.frames),
        "skipped": list(located.skipped),
        "repeated": repeated,
        "tracked": located.tracked,
        "landmarks": len(left),
        "fiducial_error_mm": round(located.placement.fiducial_mm, 4),
        "left_out_error_mm": None if np.isnan(left).any() else [round(float(v), 3) for v in left],
        "quantity": file.declared.quantity,
        "units": file.declared.unit,
        "range": [file.declared.low, file.declared.high],
        "opacity": file.declared.opacity,
    }


def _write(
    joined: FrameSamples,
    placed: PlacedFrames,
    files: Sequence[FrameFile],
    grid: Image,
    labels: Image | None,
    inputs: Sequence[Path],
    out: Path,
    prefix: str,
    options: UltrasoundSettings,
) -> None:
    """Write maps, samples, measures and notes."""
    stem, samples = f"{prefix}_desc-swe", joined.samples
    about = {"verb": VERB, "inputs": inputs, "settings": options.model_dump(mode="json")}
    owner: NDArray[Any] = np.zeros(len(samples), np.int16)
    wanted = [0]
    if labels is not None:
        owner = labels_at(labels, samples.world, options.erode_mm)
        wanted = muscle_labels(labels.data)
    declared = [f.declared for f in files]
    warnings = [*placed.warnings, *placed.colours]
    with staged(out, VERB, optional=[f"{stem}_corrected.*"]) as folder:
        weight = write_maps(
            folder, stem, joined, placed.planes, placed.slab_mm, grid, about=about,
            density=declared[0].density,
        )  # fmt: skip
        if labels is not None and not (weight[labels.data > 0] > 0).any():
            raise ImageError(
                "do not touch the labels in world space", files[0].paths[0],
                "Check the landmarks (mri is world RAS+ mm) and that both are of one leg",
            )  # fmt: skip
        rows, odd = muscle_rows(joined, owner, wanted, labels, weight, options.erode_mm)
        write_samples(
            folder / f"{stem}_samples.parquet", joined, owner, placed.sources,
            np.concatenate(placed.error_mm), about,
        )  # fmt: skip
        table = folder / f"{stem}_measures.tsv"
        write_measures(rows, table)
        write_sidecar(table, **about)  # type: ignore[arg-type]
        ratios = None if joined.correction is None else _ratios(options)
        notes = Notes(
            "ultrasound",
            method_sentence(declared, placed.located, len(placed.planes))
            + correction_sentence(ratios),
            CITATIONS + (CORRECTION_CITATIONS if ratios else ()),
            [*warnings, *odd],
            {
                "files": [
                    _facts(*one) for one in zip(files, placed.located, placed.repeated, strict=True)
                ]
            },
        )
        write_notes(notes, folder / f"{stem}_notes.json")
    print(summary(rows))
    for warning in [*warnings, *odd]:
        print(f"warning: {warning}", file=sys.stderr)
