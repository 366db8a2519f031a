"""Files of the report: the page of a subject; table and page of a group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.outputs import output
from imaging.provenance import write_json, write_sidecar
from imaging.report.group import Subject, group_dictionary, group_table
from imaging.stage_files import StageFiles, write_tsv

# Files of the map that a page shows, in the order in which its sidecar names them.
_SHOWN = (
    "map.vti", "measures.tsv", "notes.json", "fascicles.vtp", "aponeuroses.vtp", "activation.tsv",
    "profile.tsv", "waves.nii.gz",
)  # fmt: skip


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


def write_group(folder: Path, page: str, subjects: Sequence[Subject]) -> None:
    """Write table, data dictionary and page of a group.

    Parameters
    ----------
    folder
        Scratch folder.
    page
        HTML.
    subjects
        Who is in it.
    """
    files = StageFiles("group", folder, "", [s.path for s in subjects])
    write_tsv(group_table(list(subjects)), files.path("table", ".tsv"))
    write_json(files.path("table", ".json"), group_dictionary(list(subjects)))
    files.path("page").write_text(page, encoding="utf-8")
    files.describe("page")
