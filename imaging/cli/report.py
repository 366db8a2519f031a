"""``pennate report``: the page of one subject, or the table and page of a group."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ConfigError
from imaging.musclemap.read.files import find_prefix
from imaging.musclemap.read.muscle_map import MuscleMap, read_muscle_map
from imaging.musclemap.table import write_wide
from imaging.provenance import staged, write_json, write_sidecar
from imaging.report.group import group_dictionary, group_page, group_table, read_group
from imaging.report.subject import subject_page

VERB = "report"
# Files of the map that a page shows, in the order in which its sidecar names them.
_SOURCES = (
    "map.vti", "measures.tsv", "notes.json", "fascicles.vtp", "aponeuroses.vtp", "activation.tsv",
    "profile.tsv", "waves.nii.gz",
)  # fmt: skip


def command(
    map_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate map`.")] = None,
    out: Annotated[Path | None, typer.Option(help="HTML file to write.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Start of file names, e.g. sub-01.")] = None,
    group: Annotated[
        Path | None, typer.Option(help="Output folder of all subjects: table and page of a group.")
    ] = None,
) -> None:
    """Write the page of one subject, or of a group."""
    if group is not None:
        if map_dir is not None or out is not None or prefix is not None:
            raise ConfigError("--group stands alone", None, "Leave out --map-dir, --out, --prefix")
        _group(group)
    elif map_dir is None or out is None:
        raise ConfigError("--map-dir and --out are needed", None, "Or give --group")
    else:
        _subject(map_dir, out, find_prefix(map_dir, prefix))


def _subject(map_dir: Path, out: Path, prefix: str) -> None:
    muscle_map = read_muscle_map(map_dir, prefix)
    page = subject_page(muscle_map)
    # Subjects share the output folder, so each has a scratch folder of its own.
    with staged(out.parent, f"{VERB}-{out.stem}") as folder:
        (folder / out.name).write_text(page, encoding="utf-8")
        write_sidecar(
            folder / out.name, verb=VERB, inputs=_shown(muscle_map),
            Description=f"Page of {prefix}, self-contained",
        )  # fmt: skip


def _shown(muscle_map: MuscleMap) -> list[Path]:
    return [path for name in _SOURCES if (path := muscle_map.files.get(name))]


def _group(out: Path) -> None:
    subjects, problems = read_group(out)
    table = group_table(subjects)
    with staged(out, f"{VERB}-group") as folder:
        write_wide(table, folder / "group_muscles.tsv")
        write_json(folder / "group_muscles.json", group_dictionary(subjects))
        (folder / "group.html").write_text(group_page(subjects, problems), encoding="utf-8")
        write_sidecar(folder / "group.html", verb=f"{VERB} --group",
                      inputs=[s.path for s in subjects],
                      Description="Page of the group, self-contained")  # fmt: skip
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
