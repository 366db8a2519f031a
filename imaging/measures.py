"""The long table that every stage writes: one row per figure, with unit, n, spread and status.

A measure that could not be taken is a row with status ``not_measured`` and no value; never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from imaging.errors import InputError, JsonError, MissingFileError
from imaging.formats.json import read_json
from imaging.formats.tsv import Kind, read_tsv, write_rows
from imaging.provenance import write_json

Status = Literal["measured", "extrapolated", "modelled", "assumed", "not_measured"]


@dataclass(frozen=True)
class Measure:
    """One figure of one muscle.

    Attributes
    ----------
    label : int
        100·side + catalogue index; 0 for a figure of the whole subject.
    measure : str
        Name from the data dictionary, for example ``fascicle_length``.
    value : float or None
        None with status ``not_measured``.
    unit : str
        ``mm``, ``deg``, ``ml``, ``cm2``, ``Pa``, ``1`` ...
    n : int or None
        Number of samples behind the value; `note` says of what.
    sd, ci_low, ci_high : float or None
        Spread over the samples, and 95 % confidence interval of the value.
    status : str
        measured, extrapolated, modelled, assumed or not_measured.
    note : str
        Why it is missing, or what it rests on.
    """

    label: int
    measure: str
    value: float | None
    unit: str
    n: int | None = None
    sd: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    status: Status = "measured"
    note: str = ""

    def __post_init__(self) -> None:
        missing = self.value is None or not math.isfinite(self.value)
        if missing != (self.status == "not_measured"):
            raise ValueError(f"{self.measure}: value {self.value} with status {self.status}")


COLUMNS = tuple(f.name for f in fields(Measure))
_KINDS: Mapping[str, Kind] = {
    "label": "whole", "measure": "text", "value": "number", "unit": "text", "n": "whole",
    "sd": "number", "ci_low": "number", "ci_high": "number", "status": "text", "note": "text",
}  # fmt: skip


def not_measured(label: int, measure: str, unit: str, why: str) -> Measure:
    """Return the row that says that a measure is missing, and why."""
    return Measure(label, measure, None, unit, status="not_measured", note=why)


def write_measures(measures: Iterable[Measure], path: str | Path) -> None:
    """Write the long table as TSV, ``n/a`` where there is no value, six significant digits."""
    rows = ([_as_kind(getattr(m, name), kind) for name, kind in _KINDS.items()] for m in measures)
    write_rows(list(_KINDS), rows, path)


def _as_kind(given: Any, kind: Kind) -> Any:
    if given is None or kind == "text":
        return given
    return int(given) if kind == "whole" else float(given)


def read_measures(path: str | Path, how: str = "Run the stage again") -> list[Measure]:
    """Read a long table written by :func:`write_measures`.

    Parameters
    ----------
    path
        The table.
    how
        What a user should do where it is missing or cannot be used.

    Raises
    ------
    MissingFileError
        No such table.
    InputError
        Cut off, columns too few or too many, a value of another type, a status that there is not,
        a value that contradicts its status, or a figure that is given twice.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such table of measures", path, "Run the stage before this one")
    frame = read_tsv(path, _KINDS, how)
    if unknown := [str(c) for c in frame.columns if c not in COLUMNS]:
        raise InputError(f"has columns that this version does not know: {unknown}", path, how)
    rows: dict[tuple[int, str], Measure] = {}
    for number, record in enumerate(frame.to_dict("records"), start=2):
        try:
            row = _measure(record)
        except ValueError as error:
            raise InputError(f"row {number}: {error}", path, how) from error
        if (row.label, row.measure) in rows:
            raise InputError(f"gives {row.measure} of label {row.label} twice", path, how)
        rows[row.label, row.measure] = row
    return list(rows.values())


def _measure(record: Mapping[Any, Any]) -> Measure:
    """Return one row of the table; ValueError where it contradicts itself."""
    row: dict[str, Any] = {k: (None if record[k] != record[k] else record[k]) for k in COLUMNS}
    if absent := [k for k in ("label", "measure", "unit", "status") if row[k] in (None, "")]:
        raise ValueError(f"{absent[0]} is missing")
    if row["status"] not in get_args(Status):
        raise ValueError(f"status {row['status']!r} is not one of {', '.join(get_args(Status))}")
    row["label"] = int(row["label"])
    row["n"] = None if row["n"] is None else int(row["n"])
    if row["label"] < 0 or (row["n"] or 0) < 0:
        raise ValueError("label and n cannot be negative")
    for name in ("value", "sd", "ci_low", "ci_high"):
        row[name] = None if row[name] is None else float(row[name])
    low, high = row["ci_low"], row["ci_high"]
    if low is not None and high is not None and low > high:
        raise ValueError(f"its interval runs from {low:g} down to {high:g}")
    return Measure(**row | {"note": row["note"] or ""})


@dataclass(frozen=True)
class Notes:
    """What a stage has to say beside its figures; collected by the map, shown in the report.

    Attributes
    ----------
    stage : str
        ``segmentation``, ``diffusion``, ``fibres``, ``elastography``, ``function``.
    method : str
        Sentences for the methods section, with the figures actually used.
    citations : list of str
        Full references of the methods used.
    warnings : list of str
        What a reader must know before using the figures: one clear sentence each.
    facts : dict
        Small named values (JSON), for example registration shifts.
    """

    stage: str
    method: str
    citations: Sequence[str] = ()
    warnings: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def write_notes(notes: Notes, path: str | Path) -> None:
    """Write the notes of a stage as JSON."""
    write_json(path, asdict(notes))


def read_notes(path: str | Path, how: str = "Run the stage again") -> Notes:
    """Read the notes of a stage.

    Raises
    ------
    MissingFileError, JsonError
        Not there, truncated, or not the notes of a stage.
    """
    return notes_from(read_json(path, how), path, how)


def notes_from(content: Any, path: str | Path, how: str) -> Notes:
    """Return the notes of a stage from what a JSON file holds.

    Raises
    ------
    JsonError
        A key is missing, unknown, or holds something else.
    """
    names = {f.name for f in fields(Notes)}
    if not isinstance(content, Mapping) or set(content) != names:
        raise JsonError("does not hold the notes of a stage", path, how)
    for name, kind in _NOTES.items():
        held = content[name]
        right = isinstance(held, kind)
        if kind is list:
            right = right and all(isinstance(sentence, str) for sentence in held)
        if not right:
            raise JsonError(f"notes of a stage: {name} is not what it should be", path, how)
    return Notes(**content)


_NOTES = {"stage": str, "method": str, "citations": list, "warnings": list, "facts": dict}
