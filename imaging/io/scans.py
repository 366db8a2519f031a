"""What the table of scans of a session says of a recording: levels of factors, and its start.

Times of day are used for differences only; neither they nor free text leave this module.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from imaging.config import FunctionSettings
from imaging.dataset.names import stem
from imaging.errors import ConfigError, RecordingError
from imaging.function.side_names import table
from imaging.io.emg_tables import read_table

_TIMES = ("acq_time", "filename")
_LEVEL = re.compile(r"[\w.+%-]{1,24}( [\w.+%-]{1,24})?")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{6,}|\d{1,2}:\d{2}")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_LONGEST_S = 3600.0


def levels(
    path: Path, name: str, scans: Path | None, settings: FunctionSettings
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return factor → level of a recording, and what is missing.

    Parameters
    ----------
    path, name
        The recording, and what it is called.
    scans
        ``*_scans.tsv`` of its session. Read are the columns that the settings name as factors, else
        those of ``imaging/data/factor_names.tsv``.
    settings
        Levels by name or pattern of the recording go before the table.

    Raises
    ------
    ConfigError
        Patterns of the settings give a recording two levels of a factor, or a factor is a time or
        no column.
    RecordingError
        An entry that is a date or a text and no level.
    """
    told = _told(name, settings)
    if times := sorted(set(settings.factors) & set(_TIMES)):
        raise ConfigError(f"factors: {times[0]} is no factor", None, "Name columns of conditions")
    if scans is None or not scans.is_file():
        return told, ()
    columns = [str(c) for c in read_table(scans, {"filename"}).columns]
    named = {factor for given in settings.conditions.values() for factor in given}
    if absent := [f for f in settings.factors if f not in columns and f not in named]:
        raise ConfigError(
            f"factors: {scans.name} has no column {absent[0]!r}", None, f"It has {columns}"
        )
    wanted = {f: f for f in settings.factors} or {
        c: c.lower() for c in columns if c.lower() in _known()
    }
    row = _row(path, scans)
    found = {name: " ".join(row.get(c, "").split()) for c, name in wanted.items()}
    found = {f: level for f, level in found.items() if level.lower() not in ("", "n/a")}
    for factor, level in found.items():
        if not _LEVEL.fullmatch(level) or _DATE.search(level):
            raise RecordingError(
                f"column {factor} holds a date or a text that is no level of a factor",
                scans,
                "Write a short word or number, such as before and after",
            )
    said = ("It is not in the table of scans, so that its conditions are not known.",)
    every = dict(sorted({**{f: _plain(level) for f, level in found.items()}, **told}.items()))
    return every, said if wanted and not row and not told else ()


def _told(name: str, settings: FunctionSettings) -> dict[str, str]:
    """Return factor → level as the settings say."""
    told: dict[str, str] = {}
    for pattern, given in settings.conditions.items():
        if not fnmatch.fnmatch(name, pattern):
            continue
        for factor, written in given.items():
            level = _plain(written)
            if told.setdefault(factor, level) != level:
                raise ConfigError(
                    f"conditions: {name} is given two levels of {factor!r}", None, "Keep one"
                )
    return dict(sorted(told.items()))


def _plain(level: str) -> str:
    """Return a level as it is compared: ``Before`` is ``before``, and ``1.0`` is ``1``."""
    if _NUMBER.fullmatch(level.strip()):
        return f"{float(level):g}"
    return " ".join(level.split()).lower()


def start_after(path: Path, recording: Path, scans: Path | None) -> float | None:
    """Return how many s later than a recording another file began; None where it is not told."""
    times = [
        pd.to_datetime(_row(p, scans).get("acq_time", ""), errors="coerce", utc=True)
        for p in (recording, path)
    ]
    first, second = times
    if not (isinstance(first, pd.Timestamp) and isinstance(second, pd.Timestamp)):
        return None
    later = float((second - first).total_seconds())
    return later if abs(later) < _LONGEST_S else None


def _known() -> set[str]:
    return {str(n) for n in table("factor_names.tsv")["name"]}


def _row(path: Path, scans: Path | None) -> Mapping[str, str]:
    """Return the row of a file in the table of scans; empty without one.

    The file may be there as another kind, such as an EDF beside a C3D.

    Raises
    ------
    RecordingError
        The file has two rows that say different things.
    """
    if scans is None or not scans.is_file():
        return {}
    alike: list[dict[str, str]] = []
    own: list[dict[str, str]] = []
    for row in read_table(scans, {"filename"}).to_dict("records"):
        named = Path(str(row["filename"]))
        if named.parent.name == path.absolute().parent.name and stem(named) == stem(path):
            alike.append({str(k): str(v) for k, v in row.items()})
            own += alike[-1:] if named.name == path.name else []
    if any(row != own[0] for row in own):
        raise RecordingError(f"has two rows for {path.name}", scans, "Keep one of them")
    return next(iter([*own, *alike]), {})
