"""Tables of OpenSim: STO and MOT files.

The header ends with ``endheader`` and names rows, columns and whether angles are in degrees; its
first line is free text and is never repeated. OpenSim documentation, "Storage (.sto) Files" and
"Motion (.mot) Files".
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.errors import MissingFileError, RecordingError

_LONGEST_HEADER = 200
EXPORT_AGAIN = "Export it again from OpenSim"


@dataclass(frozen=True)
class Storage:
    """A table of OpenSim.

    Attributes
    ----------
    time_s : (N,) array
        Column ``time``, s.
    names : tuple of str
        The other columns.
    values : (C, N) array
        NaN where a cell holds none.
    in_degrees : bool or None
        What the header says of angles; None where it does not.
    """

    time_s: FloatArray
    names: tuple[str, ...]
    values: FloatArray
    in_degrees: bool | None


def read_storage(path: Path) -> Storage:
    """Read an STO or MOT file.

    Raises
    ------
    MissingFileError
        No such file.
    RecordingError
        Not a table of OpenSim, cut short, or its columns contradict its header.
    """
    if not path.is_file():
        raise MissingFileError("no such file", path, "Check the path")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError("is not text", path, EXPORT_AGAIN) from error
    lines = io.StringIO(text)
    header = []
    for line in lines:
        header.append(line.strip())
        if header[-1].lower() == "endheader" or len(header) > _LONGEST_HEADER:
            break
    if not header or header[-1].lower() != "endheader":
        raise RecordingError(
            "has no line endheader, which ends the header of OpenSim's tables", path, EXPORT_AGAIN
        )
    said = dict(_pair(line) for line in header[:-1] if "=" in line or _OLD.match(line))
    if said.get("datatype", "double") != "double":
        raise RecordingError("holds other values than plain numbers", path, "Export it as double")
    names = next((line.rstrip("\r\n") for line in lines if line.strip()), "").split("\t")
    names = [n.strip() for n in names]
    while names and not names[-1]:
        names.pop()
    try:
        table = pd.read_csv(lines, sep="\t", header=None, dtype=float, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RecordingError("holds cells that are not numbers", path, EXPORT_AGAIN) from error
    if table.shape[1] > len(names) and table.iloc[:, len(names) :].isna().all(axis=None):
        table = table.iloc[:, : len(names)]  # rows that end with a tabulator
    _check(said, names, table.shape, path)
    content = np.ascontiguousarray(table.to_numpy(float).T)
    angles = said.get("indegrees")
    return Storage(
        content[0], tuple(names[1:]), content[1:], None if angles is None else angles == "yes"
    )


_OLD = re.compile(r"\s*(datarows|datacolumns|range)\b", re.IGNORECASE)
_TODAY = {"datarows": "nrows", "datacolumns": "ncolumns"}


def _pair(line: str) -> tuple[str, str]:
    name, _, value = (line if "=" in line else line.replace("\t", " ").strip()).partition(
        "=" if "=" in line else " "
    )
    key = name.strip().lower()
    return _TODAY.get(key, key), value.strip().lower()


def _check(said: dict[str, str], names: list[str], shape: tuple[int, ...], path: Path) -> None:
    if not names or names[0].lower() != "time" or len(names) < 2:
        raise RecordingError("has no first column time", path, EXPORT_AGAIN)
    if len(names) != shape[1]:
        raise RecordingError(f"names {len(names)} columns and holds {shape[1]}", path, EXPORT_AGAIN)
    # OpenSim's own examples announce more columns than they name and hold; rows they do count.
    rows = said.get("nrows", "")
    if rows.isdigit() and int(rows) != shape[0]:
        raise RecordingError(
            f"announces {rows} rows and holds {shape[0]}", path, "The file is cut short"
        )
