"""``pennate export``: meshes, tracts, glTF and the offline viewer of one muscle map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.config import ExportSettings, load_settings
from imaging.export.files import write_export
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "export"


def command(
    map_dir: Annotated[Path, typer.Option(help="Folder of the muscle map (.../map).")],
    out: Annotated[Path, typer.Option(help="Folder to write, e.g. OUT/sub-01/export.")],
    prefix: Annotated[str, typer.Option(help="Start of every file name, e.g. sub-01.")],
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Write meshes, tracts, glTF and the offline viewer."""
    chosen = load_settings(ExportSettings, settings)
    muscle_map = read_muscle_map(map_dir, prefix)
    with staged(out, VERB, stale("export", prefix)) as folder:
        write_export(folder, muscle_map, chosen)
