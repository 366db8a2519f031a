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
_LONGEST_S = 3600.0


def levels(path: Path, name: str, scans: Path | None, settings: FunctionSettings) -> dict[str, str]:
    """Return factor → level of a recording.

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
        Patterns of the settings give a recording two levels of a factor, or a time as factor.
    RecordingError
        An entry that is a date or a text and no level.
    """
    told: dict[str, str] = {}
    for pattern, given in settings.conditions.items():
        if not fnmatch.fnmatch(name, pattern):
            continue
        for factor, level in given.items():
            if told.setdefault(factor, level) != level:
                raise ConfigError(
                    f"conditions: {name} is given two levels of {factor!r}", None, "Keep one"
                )
    if times := sorted(set(settings.factors) & set(_TIMES)):
        raise ConfigError(f"factors: {times[0]} is no factor", None, "Name columns of conditions")
    row = _row(path, scans)
    wanted = settings.factors or [n for n in row if n.lower() in _known()]
    found = {n: row[n].strip() for n in wanted if n in row}
    found = {n: level for n, level in found.items() if level.lower() not in ("", "n/a")}
    for factor, level in found.items():
        if not _LEVEL.fullmatch(level) or _DATE.search(level):
            raise RecordingError(
                f"column {factor} holds a date or a text that is no level of a factor",
                scans,
                "Write a short word or number, such as before and after",
            )
    return dict(sorted({**found, **told}.items()))


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
    """
    if scans is None or not scans.is_file():
        return {}
    for row in read_table(scans, {"filename"}).to_dict("records"):
        named = Path(str(row["filename"]))
        if named.parent.name == path.absolute().parent.name and stem(named) == stem(path):
            return {str(k): str(v) for k, v in row.items()}
    return {}
