"""The long table that every stage writes: one row per figure, with unit, n, spread and status.

A measure that could not be taken is a row with status ``not_measured`` and no value; never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from imaging.errors import InputError, JsonError, MissingFileError
from imaging.formats.json import read_json
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


def not_measured(label: int, measure: str, unit: str, why: str) -> Measure:
    """Return the row that says that a measure is missing, and why."""
    return Measure(label, measure, None, unit, status="not_measured", note=why)


def write_measures(measures: Iterable[Measure], path: str | Path) -> None:
    """Write the long table as TSV, ``n/a`` where there is no value, six significant digits."""
    frame = pd.DataFrame([asdict(m) for m in measures], columns=list(COLUMNS))
    frame["n"] = frame["n"].astype("Int64")
    frame.to_csv(path, sep="\t", index=False, na_rep="n/a", float_format="%.6g")


def read_measures(path: str | Path) -> list[Measure]:
    """Read a long table written by :func:`write_measures`.

    Raises
    ------
    InputError
        Missing file or columns.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such table of measures", path, "Run the stage before this one")
    frame = pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
    if missing := set(COLUMNS) - set(frame.columns):
        raise InputError(f"lacks the columns {sorted(missing)}", path, "Run the stage again")
    rows = []
    for record in frame.to_dict("records"):
        row: dict[str, Any] = {k: (None if pd.isna(record[k]) else record[k]) for k in COLUMNS}
        row["n"] = None if row["n"] is None else int(row["n"])
        row["note"] = row["note"] or ""
        rows.append(Measure(**row))
    return rows


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


def read_notes(path: str | Path) -> Notes:
    """Read the notes of a stage.

    Raises
    ------
    MissingFileError, JsonError
        Not there, truncated, or not the notes of a stage.
    """
    try:
        return Notes(**read_json(path, "Run the stage again"))
    except TypeError as error:
        raise JsonError(
            f"does not hold the notes of a stage ({error})", path, "Run the stage again"
        ) from error
