"""``pennate model``: the person's architecture in a given OpenSim model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.config import ModelSettings, load_settings
from imaging.errors import ConfigError, MissingFileError
from imaging.export.opensim.files import write_model
from imaging.musclemap.read.tables import read_tables
from imaging.outputs import stale
from imaging.provenance import staged

VERB = "model"


def command(
    map_dir: Annotated[Path, typer.Option(help="Folder of the muscle map (.../map).")],
    out: Annotated[Path, typer.Option(help="Folder to write, e.g. OUT/sub-01/model.")],
    prefix: Annotated[str, typer.Option(help="Start of every file name, e.g. sub-01.")],
    model: Annotated[
        Path | None, typer.Option(help="Scaled OpenSim model of the person; none: a table only.")
    ] = None,
    motion: Annotated[
        Path | None, typer.Option(help="Joint angles of this model (.mot, .sto).")
    ] = None,
    loads: Annotated[
        Path | None, typer.Option(help="External loads of the motion (.xml), for muscle forces.")
    ] = None,
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Write the person's muscles into an OpenSim model, and a table of them."""
    chosen = load_settings(ModelSettings, settings)
    if model is None and chosen.file is not None:
        model = Path(chosen.file.replace("{prefix}", prefix))
    if motion is not None and model is None:
        raise ConfigError("--motion needs --model", None, "Give the model of this motion")
    if loads is not None and motion is None:
        raise ConfigError("--loads needs --motion", None, "Give the joint angles")
    given = [path for path in (model, motion, loads) if path is not None]
    if absent := [path for path in given if not path.is_file()]:
        raise MissingFileError("no such file", absent[0], "Correct its path")
    read = read_tables(map_dir, prefix)
    inputs = [read.files.paths["measures.tsv"], *given]
    with staged(out, VERB, stale("model", prefix)) as folder:
        told = write_model(folder, prefix, read.measures, chosen, inputs, model, motion, loads)
    for said in told.warnings:
        print(f"warning: {said}", file=sys.stderr)
