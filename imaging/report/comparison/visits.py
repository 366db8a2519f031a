"""The maps of two visits of one person: which they are, in which order, and what made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from imaging.dataset.visits import ORDER, in_order
from imaging.errors import ConfigError, InputError, MissingFileError
from imaging.measures import Measure
from imaging.musclemap.read.files import FIRST, NOTES, find_prefix
from imaging.musclemap.read.notes import MapNotes, read_map_notes
from imaging.musclemap.read.tables import names_of, read_tables
from imaging.muscles import Names


@dataclass(frozen=True)
class Visit:
    """What a comparison takes from one map.

    Attributes
    ----------
    prefix : str
        ``sub-01_ses-01``.
    measures : list of Measure
        The long table of muscles in view.
    notes : MapNotes
        What the stages did, and with which settings.
    names : dict
        Names of the muscles that the catalogue does not know.
    files : sequence of Path
        What was read.
    called : str
        What a reader calls the visit, where its prefix has no session or both have the same.
    """

    prefix: str
    measures: Sequence[Measure]
    notes: MapNotes = field(default_factory=MapNotes)
    names: Names = field(default_factory=dict)
    files: Sequence[Path] = ()
    called: str = ""

    @property
    def entities(self) -> dict[str, str]:
        """Return the entities of the prefix: ``sub``, ``ses``."""
        return dict(part.split("-", 1) for part in self.prefix.split("_") if "-" in part)

    @property
    def title(self) -> str:
        """Return what a reader calls the visit."""
        session = self.entities.get("ses")
        return self.called or (f"ses-{session}" if session else self.prefix)

    @cached_property
    def by_name(self) -> Mapping[tuple[int, str], Measure]:
        """Return the measures by label and name."""
        return {(m.label, m.measure): m for m in self.measures}

    def value(self, label: int, measure: str) -> float | None:
        """Return a value, None where it is not measured."""
        found = self.by_name.get((label, measure))
        return None if found is None else found.value


def read_visit(folder: Path, prefix: str | None = None) -> Visit:
    """Read tables and notes of a map, nothing large.

    Raises
    ------
    MissingFileError, InputError
        No map there, several, or one that cannot be read.
    """
    prefix = find_prefix(folder, prefix)
    tables = read_tables(folder, prefix)
    path = folder / f"{prefix}_{NOTES}"
    notes = read_map_notes(path, prefix)
    files = [tables.files.paths["measures.tsv"], path]
    return Visit(prefix, tables.measures, notes, names_of(tables.muscles), files)


def check_two_visits(before: Visit, after: Visit) -> None:
    """Check that two maps are two visits of one person.

    Raises
    ------
    InputError
        Two persons, or one map twice.
    """
    people = [v.entities.get("sub") for v in (before, after)]
    if None not in people and people[0] != people[1]:
        raise InputError(
            f"{before.prefix} and {after.prefix} are two persons, not two visits", None,
            "Give two visits of one; the group page compares persons",
        )  # fmt: skip
    same = before.prefix == after.prefix and list(before.files) == list(after.files)
    if same or (before.measures and list(before.measures) == list(after.measures)):
        raise InputError(
            f"{before.prefix} and {after.prefix} hold the same figures: one map was given twice",
            None, "Give the map of another visit",
        )  # fmt: skip


def find_visits(out: Path, participant: str, wanted: Sequence[str] = ()) -> list[Path]:
    """Return the folders of the maps of a participant's visits, in the order of time.

    Parameters
    ----------
    out
        Output folder of ``pennate run``.
    participant
        Label, with or without ``sub-``.
    wanted
        Labels of sessions in their order; none: all, where their labels are numbers.

    Raises
    ------
    MissingFileError
        No such participant or session, or fewer than two visits have a map.
    ConfigError
        Labels of sessions do not tell which was first, or fewer than two are wanted.
    """
    person = out / f"sub-{participant.removeprefix('sub-')}"
    if not person.is_dir():
        raise MissingFileError("holds no such participant", person, "Check --participant")
    found = {
        folder.parent.name.removeprefix("ses-"): folder
        for folder in sorted(person.glob("ses-*/map"))
        if any(folder.glob("*_map.vti"))
    }
    if wanted:
        labels = [label.removeprefix("ses-") for label in wanted]
        if absent := [label for label in labels if label not in found]:
            why = f"has no map of session {absent[0]}; there are {', '.join(found) or 'none'}"
            raise MissingFileError(why, person, FIRST)
        if len(set(labels)) < 2 or len(set(labels)) < len(labels):
            raise ConfigError("two different sessions are needed", None, ORDER)
        return [found[label] for label in labels]
    if len(found) < 2:
        why = f"has {'one map' if found else 'no map'} of a session, a comparison needs two"
        raise MissingFileError(why, person, "Run the other visit first")
    return [found[label] for label in in_order(list(found))]
