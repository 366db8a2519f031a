"""Tab-separated tables as BIDS has them: one line of names, ``n/a`` where there is no value.

A table that was cut can still look like a table: pandas fills what is missing with NaN. Here every
line must be whole, and every named column of its type.

A spreadsheet runs a cell that begins like a formula, also where it came as a channel's name. Such
a text is written with an apostrophe before it, the spreadsheets' mark of text, and read without.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imaging.errors import InputError, MissingFileError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "number", "whole"]
"""What a column holds; each may be missing (``n/a``) in any row."""
MISSING = "n/a"
_FORMULA = re.compile(r"['\s]*[=+\-@＝＋－＠](?=.)", re.DOTALL)
_FIGURE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)


def write_tsv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as TSV, ``n/a`` where there is no value, six significant digits.

    Texts and names of columns are written so that no spreadsheet runs them, see :func:`inert`.
    A carriage return, which ends a line unless it is quoted, becomes a line feed, which is quoted.
    """
    import pandas as pd  # who has a table has loaded it

    out = frame.rename(columns=lambda name: _cell(str(name)))
    for place, dtype in enumerate(frame.dtypes):
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
            texts = [_cell(v) if isinstance(v, str) else v for v in frame.iloc[:, place]]
            out.isetitem(place, np.array(texts, dtype=object))
    out.to_csv(path, sep="\t", index=False, na_rep=MISSING, float_format="%.6g")


def write_rows(names: Sequence[str], rows: Iterable[Sequence[Any]], path: str | Path) -> None:
    """Write rows of texts and numbers as `write_tsv` writes a table of them, without pandas."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([_cell(name) for name in names])
        writer.writerows([_written(value) for value in row] for row in rows)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _cell(value)
    if value is None or value != value:
        return MISSING
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _cell(text: str) -> str:
    return inert(text.replace("\r\n", "\n").replace("\r", "\n"))


def inert(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs.

    Examples
    --------
    >>> inert("=HYPERLINK(1)"), inert("@SUM(A1)"), inert("-3.5"), inert("TA")
    ("'=HYPERLINK(1)", "'@SUM(A1)", '-3.5', 'TA')

    References
    ----------
    OWASP, "CSV Injection".
    """
    return f"'{text}" if _runs(text) else text


def _runs(text: str) -> bool:
    return bool(_FORMULA.match(text)) and not _FIGURE.fullmatch(text.lstrip("' "))


def _as_given(text: object) -> object:
    """Undo :func:`inert`."""
    return text[1:] if isinstance(text, str) and text.startswith("'") and _runs(text) else text


def read_tsv(path: str | Path, columns: Mapping[str, Kind], how: str) -> pd.DataFrame:
    """Read a table that Pennate wrote.

    Parameters
    ----------
    path
        UTF-8, closed by a line end.
    columns
        Columns that must be there, with what they hold. Others are kept as pandas takes them.
    how
        What a user should do where it is missing or cannot be used.

    Returns
    -------
    DataFrame
        ``n/a`` is NaN; columns of whole numbers without a gap are integers, with gaps floats.

    Raises
    ------
    MissingFileError
        No such table.
    InputError
        Damaged, cut off, without a column, or with a value that is not of its column's type.
    """
    import pandas as pd  # a third of a second, in vain for who only writes rows

    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such table", path, how)
    text = _text(path, how)
    rows = _rows(text, path, how)
    names = rows[0]
    if missing := [name for name in columns if name not in names]:
        raise InputError(f"lacks the columns {missing}", path, how)
    texts = {name: str for name in names if columns.get(name) == "text"}
    frame = pd.read_csv(
        io.StringIO(text), sep="\t", na_values=[MISSING], keep_default_na=False, dtype=texts,
        index_col=False,
    )  # fmt: skip
    names = [str(_as_given(name)) for name in names]
    frame.columns = pd.Index(names)
    for place, dtype in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
            frame.isetitem(place, frame.iloc[:, place].map(_as_given).array)
    for name, kind in columns.items():
        if kind != "text":
            place = names.index(name)
            _check_numbers(frame[name], [row[place] for row in rows[1:]], kind, path, how)
    return frame


def _text(path: Path, how: str) -> str:
    """Return the text of a file that is whole as far as bytes tell."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("is damaged: it is not text", path, how) from error
    if not text:
        raise InputError("is empty", path, how)
    if "\0" in text:
        raise InputError("is damaged: it is not text", path, how)
    if not text.endswith("\n"):
        raise InputError("was cut off: its last line does not end", path, how)
    return text


def _rows(text: str, path: Path, how: str) -> list[list[str]]:
    """Return the fields of every line, the names first; each line has as many."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except csv.Error as error:
        raise InputError(f"is damaged ({error})", path, how) from error
    names = rows[0]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"has the columns {twice} twice", path, how)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            why = f"row {number} has {len(row)} fields, not {len(names)}: it was cut off or changed"
            raise InputError(why, path, how)
    return rows


def _check_numbers(
    column: pd.Series, texts: list[str], kind: Kind, path: Path, how: str
) -> None:  # fmt: skip
    """Check that a column holds finite numbers, whole ones if so asked, and ``n/a``."""
    import pandas as pd

    given = [(number, text) for number, text in enumerate(texts, start=2) if text != MISSING]
    usable = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    values = column.to_numpy(float) if usable else None
    for number, text in given:
        value = _number(text) if values is None else float(values[number - 2])
        if not np.isfinite(value) or (kind == "whole" and value != round(value)):
            what = "not a whole number" if kind == "whole" else "not a number"
            raise InputError(f"row {number}, {column.name}: {text!r} is {what}", path, how)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
