"""Finds the inputs of every subject and session by BIDS names and sidecars; opens no image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from imaging.dataset.leftovers import Place, inputs_below, listed, outside, stranger
from imaging.dataset.names import claims, shown
from imaging.dataset.session import SELECTABLE, Lost, Session, SessionFiles, grouped
from imaging.errors import ConfigError, DatasetError, MissingFileError

_LABEL = re.compile(r"[A-Za-z0-9]+")
_FOR_NOBODY = "the data set holds no subject or session of this folder"
_HOMELESS = "it lies in no folder sub-<label>/ of this data set: move it into that of its subject"


def find_sessions(
    bids_dir: str | Path,
    participants: Iterable[str] = (),
    sessions: Iterable[str] = (),
    select: Mapping[str, str] | None = None,
) -> list[Session]:
    """Find the inputs of every subject and session of a BIDS folder.

    Parameters
    ----------
    bids_dir
        The BIDS folder.
    participants, sessions
        Labels to keep, with or without ``sub-``/``ses-``; empty keeps all.
    select
        Glob per input (one of `SELECTABLE`) that settles an ambiguity.

    Raises
    ------
    MissingFileError
        No such folder, or one that cannot be read.
    DatasetError
        No subject in it, or a wanted one is not there.
    ConfigError
        `select` names no such input.
    """
    _check_selection(select or {})
    root = Path(bids_dir)
    try:
        if not root.is_dir():
            raise MissingFileError("no such BIDS folder", root, "Check the path")
        return _find(root, _labels(participants, "sub-"), _labels(sessions, "ses-"), select or {})
    except OSError as error:
        where = error.filename or root
        raise MissingFileError(f"cannot be read ({error.strerror})", where, "Check it") from error


def _find(
    root: Path, wanted: set[str], wanted_sessions: set[str], select: Mapping[str, str]
) -> list[Session]:
    folders = _folders(root, "sub-")
    if not folders:
        raise DatasetError("has no folder sub-<label>", root, _where(root))
    if absent := wanted - {_label(p, root, "sub-") for p in folders}:
        raise DatasetError(
            f"has no participant {', '.join(sorted(absent))}", root, "Check --participant-label"
        )
    found = []
    for folder in folders:
        subject = _label(folder, root, "sub-")
        if not wanted or subject in wanted:
            found += _subject(root, folder, subject, wanted_sessions, select)
    if lacking := wanted_sessions - {s.session for s in found}:
        named = ", ".join(sorted(lacking))
        raise DatasetError(f"has no such session: {named}", root, "Check --session-id")
    # What belongs to no subject is told with the first.
    lost: list[Lost] = [(p, "not_taken", _HOMELESS) for p in outside(root)]
    lost += [(p, "not_taken", _FOR_NOBODY) for p in _drawn_for_nobody(root, folders)]
    return [found[0].with_findings(grouped(root, "", "", lost)), *found[1:]]


def _check_selection(select: Mapping[str, str]) -> None:
    if unknown := set(select) - set(SELECTABLE):
        raise ConfigError(
            f"select names unknown inputs: {', '.join(sorted(unknown))}",
            None,
            f"Use {', '.join(SELECTABLE)}",
        )


def _where(root: Path) -> str:
    """Return what to do about a folder without subjects."""
    near = [p.name for p in listed(root) if p.is_dir() and "sub" in p.name.lower()]
    if near:
        return f"Rename {shown(near[0])} to sub-<letters and digits>"
    return "Give a BIDS folder" + (
        "; this is the folder of one subject" if (root / "anat").is_dir() else ""
    )


def _folders(above: Path, prefix: str) -> list[Path]:
    return [p for p in listed(above) if p.name.startswith(prefix) and p.is_dir()]


def _labels(labels: Iterable[str], prefix: str) -> set[str]:
    return {str(label).removeprefix(prefix) for label in labels}


def _label(folder: Path, above: Path, prefix: str) -> str:
    label = folder.name.removeprefix(prefix)
    if not _LABEL.fullmatch(label):
        raise DatasetError(
            f"{folder.name!r} is not a BIDS label", above, f"Use letters and digits after {prefix}"
        )
    return label


def _subject(
    root: Path, folder: Path, subject: str, wanted: set[str], select: Mapping[str, str]
) -> list[Session]:
    """Return the sessions of a subject; what lies beside their folders is told with the first."""
    parts = _folders(folder, "ses-")
    places = [Place(root, part, subject, _label(part, folder, "ses-")) for part in parts]
    places = [p for p in places or [Place(root, folder, subject)] if _is_wanted(p, wanted)]
    found = [SessionFiles(place, select).session() for place in places]
    if not parts or not found:
        return found
    lost: list[Lost] = []
    names = ", ".join(f"{part.name}/" for part in parts)
    for path in inputs_below(folder, skip=parts):
        own = Place(root, folder, subject, claims(path).get("ses", ""))
        other = stranger(path, own)
        why = f"it lies beside {names}: move it into the session that it belongs to"
        lost.append((path, "contradiction", other) if other else (path, "not_taken", why))
    extra = grouped(root, subject, found[0].session, lost)
    return [found[0].with_findings(extra), *found[1:]]


def _is_wanted(place: Place, wanted: set[str]) -> bool:
    return not wanted or place.session in wanted


def _drawn_for_nobody(root: Path, folders: Sequence[Path]) -> list[Path]:
    """Return what was drawn for subjects or sessions that the data set does not hold."""
    manual = root / "derivatives" / "manual"
    homes = [manual / p.relative_to(root) for f in folders for p in [f, *_folders(f, "ses-")]]
    split = {p.parent for p in homes if p.parent in homes}
    return inputs_below(manual, skip=[p for p in homes if p not in split])
