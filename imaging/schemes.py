"""Translation of foreign label schemes into the catalogue; one table per scheme and version.

A table (``imaging/data/schemes/<scheme>.tsv``) has the columns label, name, key, side, note. An
empty key is a structure outside the catalogue (it becomes background). A merged label keeps the
key of its group; several labels may be parts of one muscle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from imaging.errors import LabelError
from imaging.muscles import (
    SIDE_CODES,
    Side,
    catalogue,
    label_of,
    structure,
)
from imaging.own_tables import own_rows

CATALOGUE = "catalogue"


@dataclass(frozen=True)
class SchemeLabel:
    """One row of a scheme: what a foreign label means.

    Attributes
    ----------
    label : int
        The foreign label.
    name : str
        Its name in the scheme.
    key : str
        Key of the catalogue; empty where the catalogue has no such structure.
    side : str
        left, right, or none where the scheme does not tell sides.
    note : str
        What is merged, partial, or means something else in another version.
    """

    label: int
    name: str
    key: str
    side: str
    note: str


def scheme_names() -> tuple[str, ...]:
    """Return the names of all schemes, ``catalogue`` first."""
    folder = resources.files("imaging") / "data" / "schemes"
    names = sorted(p.name.removesuffix(".tsv") for p in folder.iterdir() if p.name.endswith(".tsv"))
    return (CATALOGUE, *names)


@cache
def load_scheme(name: str) -> tuple[SchemeLabel, ...]:
    """Return the rows of a scheme.

    Raises
    ------
    LabelError
        No such scheme.
    """
    if name == CATALOGUE:
        return tuple(
            SchemeLabel(100 * code + s.index, s.name, s.key, side if code else "none", "")
            for side, code in SIDE_CODES.items()
            for s in catalogue()
        )
    if name not in scheme_names():
        raise LabelError(f"no label scheme {name!r}", None, f"Use one of {list(scheme_names())}")
    rows = tuple(
        SchemeLabel(int(row["label"]), row["name"], row["key"], row["side"], row["note"])
        for row in own_rows("schemes", f"{name}.tsv")
    )
    for row in rows:
        if row.key:
            structure(row.key)
    return rows


def translate(labels: NDArray[Any], scheme: str, side: Side = "undecided") -> NDArray[np.int16]:
    """Translate a label map of a scheme into labels of the catalogue.

    Parameters
    ----------
    labels : array of int
        Labels of the scheme, 0 background.
    scheme
        Name of the scheme.
    side
        Side of labels to which the scheme gives none.

    Returns
    -------
    array of int16
        100·side + index of the catalogue, same shape.

    Raises
    ------
    LabelError
        A label that the scheme does not explain.
    """
    table = {}
    for row in load_scheme(scheme):
        row_side = side if row.side == "none" else cast(Side, row.side)
        table[row.label] = label_of(row.key, row_side) if row.key else 0
    return relabel(labels, table, f"the scheme {scheme}")


def relabel(labels: NDArray[Any], table: dict[int, int], source: str | Path) -> NDArray[np.int16]:
    """Replace labels by those of a table; 0 stays 0.

    Raises
    ------
    LabelError
        A label that is not in the table.
    """
    values, inverse = np.unique(labels, return_inverse=True)
    table = {**table, 0: 0}
    if unknown := [int(v) for v in values if int(v) not in table]:
        raise LabelError(f"labels {unknown} are not explained", source, "Check scheme and version")
    return np.array([table[int(v)] for v in values], np.int16)[inverse].reshape(labels.shape)
