"""Files of the report: the page of a subject; table and page of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from imaging.errors import InputError
from imaging.formats.tsv import Kind, read_tsv
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.outputs import output
from imaging.provenance import write_json, write_sidecar
from imaging.report.group.headline import Column, session_dictionary, session_table
from imaging.report.group.subjects import Subject
from imaging.report.group.tables import long_table, muscle_dictionary, muscle_table
from imaging.report.norms import Norms, from_table, norms_table
from imaging.report.profile import circular_measures
from imaging.stage_files import StageFiles, write_tsv

# Files of the map that a page shows, in the order in which its sidecar names them.
_SHOWN = (
    "map.vti", "measures.tsv", "notes.json", "fascicles.vtp", "aponeuroses.vtp", "activation.tsv",
    "load.tsv",
    "profile.tsv", "synergies.tsv", "conditions.tsv", "waves.nii.gz",
)  # fmt: skip


_NORMS: Mapping[str, Kind] = {
    "label": "whole", "measure": "text", "unit": "text", "n": "whole", "mean": "number",
    "sd": "number", "low": "number", "high": "number", "values": "text",
}  # fmt: skip


def read_norms(path: Path) -> Norms:
    """Read the norms that the group's report wrote.

    Raises
    ------
    MissingFileError, InputError
        No such table, cut off or damaged.
    """
    how = "Run the group level again"
    try:
        return from_table(read_tsv(path, _NORMS, how))
    except ValueError as error:
        raise InputError(f"does not hold values of controls ({error})", path, how) from error


def write_page(path: Path, page: str, muscle_map: MuscleMap, beside: Sequence[Path] = ()) -> None:
    """Write the page of a subject.

    Parameters
    ----------
    path
        Where; the user may call it as they like.
    page
        HTML.
    muscle_map
        What it was made from.
    beside
        Files shown that are not of the map.
    """
    path.write_text(page, encoding="utf-8")
    inputs = [muscle_map.files[name] for name in _SHOWN if name in muscle_map.files]
    inputs += beside
    said = output("report", "page").description.format(prefix=muscle_map.prefix)
    write_sidecar(path, verb="report", inputs=inputs, Description=said)


def write_group(
    folder: Path,
    page: str,
    subjects: Sequence[Subject],
    found: Sequence[Column],
    norms: Norms | None = None,
    conditions: pd.DataFrame | None = None,
) -> None:
    """Write table, data dictionary and page of a group.

    Parameters
    ----------
    folder
        Scratch folder.
    page
        HTML.
    subjects, found
        Who is in it, and their figures.
    norms
        Of its controls.
    conditions
        What conditions change across persons.
    """
    files = StageFiles("group", folder, "", [s.path for s in subjects])
    muscles = muscle_table(subjects)
    write_tsv(muscles, files.path("table", ".tsv"))
    write_json(files.path("table", ".json"), muscle_dictionary(subjects, muscles))
    files.table("measures", long_table(subjects))
    if norms is not None:
        circular = circular_measures(sorted(norms.units))
        write_tsv(norms_table(norms, circular), files.path("norms", ".tsv"))
        files.describe("norms")
    if conditions is not None and len(conditions):
        files.table("conditions", conditions)
    files.table("sessions", session_table(subjects, found), Columns=session_dictionary(found))
    files.path("page").write_text(page, encoding="utf-8")
    files.describe("page")
