"""Files of the fibre stage: fascicles, surfaces, direction maps, measures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imaging import measures as m
from imaging.architecture.fascicles import Fascicles, join
from imaging.architecture.muscle import MuscleArchitecture
from imaging.architecture.profile import profile
from imaging.architecture.tractogram import (
    fascicle_lines,
    figures_per_fascicle,
    labelled_surface,
    trx_bytes,
)
from imaging.config import FibreSettings
from imaging.formats import tracts
from imaging.formats.nifti import save_image
from imaging.formats.polydata import in_ras
from imaging.image import Image
from imaging.muscles import is_known
from imaging.provenance import write_sidecar

VERB = "fibres"
# Not always written: those of an earlier run must not stay beside new files.
OPTIONAL = ("aponeuroses.*", "desc-smooth_*", "desc-dispersion_*", "fascicles.trk", "fascicles.tck")


class TractFormat(StrEnum):
    """Formats of fascicles beside TRX, VTP and Parquet."""

    trk = "trk"
    tck = "tck"


@dataclass(frozen=True)
class FibreOutput:
    """What is written.

    Attributes
    ----------
    results
        One per muscle.
    names
        Of each label.
    grid
        Image whose grid tractogram headers name and direction maps lie on.
    notes
        Of the stage.
    inputs
        Files that everything was made from.
    options
        Settings of the stage.
    formats
        Further formats of the fascicles.
    """

    results: Sequence[MuscleArchitecture]
    names: Mapping[int, str]
    grid: Image
    notes: m.Notes
    inputs: Sequence[Path]
    options: FibreSettings
    formats: Sequence[TractFormat] = ()


def write_fibres(folder: Path, prefix: str, output: FibreOutput) -> Fascicles:
    """Write every file of the stage into a scratch folder and return the joined fascicles."""

    def path(name: str, units: str, text: str, **more: Any) -> Path:
        target = folder / f"{prefix}_{name}"
        settings = output.options.model_dump(mode="json")
        about = {"Units": units, "Description": text, **more}
        write_sidecar(target, verb=VERB, inputs=output.inputs, settings=settings, **about)
        return target

    results, grid = output.results, output.grid
    fascicles = join([_named(r.fascicles, output.names.get(r.label, "")) for r in results])
    text = "Fascicles from surface to surface, world RAS+; the first point is the distal end"
    trx = path("fascicles.trx", "mm", text, Weight="mm3 of muscle that a fascicle stands for")
    trx.write_bytes(trx_bytes(fascicles, grid))
    in_ras(fascicle_lines(fascicles)).save(trx.with_suffix(".vtp"))
    fascicles.table.to_parquet(trx.with_suffix(".parquet"), index=False)
    _write_more(fascicles, grid, trx, output.formats)
    surfaces = [(r.label, r.points, r.faces) for r in results]
    text = "Muscle surfaces, world RAS+; cell array label"
    in_ras(labelled_surface(surfaces)).save(path("surfaces.vtp", "mm", text))
    meshes = [(r.label, s.points, s.faces) for r in results for s in r.sheets]
    if meshes:
        text = "Internal aponeuroses, world RAS+; cell arrays label, found (1: from the data)"
        surface = labelled_surface(meshes)
        found = [r.label for r in results if r.sheets_found]
        surface.cell_data["found"] = np.isin(surface.cell_data["label"], found).astype(np.uint8)
        in_ras(surface).save(path("aponeuroses.vtp", "mm", text))
    if any(r.box is not None for r in results):
        directions, dispersion = _maps(results, grid)
        text = "Smooth fibre direction, unit vector in world RAS+, up to its sign"
        save_image(directions, path("desc-smooth_direction.nii.gz", "1", text))
        text = "RMS angle between single-voxel and smooth direction"
        save_image(dispersion, path("desc-dispersion_direction.nii.gz", "deg", text))
    text = "Architecture of each muscle"
    labels = {str(r.label): output.names.get(r.label, "") for r in results}
    table = path("desc-fibres_measures.tsv", "see column unit", text, Labels=labels)
    m.write_measures([row for r in results for row in r.measures], table)
    text = "Fascicles of five parts of each muscle along its line of action; part 1 is distal"
    parts = path("desc-profile_fibres.tsv", "in the names of columns", text, Interval="sampling")
    _profiles(output).to_csv(parts, sep="\t", index=False, na_rep="n/a", float_format="%.6g")
    m.write_notes(output.notes, folder / f"{prefix}_desc-fibres_notes.json")
    return fascicles


def _profiles(output: FibreOutput) -> pd.DataFrame:
    parts = []
    for r in output.results:
        places = r.seeds if r.seeds is not None and len(r.fascicles) else np.zeros((0, 3))
        part = profile(r.label, r.points, r.fascicles.table, places)
        own = part["muscle"] if is_known(r.label) else output.names.get(r.label, "")
        parts.append(part.assign(muscle=own))
    return pd.concat(parts, ignore_index=True)


def _named(fascicles: Fascicles, name: str) -> Fascicles:
    """Return the fascicles of a muscle that the catalogue does not know under its own name."""
    table = fascicles.table
    if not len(table) or is_known(int(table["label"].iloc[0])):
        return fascicles
    return replace(fascicles, table=table.assign(muscle=name))


def _write_more(
    fascicles: Fascicles, grid: Image, trx: Path, formats: Sequence[TractFormat]
) -> None:
    lines = tracts.Tracts(fascicles.points, fascicles.offsets)
    if TractFormat.trk in formats:
        content = tracts.trk_bytes(lines, figures_per_fascicle(fascicles), grid)
        trx.with_suffix(".trk").write_bytes(content)
    if TractFormat.tck in formats:
        trx.with_suffix(".tck").write_bytes(tracts.tck_bytes(lines))


def _maps(results: Sequence[MuscleArchitecture], grid: Image) -> tuple[Image, Image]:
    """Return directions and dispersion on the tensor's grid; the muscle with most of it wins."""
    directions = np.zeros((*grid.shape, 3), np.float32)
    dispersion = np.zeros(grid.shape, np.float32)
    share = np.full(grid.shape, 0.25, np.float32)  # least share of a voxel that is shown
    for r in results:
        if r.box is None or r.share is None or r.directions is None or r.dispersion_deg is None:
            continue
        wins = r.share > share[r.box]
        share[r.box][wins] = r.share[wins]
        directions[r.box][wins] = r.directions[wins]
        dispersion[r.box][wins] = r.dispersion_deg[wins]
    return grid.with_data(directions), grid.with_data(dispersion)


def summary(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> str:
    """Return a small table for the terminal: one line per muscle."""
    heads = ("muscle", "n", "length mm", "pennation distal", "proximal deg", "curv. 1/m", "status")
    lines = [heads]
    for r in results:
        rows = {row.measure: row for row in r.measures}
        length, counted = rows["fascicle_length"], rows["fascicles"]
        lines.append(
            (
                names.get(r.label, str(r.label)),
                "0" if counted.value is None else f"{counted.value:.0f}",
                _figure(length, spread=True),
                _figure(rows["pennation_start"]),
                _figure(rows["pennation_end"]),
                _figure(rows["curvature"]),
                length.status,
            )
        )
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if k in (0, len(heads) - 1) else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _figure(row: m.Measure, spread: bool = False) -> str:
    if row.value is None:
        return "-"
    return f"{row.value:.1f}" + (f" ± {row.sd:.1f}" if spread and row.sd is not None else "")
