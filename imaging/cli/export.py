"""``pennate export``: meshes, tracts, glTF and the offline viewer of one muscle map."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.config import ExportSettings, load_settings
from imaging.errors import ConfigError, OutputError
from imaging.export.dicom.choice import Source, choose
from imaging.export.dicom.files import write_dicom
from imaging.export.files import write_export
from imaging.formats.parametric_map import need_highdicom
from imaging.io.printing import pdf_of
from imaging.io.scanner.source import read_source
from imaging.musclemap.read.files import find_prefix
from imaging.musclemap.read.muscle_map import MuscleMap, read_muscle_map
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "export"
_IDENTITY = (
    "They carry the person's name and number, as the images do: keep them where those may be kept. "
    "All other files of the export carry neither."
)
_RESAMPLED = (
    "the map has voxels of its own: labels on the series are those of the nearest voxel, "
    "values are interpolated linearly"
)
_ELSEWHERE = "Choose another folder, such as OUT/sub-01/export"
_NO_BROWSER = "no Chromium prints the page, so it is left out of the DICOM objects"


def command(
    map_dir: Annotated[Path, typer.Option(help="Folder of the muscle map (.../map).")],
    out: Annotated[Path, typer.Option(help="Folder to write, e.g. OUT/sub-01/export.")],
    prefix: Annotated[
        str | None, typer.Option(help="Start of every file name; none: that of the one map there.")
    ] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
    dicom: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the DICOM images the map was made from: also write objects "
            "for an archive (extra `dicom`). They carry the person's name and number."
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page of `pennate report`, taken along with --dicom.")
    ] = None,
) -> None:
    """Write meshes, tracts, glTF and the offline viewer."""
    if page is not None and dicom is None:
        raise ConfigError("--page goes with --dicom only", None, "Give --dicom, or leave it out")
    if out.resolve() == map_dir.resolve():
        raise OutputError("is the folder of the map, whose files would be lost", out, _ELSEWHERE)
    chosen = load_settings(ExportSettings, settings)
    prefix = find_prefix(map_dir, prefix)
    muscle_map = read_muscle_map(map_dir, prefix)
    source = None if dicom is None else _source(dicom, muscle_map)
    with staged(out, VERB, stale("export", prefix)) as folder:
        write_export(folder, muscle_map, chosen)
        if source is not None:
            pdf = None if page is None else _printed(page)
            count = write_dicom(folder, muscle_map, source, pdf)
            print(f"{count} DICOM objects are in {out / 'dicom'}. {_IDENTITY}")
    print(f"The exports are in {out}")


def _source(folder: Path, muscle_map: MuscleMap) -> Source:
    """Return the series the map was made from, and say which."""
    need_highdicom()
    found = read_source(folder)
    arrays = muscle_map.arrays
    source = choose(found.volumes, found.others, arrays["anatomy"], arrays["label"], folder)
    print(f"The objects lie on {source.volume.title}, likeness {source.likeness:.3f}.")
    if not source.on_grid:
        print(f"warning: {_RESAMPLED}", file=sys.stderr)
    return source


def _printed(page: Path) -> bytes | None:
    pdf = pdf_of(page)
    if pdf is None:
        print(f"warning: {_NO_BROWSER}", file=sys.stderr)
    return pdf
