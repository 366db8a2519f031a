"""Tables of the map: measures in long and in wide form, EMG cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from imaging.errors import InputError, UnitError
from imaging.formats.tsv import Kind, read_tsv
from imaging.measures import Measure, read_measures
from imaging.musclemap.headline import headline
from imaging.musclemap.read.files import REMAKE, TABLES, MapFiles, find_files
from imaging.musclemap.series import check_cycles, read_cycles
from imaging.musclemap.table import check_known, dictionary, wide
from imaging.muscles import ANONYMOUS, Names, is_known, is_recordable

_LOAD: Mapping[str, Kind] = {
    "label": "whole", "percent": "number", "activation": "number", "share": "number",
    "force_n": "number", "of_peak": "number", "status": "text",
}  # fmt: skip
_IDENTITY: Mapping[str, Kind] = {
    "label": "whole", "muscle": "text", "name": "text", "side": "text",
}  # fmt: skip
# Both forms are written with six significant digits.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class MapTables:
    """Measures of one person (and session).

    Attributes
    ----------
    prefix : str
        ``sub-01`` or ``sub-01_ses-01``.
    files : MapFiles
        What was found.
    measures : list of Measure
        The long table.
    muscles : DataFrame
        The same in wide form: a row per muscle.
    columns : dict
        What each of its columns means.
    """

    prefix: str
    files: MapFiles
    measures: list[Measure]
    muscles: pd.DataFrame
    columns: Mapping[str, Any]

    @property
    def in_view(self) -> list[Measure]:
        """Measures of the muscles on a side in view."""
        return in_view(self.measures)


def in_view(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures of muscles with a row of volume: those on a side in view."""
    labels = {m.label for m in measures if m.measure == "volume"}
    return [m for m in measures if m.label in labels]


def read_tables(folder: Path, prefix: str, files: MapFiles | None = None) -> MapTables:
    """Read the long and the readable table with its data dictionary, nothing large.

    Raises
    ------
    MissingFileError
        One of them is not there.
    InputError
        One cannot be read, or they contradict each other.
    """
    files = files or find_files(folder, prefix, TABLES)
    path = files.paths["measures.tsv"]
    measures = read_measures(path, REMAKE)
    check_known(measures, path, REMAKE)
    columns = files.sidecars["muscles"].get("Columns")
    if not isinstance(columns, dict):
        raise InputError("lacks the meaning of columns", files.sidecar("muscles"), REMAKE)
    readable = _read_readable(files.paths["muscles.tsv"], columns)
    names = names_of(readable)
    labels = {m.label for m in measures if m.label} - set(names)
    strange = sorted(v for v in labels if not (is_known(v) or is_recordable(v)))
    if strange:
        raise InputError(f"holds labels that are not in the catalogue: {strange}", path, REMAKE)
    muscles = wide(in_view(measures), names)
    _same_figures(readable, headline(muscles), files.paths["muscles.tsv"])
    return MapTables(prefix, files, measures, muscles, dictionary(in_view(measures)))


def names_of(muscles: pd.DataFrame) -> Names:
    """Return the names of the muscles that the catalogue does not know, by their labels."""
    rows = zip(muscles["label"], muscles["name"], strict=True)
    return {int(label): str(name) for label, name in rows if label > ANONYMOUS}


def _read_readable(path: Path, columns: Mapping[str, Any]) -> pd.DataFrame:
    frame = read_tsv(path, _IDENTITY, REMAKE)
    differing = sorted(set(map(str, frame.columns)) ^ set(columns))
    if differing:
        why = f"does not have the columns that its data dictionary describes: {differing[:3]}"
        raise InputError(why, path, REMAKE)
    if frame["label"].isna().any() or frame["label"].duplicated().any():
        raise InputError("does not have one row for each label", path, REMAKE)
    return frame


def _same_figures(given: pd.DataFrame, expected: pd.DataFrame, path: Path) -> None:
    """Check that the readable table holds what the long one does."""
    if list(given["label"]) != list(expected["label"]):
        raise InputError("does not have the muscles of the table of measures", path, REMAKE)
    if list(given.columns) != list(expected.columns):
        raise InputError("does not have the measures of the table of measures", path, REMAKE)
    for column in expected.columns:
        a, b = given[column], expected[column]
        if pd.api.types.is_numeric_dtype(b):
            same = pd.api.types.is_numeric_dtype(a) and bool(np.allclose(
                a.to_numpy(float, na_value=np.nan), b.to_numpy(float, na_value=np.nan),
                rtol=_ROUNDING, atol=0, equal_nan=True,
            ))  # fmt: skip
        else:
            same = a.isna().equals(b.isna()) and bool((a.dropna() == b.dropna()).all())
        if not same:
            raise InputError(f"{column} is not what the table of measures says", path, REMAKE)


def read_load(path: Path) -> pd.DataFrame:
    """Read force over the cycle: label, percent, activation, share, force_n, of_peak, status.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, or not the same whole cycle for each muscle.
    """
    frame = read_tsv(path, _LOAD, REMAKE)
    check_cycles(frame, path, REMAKE)
    return frame


def read_activation(path: Path) -> pd.DataFrame:
    """Read the mean EMG cycles, in percent; raises as :func:`imaging.musclemap.series.read_cycles`.

    Raises
    ------
    UnitError
        Amplitudes in another unit.
    """
    frame = read_cycles(path, REMAKE)
    if not frame["unit"].str.startswith("%").all():
        raise UnitError("holds amplitudes that are not in percent", path, REMAKE)
    return frame
