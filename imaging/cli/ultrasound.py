"""``pennate ultrasound``: from shear-wave colour frames to stiffness in the space of the scan."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.config import UltrasoundSettings, load_settings
from imaging.errors import ImageError, InputError
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.io.directions import load_directions
from imaging.io.region import read_labels
from imaging.io.stiffness import summary
from imaging.io.ultrasound import write_maps, write_samples
from imaging.io.ultrasound_frames import FrameFile, read_frames
from imaging.measures import Notes, write_measures, write_notes
from imaging.muscles import muscle_labels
from imaging.provenance import staged, write_sidecar
from imaging.ultrasound.angles import Ratios
from imaging.ultrasound.colour import crop, repeats
from imaging.ultrasound.directions import sample_fibres
from imaging.ultrasound.frame_samples import FrameSamples, Limits, join_fibres, read_frame
from imaging.ultrasound.locate import Located, locate
from imaging.ultrasound.muscles import labels_at, muscle_rows
from imaging.ultrasound.notes import (
    CITATIONS,
    CORRECTION_CITATIONS,
    correction_sentence,
    method_sentence,
    placement_warnings,
)
from imaging.ultrasound.samples import FramePlane, Samples, join

VERB = "ultrasound"


@dataclass
class _Placed:
    """Frames of all files, read and placed; one entry per frame that could be used."""

    located: list[Located] = field(default_factory=list)
    samples: list[Samples] = field(default_factory=list)
    planes: list[FramePlane] = field(default_factory=list)
    slab_mm: list[float] = field(default_factory=list)
    turn_deg: list[NDArray[Any]] = field(default_factory=list)
    error_mm: list[NDArray[Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def command(
    frames: Annotated[
        list[Path],
        typer.Option("--frames", help="DICOM, PNG or .igs.mha with its JSON; repeat for more."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Output folder, e.g. OUT/sub-01/us.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Start of file names, e.g. sub-01.")],
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Muscle labels; maps are on their grid.")
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
    label_image = read_labels(labels).image if labels else None
    files = [read_frames(path) for path in frames]
    placed = _read_all(files, options)
    samples = join(placed.samples)
    if not len(samples):
        raise ImageError(
            "holds no readable colour inside ColorBox", files[0].paths[0],
            " ".join(["Check ColorBox, ColorBarBox and Opacity.", *placed.colours]).rstrip("."),
        )  # fmt: skip
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
    inputs += [p for p in (labels, anat, directions, dispersion) if p]
    grid = label_image or (load_image(anat) if anat else _grid_around(samples.world))
    _write(joined, placed, files, grid, label_image, inputs, out, prefix, options)


def _read_all(files: Sequence[FrameFile], options: UltrasoundSettings) -> _Placed:
    """Place and read the frames of every file."""
    out = _Placed()
    for file in files:
        name, located = file.paths[0].name, _locate(file, options)
        out.located.append(located)
        out.warnings += placement_warnings(name, located)
        doubts: dict[str, None] = {}
        shown = tqdm(located.planes, desc=name, unit="frame", disable=not sys.stderr.isatty())
        before, repeated = None, 0
        for number, plane in enumerate(shown):
            if plane is None:
                continue
            part = crop(file.frames[number], file.declared.overlay)
            if before is not None and repeats(part, before):
                repeated += 1
                continue
            before = part
            try:
                found, doubt = read_frame(
                    file.frames[number], file.declared, plane, len(out.planes), options.cell_mm
                )
            except ImageError as error:
                raise ImageError(error.what, file.paths[1], error.fix) from error
            doubts |= dict.fromkeys(doubt)
            out.samples.append(found)
            out.planes.append(plane)
            out.slab_mm.append(file.declared.slab_mm or options.slab_mm)
            out.turn_deg.append(np.full(len(found), located.placement.turn_deg))
            out.error_mm.append(located.target_mm(found.world))
            out.sources.append(f"{name} {number}")
        out.repeated.append(repeated)
        if repeated:
            out.warnings.append(f"{name}: {repeated} frames repeat the map before them, left out.")
        out.colours += [f"{name}: {doubt}" for doubt in list(doubts)[:3]]
    return out


def _locate(file: FrameFile, options: UltrasoundSettings) -> Located:
    """Place a file's frames; name the file in what is wrong."""
    height, width = file.frames.shape[1:3]
    try:
        located = locate(
            file.declared, len(file.frames), (height, width), file.fields, file.regions
        )
    except ImageError as error:
        raise ImageError(error.what, error.path or file.paths[1], error.fix) from error
    error_mm, left = located.placement.fiducial_mm, located.placement.left_out_mm
    if error_mm > options.max_landmark_error_mm:
        worst = ""
        if not np.isnan(left).any():
            worst = f"; {file.declared.landmarks.names[int(np.argmax(left))]} is missed most"
        raise ImageError(
            f"the landmarks fit within {error_mm:.1f} mm only{worst}", file.paths[1],
            "Check that each is the same point in both, or raise max_landmark_error_mm",
        )  # fmt: skip
    return located


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
    placed: _Placed,
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
