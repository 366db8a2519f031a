"""Names of lower-leg muscles in OpenSim models, as ``imaging/data/opensim_names.tsv`` has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from imaging.errors import InputError
from imaging.muscles import Side, label_of

_SIDES: Mapping[str, Side] = {"_l": "left", "_r": "right"}


def label_in_map(name: str) -> int | None:
    """Return the label of a model's muscle; None where the table does not know its name.

    Examples
    --------
    >>> label_in_map("soleus_r"), label_in_map("med_gas_l"), label_in_map("glmax1_r")
    (209, 107, None)
    """
    side = _SIDES.get(name[-2:])
    key = _keys().get(name[:-2])
    return None if side is None or key is None else label_of(key, side)


def labels_in_map(names: Iterable[str]) -> dict[str, int]:
    """Return the label of every muscle that the table knows, in the order of the model.

    Raises
    ------
    InputError
        The model has one muscle under two names.
    """
    found: dict[str, int] = {}
    for name in names:
        label = label_in_map(name)
        if label is None:
            continue
        if label in found.values():
            other = next(n for n, v in found.items() if v == label)
            raise InputError(
                f"the model names one muscle twice: {other} and {name}", None, "Rename one of them"
            )
        found[name] = label
    return found


@cache
def _keys() -> dict[str, str]:
    text = (resources.files("imaging") / "data" / "opensim_names.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["model"]: row["key"] for row in rows}
