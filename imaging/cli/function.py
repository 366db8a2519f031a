"""``pennate function``: events, mean cycles and onsets from one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from imaging.config import FunctionSettings, load_settings
from imaging.errors import RecordingError
from imaging.function import summary
from imaging.function.analysis import analyse
from imaging.function.notes import notes
from imaging.io.recordings import files_of, read_recording
from imaging.measures import write_measures, write_notes
from imaging.provenance import staged, write_sidecar

VERB = "function"


def command(
    recording: Annotated[list[Path], typer.Option(help="One C3D, EDF or BDF file.")],
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
    if len(recording) != 1:
        raise RecordingError(
            f"{len(recording)} recordings were given", None, "Give one and run once for each"
        )
    chosen = load_settings(FunctionSettings, settings)
    read = read_recording(recording[0], channels, events)
    analysis = analyse(read, chosen)
    inputs = files_of(recording[0], channels, events)
    with staged(out, VERB) as folder:

        def table(name: str, frame: pd.DataFrame, description: str) -> None:
            path = folder / f"{prefix}_{name}.tsv"
            frame.to_csv(path, sep="\t", index=False, na_rep="n/a", float_format="%.6g")
            write_sidecar(
                path,
                verb=VERB,
                inputs=inputs,
                settings=chosen.model_dump(mode="json"),
                Description=description,
            )

        table("events", summary.events_table(analysis), "Gait events used; onset in s")
        table(
            "activation",
            summary.activation_table(analysis),
            "EMG envelope over the gait cycle, mean and SD over n strides; 1 is the peak of the "
            "muscle's own mean cycle, so amplitudes of two muscles or sides do not compare",
        )
        table(
            "onsets",
            summary.onsets_table(analysis),
            "Bursts; times in s and in percent of their stride: negative begins in the stride "
            "before, above 100 ends in the next; main: the burst at the peak of the mean cycle",
        )
        write_measures(summary.measures(analysis), folder / f"{prefix}_desc-function_measures.tsv")
        write_sidecar(
            folder / f"{prefix}_desc-function_measures.tsv",
            verb=VERB,
            inputs=inputs,
            settings=chosen.model_dump(mode="json"),
        )
        write_notes(notes(read, analysis, chosen), folder / f"{prefix}_desc-function_notes.json")
