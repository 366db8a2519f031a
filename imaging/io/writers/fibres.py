"""Files of the fibre stage: fascicles, surfaces, direction maps, measures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from imaging.architecture.fascicles import Fascicles
from imaging.architecture.joined import direction_maps, joined_fascicles, profiles, sheet_surface
from imaging.architecture.muscle import MuscleArchitecture
from imaging.architecture.tractogram import (
    fascicle_lines,
    figures_per_fascicle,
    labelled_surface,
    trx_bytes,
)
from imaging.config import FibreSettings
from imaging.formats import tracts
from imaging.image import Image
from imaging.measures import Notes
from imaging.musclemap.vtk_files import save_vtk
from imaging.stage_files import StageFiles


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
    notes: Notes
    inputs: Sequence[Path]
    options: FibreSettings
    formats: Sequence[TractFormat] = ()


def write_fibres(folder: Path, prefix: str, output: FibreOutput) -> None:
    """Write every file of the stage.

    Parameters
    ----------
    folder
        Scratch folder.
    prefix
        Start of file names.
    output
        What is written.
    """
    settings = output.options.model_dump(mode="json")
    files = StageFiles("fibres", folder, prefix, output.inputs, settings)
    results, names = output.results, output.names
    _write_fascicles(files, joined_fascicles(results, names), output)
    surfaces = labelled_surface([(r.label, r.points, r.faces) for r in results])
    save_vtk(surfaces, files.path("surfaces"))
    files.describe("surfaces")
    sheets = sheet_surface(results)
    if sheets is not None:
        save_vtk(sheets, files.path("aponeuroses"))
        files.describe("aponeuroses")
    maps = direction_maps(results, output.grid)
    if maps is not None:
        files.image("direction", maps[0])
        files.image("dispersion", maps[1])
    labels = {str(r.label): names.get(r.label, "") for r in results}
    files.measures([row for r in results for row in r.measures], Labels=labels)
    files.table("profile", profiles(results, names), Interval="sampling")
    files.notes(output.notes)


def _write_fascicles(files: StageFiles, fascicles: Fascicles, output: FibreOutput) -> None:
    grid = output.grid
    files.path("fascicles", ".trx").write_bytes(trx_bytes(fascicles, grid))
    save_vtk(fascicle_lines(fascicles), files.path("fascicles", ".vtp"))
    fascicles.table.to_parquet(files.path("fascicles", ".parquet"), index=False)
    lines = tracts.Tracts(fascicles.points, fascicles.offsets)
    if TractFormat.trk in output.formats:
        content = tracts.trk_bytes(lines, figures_per_fascicle(fascicles), grid)
        files.path("fascicles", ".trk").write_bytes(content)
    if TractFormat.tck in output.formats:
        files.path("fascicles", ".tck").write_bytes(tracts.tck_bytes(lines))
    files.describe("fascicles", Weight="mm3 of muscle that a fascicle stands for")
