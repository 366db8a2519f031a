"""Where the samples of delimited text begin, and what its columns are called."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from imaging.errors import RecordingError
from imaging.formats.file_kind import ensure_unpacks

EXPORT_AGAIN = "Export it as CSV with a row of names, a time column in s, and one row per sample"
_HEAD = 400
_LOOK = 65_536
_ENOUGH = 20
_DELIMITERS = ("\t", ";", ",", " ")
_NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?"),
}
_EMPTY = ("", "nan", "n/a", "na", "null", "none", "-")
_UNIT = re.compile(
    r"[\[(]?(s|ms|us|µs|sec|v|mv|uv|µv|μv|nv|g|n|nm|kg|m|mm|cm|%|a\.?u\.?|deg|deg/s|rad|rad/s|°|°/s"
    r"|ut|µt|m/s2|m/s\^2|m/s²|hz|volts?|-)[\])]?",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"\b(sampl\w*[ _]?(?:rate|frequency|freq)|frequency|rate|abtastrate|frequenz|"
    r"fr[eé]quence|fs)\b[^0-9\r\n]{0,24}(\d+(?:[.,]\d+)?)\s*(k?)",
    re.IGNORECASE,
)
_MEASURE_UNIT = re.compile(r"\bmeasure unit\b\W*([a-zA-Zµμ]+)", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(subject|patient|proband|sujet|person|athlete|(first|last)? ?name|vorname|nachname|nom)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """How a text file is to be read.

    Attributes
    ----------
    delimiter, decimal : str
    start : int
        Line of the first sample, counted from 0.
    names, units : tuple of str
        One per column; units are empty where the file tells none.
    rate_hz : float or None
        As lines before the samples say.
    unit : str
        Of all signals, as lines before the samples say; empty without.
    private : tuple of str
        Lines before the samples that may name a person.
    """

    delimiter: str
    decimal: str
    start: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    rate_hz: float | None
    unit: str
    private: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a text file, whatever program wrote it.

    Raises
    ------
    RecordingError
        Not text, or not readable to its end.
    """
    try:
        packed = path.suffix.lower() == ".gz"
        ensure_unpacks(path, "the recording")
        with gzip.open(path) if packed else path.open("rb") as file:
            start = file.read(_LOOK)
            encoding = _encoding(start, path)
            file.seek(0)
            with io.TextIOWrapper(file, encoding=encoding, errors="replace") as text:
                yield text
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingError("cannot be read", path, "Copy it here again") from error


def _encoding(start: bytes, path: Path) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        raise RecordingError("is not text", path, EXPORT_AGAIN)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def find_layout(text: IO[str], path: Path) -> Layout:
    """Tell delimiter, decimal sign, names, units and rate from the first lines of a file.

    Raises
    ------
    RecordingError
        No samples, or commas that can be decimal signs as well as delimiters.
    """
    head = [line.rstrip("\r\n") for line in islice(text, _HEAD)]
    delimiter, decimal = _signs(head, path)
    rows = [_cells(line, delimiter) for line in head]
    counts = np.array([_n_numbers(row, decimal) for row in rows])
    usual = np.median(counts[len(counts) // 2 :])
    is_data = (counts >= max(1, 0.5 * usual)) | np.array([not any(r) for r in rows])
    before = np.flatnonzero(~is_data)
    start = int(before[-1]) + 1 if len(before) else 0
    if len(before) > 1 and (gap := np.diff(before).max()) > _ENOUGH:
        line = int(before[int(np.argmax(np.diff(before))) + 1]) + 1
        raise RecordingError(
            f"has a line that holds no samples after {gap - 1} that do, line {line}",
            path,
            "Export one recording per file",
        )
    n = max((len(_trimmed(r)) for r in rows[start:]), default=0)
    names, units = _header([r for r in rows[:start] if any(r)], n, path)
    said = "\n".join(head[:start])
    rate, kilo = (m.group(2), m.group(3)) if (m := _RATE.search(said)) else ("", "")
    unit = m.group(1) if (m := _MEASURE_UNIT.search(said)) else ""
    return Layout(
        delimiter,
        decimal,
        start,
        names,
        units,
        float(rate.replace(",", ".")) * (1000 if kilo else 1) if rate else None,
        unit,
        tuple(line for line in head[: max(start - 1, 0)] if _PERSON.search(line)),
    )


def _signs(head: Sequence[str], path: Path) -> tuple[str, str]:
    """Return the delimiter and decimal sign that make most numbers of the later lines."""
    tail = [line for line in head[len(head) // 2 :] if line.strip()]
    best: tuple[float, str, str] = (0.0, "", "")
    for delimiter in _DELIMITERS:
        for decimal in (".", ","):
            if delimiter == decimal:
                continue
            rows = [_cells(line, delimiter) for line in tail]
            numbers = [_n_numbers(row, decimal) for row in rows]
            cells = [sum(bool(c) for c in row) for row in rows]
            whole = np.equal(numbers, cells)
            score = float(np.median(numbers)) + 0.5 * float(np.mean(whole)) if numbers else 0.0
            if score > best[0] + 1e-9:
                best = (score, delimiter, decimal)
    if best[0] < 1:
        raise RecordingError("holds no columns of numbers", path, EXPORT_AGAIN)
    if best[1] == ",":
        _refuse_both(head, tail, path)
    return best[1], best[2]


def _refuse_both(head: Sequence[str], tail: Sequence[str], path: Path) -> None:
    """Refuse commas that delimit and mark decimals at once: twice the cells of the names."""
    width = len(_cells(tail[-1], ","))
    titles = [_cells(line, ",") for line in head if re.search("[A-Za-z]{2}", line)]
    named = [sum(bool(c) for c in cells) for cells in titles]
    whole = all("." not in line for line in tail)
    if whole and named and width in (2 * named[-1], 2 * named[-1] - 1) and width > 1:
        raise RecordingError(
            "uses commas between columns and as decimal signs", path, "Export it with semicolons"
        )


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    cells = next(csv.reader([line], delimiter=delimiter), [])
    return [c.strip() for c in cells]


def _n_numbers(cells: Sequence[str], decimal: str) -> int:
    return sum(bool(_NUMBER[decimal].fullmatch(c.strip())) for c in cells)


def _trimmed(row: Sequence[str]) -> list[str]:
    """Return a row without empty cells at its end."""
    return list(row[: max((i + 1 for i, cell in enumerate(row) if cell), default=0)])


def _header(
    rows: Sequence[list[str]], n: int, path: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and units of `n` columns from the rows above the samples.

    Raises
    ------
    RecordingError
        The names are more or fewer than the columns, so that it is not known whose they are.
    """
    units = [""] * n
    rest = list(rows)
    while rest and _is_aside(rest[-1]):
        if all(_UNIT.fullmatch(c) for c in rest[-1] if c):
            units = (rest[-1] + units)[:n]
        rest.pop()
    names = _trimmed(rest[-1]) if rest else []
    if names and len(names) != n and len(names) > n // 2:
        raise RecordingError(f"names {len(names)} columns and holds {n}", path, EXPORT_AGAIN)
    names = names if len(names) == n else [""] * n
    found = [_split_unit(name) for name in names]
    plain = [name for name, _ in found if name]
    if len(rest) > 1 and len(set(plain)) < len(plain):
        sensors = _sensors(rest[-2], n)
        found = [
            (f"{s} {name}".strip(), unit) for s, (name, unit) in zip(sensors, found, strict=True)
        ]
    return (
        tuple(name or f"column {i + 1}" for i, (name, _) in enumerate(found)),
        tuple(unit or _bare(own) for (_, unit), own in zip(found, units, strict=True)),
    )


def _sensors(row: Sequence[str], n: int) -> list[str]:
    """Return the sensor of each column from a row that names it at its first column only."""
    cells = (list(row) + [""] * n)[:n]
    if not 1 < sum(bool(c) for c in cells) < n or not cells[0]:
        return [""] * n
    found: list[str] = []
    for cell in cells:
        found.append(cell or found[-1])
    return found


def _is_aside(row: Sequence[str]) -> bool:
    """Whether a row above the samples holds units or rates of the columns."""
    cells = [c for c in row if c]
    return bool(cells) and all(
        _UNIT.fullmatch(c) or re.fullmatch(r"[\d.,]+\s*k?hz", c.lower()) for c in cells
    )


def _split_unit(text: str) -> tuple[str, str]:
    """Return name and unit of ``TA [mV]``, ``TA (mV)`` and ``TA,mV``."""
    text = " ".join(text.split())
    for pattern in (r"(.*?)\s*\[([^\]]*)\]", r"(.*?)\s*\(([^)]*)\)", r"(.*),\s*(\S+)"):
        match = re.fullmatch(pattern, text)
        if match and match[1] and _UNIT.fullmatch(match[2]):
            return match[1], _bare(match[2])
    return text, ""


def _bare(unit: str) -> str:
    return unit.strip("[]() ")
