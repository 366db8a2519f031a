"""Files that belong to one recording of EMG, by their names.

A recording is the file ``*_emg`` of a task, run and acquisition. Motion (``*_motion``) and ground
reaction forces (``*_grf``) of the same task, run and acquisition belong to it, in ``motion/`` or
beside it; so do tables, sidecars, and events that a person corrected.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imaging.dataset.names import (
    MOTION,
    RECORDINGS,
    beside,
    ending,
    entities,
    sibling,
    stem,
    suffix_of,
)

COMPANIONS = ("motion", "grf")
_PERSON = ("sub", "ses")


def trial_name(path: Path) -> str:
    """Return the entities of a recording without subject and session, else its stem.

    Examples
    --------
    >>> trial_name(Path("sub-01_task-walk_run-2_emg.edf"))
    'task-walk_run-2'
    """
    named = {k: v for k, v in entities(path).items() if k not in (*_PERSON, "tracksys")}
    return "_".join(f"{k}-{v}" for k, v in named.items()) or stem(path)


def without_doubles(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files that are read, and those of one name and several kinds.

    A C3D goes before the others of its name: it has forces too.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in files:
        by_stem.setdefault(stem(path), []).append(path)
    kept: list[Path] = []
    double: list[Path] = []
    for same in by_stem.values():
        c3d = [p for p in same if ending(p) == ".c3d"]
        kept += c3d or same
        double += [] if len(c3d or same) == 1 else (c3d or same)
    return kept, double


def companions(recording: Path) -> list[Path]:
    """Return motion and forces of the same task, run and acquisition, sorted."""
    folders = [recording.parent]
    if recording.parent.name == "emg":
        folders.append(recording.parent.with_name("motion"))
    return sorted(
        p
        for folder in folders
        if folder.is_dir()
        for p in folder.iterdir()
        if suffix_of(p) in COMPANIONS
        and p != recording
        and ending(p) in MOTION
        and not p.name.startswith(".")
        and trial_name(p) == trial_name(recording)
        and all(entities(p).get(k) == entities(recording).get(k) for k in _PERSON)
    )


def table_of(path: Path, kind: str) -> Path:
    """Return where the table ``channels`` or ``events`` of a recording lies."""
    start = stem(path)
    for suffix in ("_emg", "_motion", "_grf"):
        start = start.removesuffix(suffix)
    return path.with_name(f"{start}_{kind}.tsv")


def corrected_events(recording: Path) -> Path | None:
    """Return where a person's list of events of a recording lies in ``derivatives/manual``."""
    folder = recording.absolute().parent
    subject = next((p for p in folder.parents if p.name.startswith("sub-")), None)
    if folder.name != "emg" or subject is None:
        return None
    root = subject.parent
    return table_of(
        root / "derivatives/manual" / folder.relative_to(root) / recording.name, "events"
    )


def scans_table(recording: Path) -> Path | None:
    """Return where the table of scans of a recording's session lies; None outside a session."""
    named = entities(recording)
    if recording.absolute().parent.name != "emg" or "sub" not in named:
        return None
    prefix = "_".join(f"{k}-{named[k]}" for k in _PERSON if k in named)
    return recording.absolute().parent.with_name(f"{prefix}_scans.tsv")


def files_beside(recording: Path) -> list[Path]:
    """Return all that may be read with a recording, whether it is there or not."""
    found = [table_of(recording, "channels"), table_of(recording, "events")]
    found.append(recording.with_name(f"{stem(recording)}.json"))
    for path in companions(recording):
        found += [path, path.with_name(f"{stem(path)}.json"), table_of(path, "channels")]
        found.append(path.with_name(f"{stem(path)}.xml"))
    found += [p for p in (corrected_events(recording), scans_table(recording)) if p is not None]
    return list(dict.fromkeys(found))


def inputs_beside(path: Path) -> list[Path]:
    """Return what may be read with an image or a recording, whether it is there or not."""
    if suffix_of(path) == "emg" and ending(path) in RECORDINGS:
        return files_beside(path)
    if suffix_of(path) == "swe":
        return [*beside(path), sibling(path, ".tsv")]
    return beside(path)
