"""What a model calls a structure, in the words of the catalogue.

Models name muscles as their makers like it: ``Extensor Longus Digitorum_R``, ``PB/PL``,
``medial gastrocnemius``. Words are compared without their order; a name that is not known is never
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from imaging.errors import LabelError, MissingFileError
from imaging.muscles import SIDE_CODES, Side, catalogue, label_of, structure
from imaging.own_tables import own_rows
from imaging.schemes import SchemeLabel, load_scheme, scheme_names

_SIDES: Mapping[str, Side] = {"left": "left", "l": "left", "right": "right", "r": "right"}
_SAME = {
    "fibularis": "peroneus", "fibular": "peroneus", "peroneal": "peroneus", "medial": "medialis",
    "lateral": "lateralis", "gastroc": "gastrocnemius", "post": "posterior", "ant": "anterior",
    "long": "longus", "short": "brevis",
}  # fmt: skip
_FILLERS = {"muscle", "muscles", "musculus", "m", "the", "and", "of", "head", "compt"}
_BACKGROUND = {"background", "bg", "clear label", "none", ""}


@dataclass(frozen=True)
class LabelTable:
    """What each label of a model means.

    Attributes
    ----------
    labels : dict of int to int
        Label of the model → label of the catalogue; 0 for what lies outside it.
    names : dict of int to str
        Label of the model → what the model calls it.
    scheme : str
        Where it was taken from.
    """

    labels: Mapping[int, int]
    names: Mapping[int, str]
    scheme: str

    def outside(self) -> tuple[str, ...]:
        """Return names of structures that the catalogue does not have."""
        names = (self.names[v] for v, label in self.labels.items() if label == 0)
        return tuple(n for n in names if n.lower() not in _BACKGROUND)

    def note(self) -> str:
        """Return a sentence on what is left out, or an empty text."""
        left_out = self.outside()
        return f"Outside the catalogue and left out: {', '.join(left_out)}." if left_out else ""


def label_of_foreign_name(name: str) -> int | None:
    """Return the catalogue label of a model's name; 0 for background, None if not known.

    Parameters
    ----------
    name
        For example ``left soleus``, ``Soleus_R``, ``EDL/EHL/PT`` or ``fibularis longus``.
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).split()
    if " ".join(words) in _BACKGROUND:
        return 0
    side, words = _take_side(words)
    key = _key(words)
    return None if key is None else label_of(key, side)


def _take_side(words: list[str]) -> tuple[Side, list[str]]:
    """Split the side off: written out anywhere, as one letter only in front or behind."""
    for n, word in enumerate(words):
        if word in ("left", "right") or (word in ("l", "r") and n in (0, len(words) - 1)):
            return _SIDES[word], words[:n] + words[n + 1 :]
    return "undecided", words


def _key(words: list[str]) -> str | None:
    bag = frozenset(w for w in words if w not in _FILLERS) or frozenset(words)
    for s in catalogue():
        if bag == frozenset(s.key.lower().split("+")):
            return s.key
    return _synonyms().get(_bag(words))


def _bag(words: list[str]) -> frozenset[str]:
    """Return the words of a name without order, fillers and spelling variants."""
    bag = frozenset(_SAME.get(w, w) for w in words if w not in _FILLERS)
    return bag or frozenset(words)


@cache
def _synonyms() -> dict[frozenset[str], str]:
    """Return names of the catalogue and of ``structure_synonyms.tsv`` as bags of words."""
    rows = [(s.name, s.key) for s in catalogue()]
    rows += [(row["name"], row["key"]) for row in own_rows("structure_synonyms.tsv")]
    return {_bag(re.sub(r"[^a-z0-9]+", " ", n.lower()).split()): structure(k).key for n, k in rows}


def table_of_names(names: Mapping[int, str], source: str | Path) -> LabelTable:
    """Return the table of a model that names its own labels.

    Raises
    ------
    LabelError
        None of the names is in the catalogue, so the model is not one of the lower leg or speaks
        another language.
    """
    found = {value: label_of_foreign_name(name) for value, name in names.items()}
    if not any(found.values()):
        raise LabelError(
            f"none of its labels is known: {', '.join(list(names.values())[:6])}",
            source,
            "Give a model of the lower leg, or a table label, name, key, side as the scheme",
        )
    return LabelTable({v: label or 0 for v, label in found.items()}, dict(names), "its own names")


def table_of_scheme(scheme: str) -> LabelTable:
    """Return the table of a named scheme, or of a file in the same form.

    Raises
    ------
    MissingFileError, LabelError
        No such scheme or file, or it cannot be used.
    """
    if scheme in scheme_names():
        rows, name = load_scheme(scheme), scheme
    else:
        rows, name = _rows_of_file(Path(scheme)), Path(scheme).name
    labels = {r.label: _label_of_row(r) for r in rows}
    return LabelTable(labels, {r.label: r.name for r in rows}, name)


def _label_of_row(row: SchemeLabel) -> int:
    if not row.key:
        return 0
    side = "undecided" if row.side in ("none", "") else row.side
    if side not in SIDE_CODES:
        raise LabelError(f"the side {side!r} is not left, right or none", None, "Correct the table")
    return label_of(row.key, cast(Side, side))


def _rows_of_file(path: Path) -> tuple[SchemeLabel, ...]:
    if not path.is_file():
        raise MissingFileError(
            "no such label scheme", path, f"Give a table or one of {', '.join(scheme_names())}"
        )
    import pandas as pd  # for a table of the user only

    frame = pd.read_csv(path, sep="\t", comment="#", keep_default_na=False)
    if missing := {"label", "name", "key"} - set(frame.columns):
        raise LabelError(
            f"lacks the columns {sorted(missing)}", path, "Give label, name, key, side"
        )
    return tuple(
        SchemeLabel(int(r["label"]), str(r["name"]), str(r["key"]), str(r.get("side", "none")), "")
        for r in frame.to_dict("records")
    )
