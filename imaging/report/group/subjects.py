"""Who is in the group: the tables of every participant and session, and who is missing and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from imaging.errors import InputError, MissingFileError
from imaging.formats.tsv import Kind, read_tsv
from imaging.measures import Measure
from imaging.musclemap.read.files import FIRST
from imaging.musclemap.read.tables import names_of, read_tables
from imaging.muscles import Names
from imaging.outputs import output

_FILE_OF_MAP = re.compile(r"_(map\.vti|measures\.tsv|muscles\.tsv|notes\.json)$")
_PLANNED: dict[str, Kind] = {"subject": "text", "session": "text"}
_SUMMARY: dict[str, Kind] = {"participant_id": "text", "session_id": "text", "reason": "text"}
# How a verb tells what stopped it, and why a log that ends so is not to be read further.
_STOPPED = re.compile(r"^pennate [a-z]+(?: failed)?: (.+)$")


@dataclass(frozen=True)
class Subject:
    """The measures of one participant in one session.

    Attributes
    ----------
    prefix : str
        ``sub-01`` or ``sub-01_ses-02``.
    path : Path
        Its long table.
    measures : list of Measure
        What that holds.
    muscles : DataFrame
        The wide table, a row per muscle.
    """

    prefix: str
    path: Path
    measures: list[Measure]
    muscles: pd.DataFrame

    @cached_property
    def names(self) -> Names:
        """Names of muscles that the catalogue does not know, by their labels."""
        return names_of(self.muscles)

    @property
    def participant(self) -> str:
        """``sub-01``."""
        return self.entities["participant_id"]

    @property
    def session(self) -> str:
        """``ses-02``, or ``n/a``."""
        return self.entities["session_id"]

    @cached_property
    def entities(self) -> dict[str, str]:
        """Return participant_id and session_id of the prefix; ``n/a`` without session."""
        return entities_of(self.prefix)


def entities_of(prefix: str) -> dict[str, str]:
    """Return participant_id and session_id of a prefix.

    Examples
    --------
    >>> entities_of("sub-01_ses-b")
    {'participant_id': 'sub-01', 'session_id': 'ses-b'}
    """
    parts = dict(p.split("-", 1) for p in prefix.split("_") if "-" in p)
    session = f"ses-{parts['ses']}" if "ses" in parts else "n/a"
    return {"participant_id": f"sub-{parts.get('sub', prefix)}", "session_id": session}


@dataclass(frozen=True)
class Wanted:
    """Who is to be in the group: labels of participants and sessions; empty: all."""

    participants: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, participants: Collection[str], sessions: Collection[str]) -> Wanted:
        """Return what is wanted from labels, with or without ``sub-`` and ``ses-``."""
        return cls(
            frozenset(f"sub-{p.removeprefix('sub-')}" for p in participants),
            frozenset(f"ses-{s.removeprefix('ses-')}" for s in sessions),
        )

    def takes(self, prefix: str) -> bool:
        """Tell whether a session is wanted."""
        who = entities_of(prefix)
        return (not self.participants or who["participant_id"] in self.participants) and (
            not self.sessions or who["session_id"] in self.sessions
        )


def read_group(out: Path, wanted: Wanted | None = None) -> tuple[list[Subject], list[str]]:
    """Read the tables of all participants; one without any to be read becomes a sentence.

    Parameters
    ----------
    out
        Output folder of all.
    wanted
        Who is taken; how many others have a map is said.

    Raises
    ------
    MissingFileError
        Not one has a muscle map.
    """
    subjects: list[Subject] = []
    problems: list[str] = []
    every = find_maps(out)
    maps = [found for found in every if wanted is None or wanted.takes(found[0])]
    if others := len(every) - len(maps):
        problems.append(f"Only some were asked for: {others} more of this folder are not shown.")
    count = Counter(prefix for prefix, _ in maps)
    for prefix, folder in maps:
        if count[prefix] > 1 and folder != out.joinpath(*prefix.split("_")) / "map":
            problems.append(
                f"{prefix} is left out as it lies in {folder}: the folder holds several maps of "
                "that name, and two persons would look like one. Move or rename it."
            )
            continue
        try:
            tables = read_tables(folder, prefix)
        except InputError as error:
            problems.append(f"{prefix} is left out: {error}{_stopped(out, prefix)}")
        else:
            path = tables.files.paths["measures.tsv"]
            subjects.append(Subject(prefix, path, tables.measures, tables.muscles))
    if not subjects:
        raise MissingFileError(
            " ".join(["has no muscle map that can be read.", *problems]).rstrip("."), out, FIRST
        )
    return subjects, problems


def find_maps(out: Path) -> list[tuple[str, Path]]:
    """Return the prefix of every participant (and session) and where its map is, or should be."""
    found = {
        (_FILE_OF_MAP.sub("", path.name), path.parent)
        for path in out.glob("**/map/*")
        if _FILE_OF_MAP.search(path.name)
    }
    with_map = {folder.parent for _, folder in found}
    expected = {*out.glob("sub-*/"), *out.glob("sub-*/ses-*/"), *planned(out), *_ended(out)}
    for unit in expected - with_map:
        # A participant of several sessions has the maps below those.
        if not any(other != unit and unit in other.parents for other in expected):
            found.add(("_".join(unit.relative_to(out).parts), unit / "map"))
    # What lies in a hidden folder is half-written by a run that still goes on.
    return sorted(
        (prefix, folder)
        for prefix, folder in found
        if not any(part.startswith(".") for part in folder.relative_to(out).parts)
    )


def planned(out: Path) -> set[Path]:
    """Return the folders of the sessions that the last run was to make (``inputs.tsv``)."""
    path = out / "inputs.tsv"
    if not path.is_file():
        return set()
    table = read_tsv(path, _PLANNED, "Run pennate run again").drop_duplicates(list(_PLANNED))
    rows = zip(table["subject"], table["session"].fillna(""), strict=True)
    return {
        out / f"sub-{subject}" / (f"ses-{session}" if session else "") for subject, session in rows
    }


def _ended(out: Path) -> dict[Path, str]:
    """Return the folders of all sessions of the study (``summary.tsv``), and how those ended.

    It holds also those whose inputs were refused, and those of earlier runs.
    """
    path = out / "summary.tsv"
    if not path.is_file():
        return {}
    table = read_tsv(path, _SUMMARY, "Run pennate run again").fillna("")
    return {
        out / row["participant_id"] / row["session_id"]: str(row["reason"])
        for row in table.to_dict("records")
    }


def _stopped(out: Path, prefix: str) -> str:
    """Return what stopped the workflow for a session, as its logs or the summary tell."""
    for log in sorted((out / "logs" / prefix).glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = next((m[1] for line in lines if (m := _STOPPED.match(line.strip()))), None)
        if said is not None:
            stage = log.stem.removeprefix(f"{prefix}_")
            return f" The stage {stage} stopped: {said}"
    reason = _ended(out).get(out.joinpath(*prefix.split("_")), "")
    return f" {reason}" if reason else ""


def without_map(participants: pd.DataFrame, subjects: Collection[Subject]) -> list[str]:
    """Return a sentence on who is in ``participants.tsv`` or has a map, but not both."""
    listed = {f"sub-{name.strip().removeprefix('sub-')}" for name in participants["participant_id"]}
    present = {s.participant for s in subjects}
    out = []
    if absent := sorted(listed - present):
        out.append(f"In participants.tsv, without a muscle map: {', '.join(absent)}.")
    if unlisted := sorted(present - listed):
        out.append(f"With a muscle map, not in participants.tsv: {', '.join(unlisted)}.")
    return out


def files_of(out: Path, prefix: str) -> dict[str, str]:
    """Return what can be opened of a session: words to an address relative to the output folder.

    Only files that are there: the group may be made before, or without, the pages.
    """
    unit = Path(*prefix.split("_"))
    viewer = output("export", "viewer")
    name = viewer.stem({"prefix": prefix}) + viewer.endings[0]
    places = {"page": Path(f"{prefix}.html"), "viewer": unit / viewer.folder / name}
    return {word: place.as_posix() for word, place in places.items() if (out / place).is_file()}
