"""``pennate map``: read what the stages wrote, join it, write the muscle map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.config import MapSettings, load_settings
from imaging.io.writers.musclemap import write_map
from imaging.musclemap.inputs import find_stages
from imaging.musclemap.joined import join_stages
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "map"


def command(
    anat_dir: Annotated[Path, typer.Option(help="Folder written by `pennate segment`.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    prefix: Annotated[str, typer.Option(help="Start of file names, e.g. sub-01.")],
    dwi_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate diffusion`.")] = None,
    fibre_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate fibres`.")] = None,
    comp_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate composition`.")] = None,
    mre_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate elastography`.")] = None,
    us_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate ultrasound`.")] = None,
    func_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate function`.")] = None,
    fibre_states: Annotated[
        Path | None,
        typer.Option(
            help="Fibre states of `pennate model` in the motion recorded with the EMG, on its "
            "clock: force-length and force-velocity of force shares. None: taken as 1."
        ),
    ] = None,
    missing: Annotated[
        str | None, typer.Option(help='Why stages are missing, as JSON: {"dwi": "why"}.')
    ] = None,
    settings: Annotated[str | None, typer.Option(help="Settings: YAML file or JSON text.")] = None,
) -> None:
    """Join all stages per voxel, fascicle and muscle."""
    chosen = load_settings(MapSettings, settings)
    folders = {
        "anat": anat_dir, "dwi": dwi_dir, "fibre": fibre_dir, "comp": comp_dir, "mre": mre_dir,
        "us": us_dir, "func": func_dir,
    }  # fmt: skip
    stages = find_stages(folders, prefix, missing)
    found = join_stages(stages, chosen, fibre_states)
    with staged(out, VERB, stale("map", prefix)) as folder:
        write_map(folder, prefix, found, stages, chosen)
