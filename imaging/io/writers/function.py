"""Files of the function stage: events, mean cycles, bursts, measures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.function import summary, timing
from imaging.function.network import Network
from imaging.function.session import SessionAnalysis
from imaging.measures import Notes
from imaging.stage_files import StageFiles


@dataclass(frozen=True)
class FunctionOutput:
    """What is written.

    Attributes
    ----------
    session
        Of all recordings.
    network
        How their muscles work together, and what changes it.
    notes
        Of the stage.
    inputs
        Files that everything was made from.
    settings
        Of the stage.
    """

    session: SessionAnalysis
    network: Network
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
    session = output.session
    files.table("trials", summary.trials_table(session))
    files.table("events", summary.over_trials(session, summary.events_table))
    files.table("activation", summary.over_trials(session, summary.activation_table))
    files.table("onsets", summary.over_trials(session, summary.onsets_table))
    files.table("strides", summary.over_trials(session, summary.strides_table))
    files.table("timing", summary.over_trials(session, timing.table))
    files.table("landings", session.landings)
    network = output.network
    files.table("synergies", network.synergies)
    files.table("coordination", network.coordination)
    files.table("conditions", network.conditions)
    files.table("fatigue", network.fatigue)
    files.measures([*summary.measures(session), *network.measures])
    files.notes(output.notes)
