"""``pennate report``: the page of one subject, or the table and page of a group."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from imaging.errors import ConfigError, OutputError
from imaging.io.participants import read_participants
from imaging.musclemap.read.files import find_prefix
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.outputs import stale
from imaging.provenance import staged
from imaging.report.contexts.part import read_context_part
from imaging.report.files import read_norms, write_group, write_page
from imaging.report.links import page_links
from imaging.report.norms import controls_of
from imaging.report.opensim_model import read_model_part
from imaging.report.subject import is_shown, subject_page

VERB = "report"


def command(
    map_dir: Annotated[Path | None, typer.Option(help="Folder of `pennate map`.")] = None,
    out: Annotated[Path | None, typer.Option(help="HTML file to write.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Start of file names, e.g. sub-01.")] = None,
    group: Annotated[
        Path | None, typer.Option(help="Output folder of all subjects: table and page of a group.")
    ] = None,
    participants: Annotated[
        Path | None, typer.Option(help="participants.tsv: of the group, or with --norms.")
    ] = None,
    controls: Annotated[
        str | None, typer.Option(help="Who gives the norms of a group, such as group=control.")
    ] = None,
    norms: Annotated[
        Path | None,
        typer.Option(
            help="group_norms.tsv, or a table of your own, that a subject is held against."
        ),
    ] = None,
    model_dir: Annotated[
        Path | None, typer.Option(help="Folder of `pennate model`, to be shown on the page.")
    ] = None,
    contexts_dir: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of `pennate contexts`, for the page; may be repeated."),
    ] = None,
    participant_label: Annotated[
        list[str] | None, typer.Option(help="Only this participant in the group; may be repeated.")
    ] = None,
    session_id: Annotated[
        list[str] | None, typer.Option(help="Only this session in the group; may be repeated.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Date of the scan, such as 2026-11-30, shown on the page.")
    ] = None,
) -> None:
    """Write the page of one subject, or of a group."""
    if group is not None:
        single = (map_dir, out, prefix, norms, model_dir, contexts_dir, date)
        if any(given is not None for given in single):
            raise ConfigError(
                "--group cannot be combined with --map-dir, --out, --prefix, --norms, --model-dir, "
                "--contexts-dir, --date",
                None,
                "Leave them out",
            )
        if controls is not None and participants is None:
            raise ConfigError("--controls needs --participants", None, "Give both")
        _group(group, participants, controls, participant_label or [], session_id or [])
    elif participant_label or session_id:
        raise ConfigError(
            "--participant-label and --session-id choose among a group", None, "Give --group"
        )
    elif map_dir is None or out is None:
        raise ConfigError("--map-dir and --out are needed", None, "Or give --group")
    else:
        if participants is not None and norms is None:
            raise ConfigError("--participants needs --norms", None, "Give both, or neither")
        if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
            raise OutputError("is no name of a page", out, "Give a file that ends with .html")
        whole = find_prefix(map_dir, prefix)
        _subject(
            map_dir, out, whole, norms, participants, model_dir, _day(date), contexts_dir or []
        )


def _subject(
    map_dir: Path, out: Path, prefix: str, norms: Path | None, participants: Path | None,
    model_dir: Path | None, date: str, contexts_dirs: Sequence[Path],
) -> None:  # fmt: skip
    muscle_map = read_muscle_map(map_dir, prefix, is_shown)
    model = None if model_dir is None else read_model_part(model_dir, prefix)
    people = None if participants is None else read_participants(participants)
    known = None if norms is None else read_norms(norms, people)
    contexts = read_context_part(contexts_dirs, prefix) if contexts_dirs else None
    links = page_links(out, map_dir, prefix)
    page = subject_page(muscle_map, known, model, links, date, contexts)
    beside = [p for p in (norms, participants) if p] + list(model.files if model else [])
    beside += contexts.files if contexts else []
    if known is not None and (missing := known.unknown(prefix.split("_")[0])):
        print(f"warning: {missing}", file=sys.stderr)
    # Subjects share the output folder, so each has a scratch folder of its own.
    with staged(out.parent, f"{VERB}-{out.stem}") as folder:
        write_page(folder / out.name, page, muscle_map, beside)
    print(f"The page is {out}")


def _day(date: str | None) -> str:
    """Return a date as it is to be shown; empty for none."""
    if date is None:
        return ""
    try:
        return datetime.date.fromisoformat(date).isoformat()
    except ValueError as error:
        raise ConfigError(f"--date {date!r} is no date", None, "Write 2026-11-30") from error


def _group(
    out: Path,
    participants: Path | None,
    controls: str | None,
    labels: list[str],
    sessions_asked: list[str],
) -> None:
    # Statistics of groups: in vain, and half a second, for the page of one subject.
    from imaging.function.across_subjects import effects
    from imaging.io.function_tables import read_sessions
    from imaging.report.group.controls import norms_of_group
    from imaging.report.group.headline import columns
    from imaging.report.group.page import group_page
    from imaging.report.group.subjects import Wanted, files_of, read_group, without_map

    wanted = Wanted.of(labels, sessions_asked)
    subjects, problems = read_group(out, wanted)
    sessions, unread = read_sessions(out, wanted.takes)
    conditions = effects(sessions)
    problems += unread
    norms = None
    listed = None if participants is None else read_participants(participants)
    if listed is not None and wanted == Wanted():
        problems += without_map(listed, subjects)
    if listed is not None and controls is not None:
        norms = norms_of_group(subjects, controls_of(listed, controls))
    links = {s.prefix: files_of(out, s.prefix) for s in subjects}
    found = columns(subjects)
    page = group_page(subjects, found, problems, norms, conditions, links, listed)
    # Norms of an earlier run stay: pages may be held against them.
    old = [name for name in stale("group", "") if not name.startswith("group_norms")]
    with staged(out, f"{VERB}-group", old) as folder:
        write_group(folder, page, subjects, found, norms, conditions)
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
