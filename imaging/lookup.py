"""What the numbers of a label map mean: look-up tables, and names as people write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import LabelError, MissingFileError
from imaging.muscles import (
    SIDE_CODES,
    SIDES,
    Side,
    catalogue,
    is_known,
    label_of,
    structure_of,
)

MOST_NUMBER = 30_000
"""Numbers of a label map are no larger."""
_TOLD = {"name", "key", "abbreviation"}
_MARKS: Mapping[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}


@dataclass(frozen=True)
class Meaning:
    """What a number of a label map means, by a look-up table or the name of a segment.

    Attributes
    ----------
    name : str
        As given.
    label : int or None
        Of the catalogue, 0 for background; None where the catalogue does not know the name.
    """

    name: str
    label: int | None


def catalogue_labels(meanings: Mapping[int, Meaning], path: str | Path) -> dict[int, int]:
    """Return the label of the catalogue of each number.

    Raises
    ------
    LabelError
        A name is not in the catalogue; `path` is where it was read.
    """
    out = {}
    for number, meaning in meanings.items():
        if meaning.label is None:
            raise _unknown(meaning.name, path)
        out[number] = meaning.label
    return out


def load_meanings(path: str | Path) -> dict[int, Meaning]:
    r"""Read a look-up table of a label map: tab-separated, one row per number.

    Column ``index`` is the number. What it means is told by ``name``, by ``key`` or
    ``abbreviation`` (a key of the catalogue), and ``side``; or by the index alone, where that is a
    label of the catalogue with a side. See :func:`label_of_name` for names.

    Raises
    ------
    MissingFileError
        No such file.
    LabelError
        It is no table, columns are missing, an index is no whole number or given twice, or index,
        name, key and side contradict each other.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "dseg.tsv")
    ...     _ = path.write_text("index\tname\n3\tleft SOL\n4\tnew muscle\n", encoding="utf-8")
    ...     {number: meaning.label for number, meaning in load_meanings(path).items()}
    {3: 109, 4: None}
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such look-up table", path, "Check the path")
    out: dict[int, Meaning] = {}
    for row in _rows(path):
        number = _number(row["index"], path)
        key = row.get("key", "") or row.get("abbreviation", "")
        meaning = meaning_of(number, row.get("name", ""), key, row.get("side", ""), path)
        if out.setdefault(number, meaning) != meaning:
            raise LabelError(
                f"index {number} is given twice, as {out[number].name!r} and {meaning.name!r}",
                path,
                "Leave one out",
            )
    return out


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table with their columns in lower case, empty where nothing is said."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        head = text.partition("\n")[0]
        apart = next((mark for mark in "\t;," if mark in head), "\t")
        first, *others = list(csv.reader(io.StringIO(text), delimiter=apart, strict=True)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(
            "cannot be read as a table", path, "Save it as tab-separated text, UTF-8"
        ) from error
    columns = [cell.strip().lower() for cell in first]
    told = _TOLD & set(columns)
    if missing := {"index"} - set(columns) or (set() if told else {"name"}):
        raise LabelError(f"lacks the columns {sorted(missing)}", path, "Give index and name")
    if len(set(columns)) < len(columns):
        raise LabelError("has two columns of one name", path, "Leave one out")
    rows = []
    for cells in ([_cell(c) for c in row] for row in others):
        if any(cells[len(columns) :]):
            raise LabelError(
                f"the row {cells[:3]} has too many cells", path, "Separate the cells by tabs"
            )
        if any(cells):
            rows.append(dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False)))
    return rows


def _cell(value: str) -> str:
    text = " ".join(value.split())
    return "" if text.lower() in ("n/a", "nan", "none") else text


def _number(text: str, path: Path) -> int:
    try:
        number = float(text)
        if number.is_integer() and 0 <= number <= MOST_NUMBER:
            return int(number)
    except ValueError:
        pass
    raise LabelError(
        f"index {text!r} is not a whole number of 0 or more", path, "Give the label's number"
    )


def meaning_of(number: int, name: str, key: str, side: str, path: str | Path) -> Meaning:
    """Return what a number means by all that is said of it; empty texts say nothing.

    Raises
    ------
    LabelError
        What is said contradicts itself, or nothing is said; names both sides of it.
    """
    shown = name or key
    told = {text: _label(text) for text in (name, key) if text}
    known = {text: label for text, label in told.items() if label is not None}
    own = number if number >= 100 and is_known(number) else None
    if not told:
        if own is None and number:
            raise LabelError(f"index {number} has no name", path, "Give it one")
        return Meaning("background" if own is None else structure_of(number).name, own or 0)
    if not known:
        return Meaning(shown, None)
    if len({label % 100 for label in known.values()}) > 1:
        raise _contradiction(number, name, f"key {key!r}", path)
    label = max(known.values())  # a name with a side beside a key without
    if label == 0:
        return Meaning(shown, 0)
    sides = {label // 100 for label in known.values() if label >= 100}
    if code := SIDE_CODES.get(_MARKS.get(side.lower(), "undecided"), 0):
        sides.add(code)
    if len(sides) > 1:
        raise _contradiction(number, shown, f"side {side or key!r}", path)
    label = label % 100 + 100 * (sides.pop() if sides else 0)
    if own is not None and own != label and (label >= 100 or own % 100 != label):
        meant = f"{SIDES[own // 100]} {structure_of(own).name}"
        raise _contradiction(number, shown, f"label {number} of the catalogue, {meant}", path)
    return Meaning(shown, label if own is None else own)


def _contradiction(number: int, name: str, other: str, path: str | Path) -> LabelError:
    return LabelError(
        f"index {number}: the name {name!r} contradicts the {other}",
        path,
        "Correct one of them; numbers of your own are free below 100",
    )


def label_of_name(name: str, path: str | Path | None = None) -> int:
    """Return the label of a name such as ``left SOL`` or ``soleus_r``; 0 for background.

    A name is a key or a name of the catalogue in any case, with ``left`` or ``right`` anywhere or
    ``l`` or ``r`` in front or behind, parted by spaces, commas, ``_`` or brackets.

    Raises
    ------
    LabelError
        The name is not in the catalogue; `path` is where it was read.
    """
    label = _label(name)
    if label is None:
        raise _unknown(name, path)
    return label


def _unknown(name: str, path: str | Path | None) -> LabelError:
    return LabelError(
        f"the name {name!r} is not in the catalogue", path, "Use keys such as left SOL"
    )


def _label(name: str) -> int | None:
    """Return the label of a name; None where the catalogue does not know it."""
    words = re.sub(r"[\s_,;()\[\]]+", " ", name.lower()).split()
    if " ".join(words) in ("background", "clear label", ""):
        return 0
    side: Side = "undecided"
    for n, word in enumerate(words):
        if word in ("left", "right") or (word in _MARKS and n in (0, len(words) - 1)):
            side, words = _MARKS[word], words[:n] + words[n + 1 :]
            break
    wanted = " ".join(words)
    for s in catalogue():
        if wanted in (s.key.lower(), s.name.lower()):
            return label_of(s.key, side)
    return None
