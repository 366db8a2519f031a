"""Files of the function stage: events, mean cycles, bursts, measures and notes."""

from __future__ import annotations

from imaging.function import summary
from imaging.function.analysis import Analysis
from imaging.measures import Notes
from imaging.stage_files import StageFiles


def write_function(files: StageFiles, analysis: Analysis, notes: Notes) -> None:
    """Write every file of the stage.

    Parameters
    ----------
    files
        Where they go.
    analysis
        Of one recording.
    notes
        Of the stage.
    """
    files.table("events", summary.events_table(analysis))
    files.table("activation", summary.activation_table(analysis))
    files.table("onsets", summary.onsets_table(analysis))
    files.measures(summary.measures(analysis))
    files.notes(notes)
