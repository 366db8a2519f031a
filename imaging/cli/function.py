"""``pennate function``: events, mean cycles and onsets from the recordings of a session."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.config import FunctionSettings, load_settings
from imaging.errors import RecordingError
from imaging.function.network import network_of
from imaging.function.network_notes import with_network
from imaging.function.notes import notes
from imaging.function.session import analyse_session
from imaging.io.recordings import files_of, read_trial
from imaging.io.writers.function import FunctionOutput, write_function
from imaging.provenance import staged

VERB = "function"


def command(
    recording: Annotated[
        list[Path], typer.Option(help="EMG as C3D, EDF, BDF, STO or text; once per recording.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write, such as OUT/sub-01/func.")],
    prefix: Annotated[str, typer.Option(help="Start of every file name, such as sub-01.")],
    events: Annotated[
        Path | None, typer.Option(help="Gait events (onset, trial_type) instead of the file's.")
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(help="BIDS channels table instead of the one beside the EDF.")
    ] = None,
    settings: Annotated[
        str | None, typer.Option(help="Settings of this stage: JSON text or a YAML file.")
    ] = None,
) -> None:
    """Events, envelopes and onsets from a recording."""
    if len(recording) > 1 and (channels or events):
        raise RecordingError(
            f"{len(recording)} recordings were given with one table", None, "Put tables beside them"
        )
    chosen = load_settings(FunctionSettings, settings)
    trials = [read_trial(path, channels, events, chosen) for path in recording]
    session = analyse_session(trials, chosen)
    inputs = [file for path in recording for file in files_of(path, channels, events)]
    settings_used = chosen.model_dump(mode="json")
    network = network_of(session, chosen)
    told = with_network(notes(session, chosen), network, chosen)
    with staged(out, VERB) as folder:
        write_function(
            folder, prefix, FunctionOutput(session, network, told, inputs, settings_used)
        )
    for said in told.warnings:
        print(f"warning: {said}", file=sys.stderr)
