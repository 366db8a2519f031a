"""Files of the report: the page of a subject; table and page of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from imaging.report.table_norms import people_of
from imaging.stage_files import StageFiles, write_tsv

# Files of the map that a page shows, in the order in which its sidecar names them.
_SHOWN = (
    "map.vti", "measures.tsv", "notes.json", "fascicles.vtp", "aponeuroses.vtp", "activation.tsv",
    "load.tsv",
    "profile.tsv", "synergies.tsv", "conditions.tsv", "waves.nii.gz",
)  # fmt: skip


_NORMS: Mapping[str, Kind] = {
    "measure": "text", "unit": "text", "n": "whole", "mean": "number", "sd": "number",
}  # fmt: skip
# One of the first two, and what else a table may give.
_NORMS_MORE: Mapping[str, Kind] = {
    "label": "whole", "muscle": "text", "low": "number", "high": "number", "values": "text",
    "sex": "text", "age_low": "number", "age_high": "number", "per": "text",
    "source": "text", "way": "text",
}  # fmt: skip


def read_norms(path: Path, participants: pd.DataFrame | None = None) -> Norms:
    """Read the norms that the group's report wrote, or a table of one's own with a source.

    Parameters
    ----------
    path
        Table.
    participants
        ``participants.tsv``, whose sex and age choose among the rows of a table.

    Raises
    ------
    MissingFileError, InputError
        No such table, cut off, damaged, or of other measures or units.
    """
    how = "Run the group level again, or see docs/comparison.md for the columns of a table"
    plain = read_tsv(path, _NORMS, how)
    there = {name: kind for name, kind in _NORMS_MORE.items() if name in plain.columns}
    if strange := [c for c in map(str, plain.columns) if c not in {**_NORMS, **_NORMS_MORE}]:
        raise InputError(f"has columns that norms do not have: {strange}", path, how)
    try:
        norms = from_table(read_tsv(path, {**_NORMS, **there}, how))
    except ValueError as error:
        raise InputError(f"is not a table of norms ({error})", path, how) from error
    return norms if participants is None else replace(norms, people=people_of(participants))


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
