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
from imaging.dyads import FibreDirections
from imaging.errors import ImageError, InputError
from imaging.formats.nifti import load_image
from imaging.io.directions import load_directions
from imaging.io.region import read_labels
from imaging.io.stiffness import summary
from imaging.io.ultrasound_frames import FrameFile, read_frame_files
from imaging.io.ultrasound_placed import PlacedFrames, place_frames
from imaging.io.writers.ultrasound import UltrasoundOutput, write_ultrasound
from imaging.measures import Notes
from imaging.muscles import muscle_labels
from imaging.outputs import stale
from imaging.provenance import staged
from imaging.report.stiffness_curves import curves
from imaging.ultrasound.angles import Ratios
from imaging.ultrasound.colour_box import joined_cells
from imaging.ultrasound.directions import sample_fibres
from imaging.ultrasound.frame_samples import FrameSamples, Limits, join_fibres
from imaging.ultrasound.maps import columns_of, grid_around, sample_table
from imaging.ultrasound.muscles import labels_at, muscle_rows
from imaging.ultrasound.notes import (
    CITATIONS,
    CORRECTION_CITATIONS,
    correction_sentence,
    method_sentence,
)
from imaging.ultrasound.samples import Samples, join
from imaging.ultrasound.series import frame_figures
from imaging.ultrasound.series_tables import frame_table, line_table
from imaging.ultrasound.splat import splat

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
        raise InputError("--dispersion belongs to --directions", dispersion, "Give both")
    if lookup and not labels:
        raise InputError("--lookup belongs to --labels", lookup, "Give both")
    region = read_labels(labels, lookup) if labels else None
    label_image = region.image if region else None
    files = read_frame_files(frames)
    placed = place_frames(files, options)
    samples = join(placed.samples)
    given = load_directions(directions, dispersion) if directions else None
    joined = _joined(samples, placed, given, options)
    boxes = joined_cells(placed.boxes)
    inputs = [p for f in files for p in f.inputs]
    inputs += region.paths if region else []
    inputs += [p for p in (anat, directions, dispersion) if p]
    grid = label_image or (load_image(anat) if anat else grid_around(samples.world))
    owner: NDArray[Any] = np.zeros(len(samples), np.int16)
    box_owner: NDArray[Any] = np.zeros(len(boxes.frame), np.int16)
    wanted = [0]
    if label_image is not None:
        owner = labels_at(label_image, samples.world, options.erode_mm)
        box_owner = labels_at(label_image, boxes.world, options.erode_mm)
        wanted = muscle_labels(label_image.data)
    maps, weight = splat(samples, placed.planes, placed.slab_mm, columns_of(joined), grid)
    if label_image is not None and not (weight[label_image.data > 0] > 0).any():
        raise ImageError(
            "no frame crosses a labelled muscle", files[0].paths[0],
            "Check the landmarks (mri is world RAS+ mm) and that both are of one leg",
        )  # fmt: skip
    rows, odd = muscle_rows(
        joined, owner, boxes, box_owner, wanted, label_image, weight, options.erode_mm
    )
    figures = frame_figures(samples, owner, boxes, box_owner, wanted)
    facts = placed.frame_facts(files)
    frames_told, lines = frame_table(figures, facts), line_table(figures, facts)
    warnings = [*placed.warnings, *placed.colours, *odd]
    notes = _notes(files, placed, joined, options, warnings)
    table = sample_table(joined, owner, placed.sources, np.concatenate(placed.error_mm))
    output = UltrasoundOutput(
        maps, weight, grid, table, frames_told, lines, curves(frames_told, lines), rows, notes,
        files[0].declared.density, inputs,
        options.model_dump(mode="json"),
    )  # fmt: skip
    with staged(out, VERB, stale("ultrasound", prefix)) as folder:
        write_ultrasound(folder, prefix, output)
    print(summary(rows))
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _joined(
    samples: Samples,
    placed: PlacedFrames,
    given: FibreDirections | None,
    options: UltrasoundSettings,
) -> FrameSamples:
    """Return the samples with their angles to the fibres, where directions are known."""
    fibres = None
    if given is not None:
        fibres = sample_fibres(samples.world, given)
    limits = Limits(
        options.small_angle_deg, options.max_angle_deg, options.max_factor_error,
        options.direction_error_deg,
    )  # fmt: skip
    turn = np.concatenate(placed.turn_deg)
    return join_fibres(samples, placed.planes, turn, fibres, _ratios(options), limits)


def _notes(
    files: Sequence[FrameFile],
    placed: PlacedFrames,
    joined: FrameSamples,
    options: UltrasoundSettings,
    warnings: Sequence[str],
) -> Notes:
    ratios = None if joined.correction is None else _ratios(options)
    said = method_sentence([f.declared for f in files], placed.located, len(placed.planes))
    cited = CITATIONS + (CORRECTION_CITATIONS if ratios else ())
    facts = {"files": placed.facts(files)}
    return Notes("ultrasound", said + correction_sentence(ratios), cited, warnings, facts)


def _ratios(options: UltrasoundSettings) -> Ratios | None:
    """Return the anisotropy that the settings give."""
    if options.along_ratio is None:
        return None
    return Ratios(options.along_ratio, options.tensile_ratio, options.ratio_source)
