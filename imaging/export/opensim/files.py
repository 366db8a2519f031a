"""Files of a personal model: the model, its parameters, fibres and forces over a motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imaging.config import ModelSettings
from imaging.export.opensim import tables
from imaging.export.opensim.architecture import by_label, unused_labels
from imaging.export.opensim.notes import notes
from imaging.export.opensim.personal import PersonalModel, in_motion, personalise, plain
from imaging.measures import Measure, Notes
from imaging.stage_files import StageFiles


def write_model(
    folder: Path,
    prefix: str,
    measures: Sequence[Measure],
    settings: ModelSettings,
    inputs: Sequence[Path],
    model: Path | None = None,
    motion: Path | None = None,
    loads: Path | None = None,
) -> Notes:
    """Write every file of the stage and return its notes.

    Parameters
    ----------
    folder, prefix
        Scratch folder, start of file names.
    measures
        Of the map.
    settings
        Of the stage.
    inputs
        Files that everything is made from.
    model
        OpenSim model of the person; None: the table of parameters only.
    motion, loads
        Joint angles of this model, and the external loads.
    """
    rows = by_label(measures)
    # A path of the settings can hold a person's name; the sidecar names the model among its inputs.
    used = settings.model_dump(mode="json", exclude={"file"})
    files = StageFiles("model", folder, prefix, inputs, used)
    if model is None:
        found = plain(rows, settings)
    else:
        target = files.path("model", ".osim")
        found = personalise(rows, settings, model, target, prefix)
        if motion is not None:
            models = {"generic": model, "personal": target}
            found = in_motion(found, settings, models, motion, loads)
            _write_motion(files, found)
    files.table("model", tables.parameter_table(found.parameters))
    told = notes(found, unused_labels(rows, found.generic) if found.generic else (), settings)
    files.notes(told)
    return told


def _write_motion(files: StageFiles, found: PersonalModel) -> None:
    files.table("fibrestates", tables.fibre_states(found.solved["personal"].motion))
    if all(one.balance is not None for one in found.solved.values()):
        files.table("forces", tables.force_table(found.solved))
        files.table("moments", tables.moment_table(found.solved))
