"""Files of the function stage: events, mean cycles, bursts, measures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.function import summary
from imaging.function.analysis import Analysis
from imaging.measures import Notes
from imaging.stage_files import StageFiles


@dataclass(frozen=True)
class FunctionOutput:
    """What is written.

    Attributes
    ----------
    analysis
        Of one recording.
    notes
        Of the stage.
    inputs
        Files that everything was made from.
    settings
        Of the stage.
    """

    analysis: Analysis
    notes: Notes
    inputs: Sequence[Path]
    settings: Mapping[str, Any]


def write_function(folder: Path, prefix: str, output: FunctionOutput) -> None:
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
    files = StageFiles("function", folder, prefix, output.inputs, output.settings)
    analysis = output.analysis
    files.table("events", summary.events_table(analysis))
    files.table("activation", summary.activation_table(analysis))
    files.table("onsets", summary.onsets_table(analysis))
    files.measures(summary.measures(analysis))
    files.notes(output.notes)
