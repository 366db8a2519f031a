"""Codes of structures, quantities and units, each looked up in the dictionaries of pydicom.

Muscles have the codes of ISO/IEEE 11073-10101 in context group 3031 of DICOM PS3.16, which tells
left from right; bones, skin and fat those of SNOMED CT. What no dictionary has (peroneus tertius,
flexor hallucis longus, merged muscles) keeps the general code and its label in words.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from imaging.muscles import Structure, side_of

_SIDED = "MDC"
_SIDES = {"left": "Left", "right": "Right"}


@dataclass(frozen=True)
class Quantity:
    """What a voxel map holds: code (None where no dictionary has one), UCUM unit and factor."""

    code: Any | None
    unit: Any
    factor: float


def code(scheme: str, keyword: str) -> Any:
    """Return a code of a dictionary of pydicom.

    Raises
    ------
    AttributeError
        The dictionary has no such code.

    Examples
    --------
    >>> code("MDC", "MusculusSoleusLeft").value
    '7:933'
    """
    from pydicom.sr.codedict import codes

    return getattr(getattr(codes, scheme), keyword)


def unit(text: str) -> Any:
    """Return a UCUM unit of a dictionary of pydicom by its value.

    Raises
    ------
    KeyError
        The dictionary has no such unit.

    Examples
    --------
    >>> unit("mm2/s").meaning
    'mm2/s'
    """
    from pydicom.sr.codedict import codes

    found = {c.value: c for c in (getattr(codes.UCUM, name) for name in codes.UCUM.dir())}
    return found[text]


def category(structure: Structure) -> Any:
    """Return the category of a segment."""
    return code("SCT", "Tissue" if structure.tissue == "fat" else "AnatomicalStructure")


def kind(structure: Structure) -> Any:
    """Return the general code of a structure: muscle of the lower limb, or the bone itself."""
    row = _structures().get(structure.key)
    if row is None or row[0] == _SIDED:
        return code("SCT", "MuscleOfLowerLimb")
    return code(*row)


def own_region(label: int, structure: Structure) -> Any | None:
    """Return the code of one muscle on one side, None where no dictionary has it."""
    row = _structures().get(structure.key)
    if row is None or row[0] != _SIDED:
        return None
    return code(_SIDED, row[1] + _SIDES.get(side_of(label), ""))


def laterality(label: int) -> Any | None:
    """Return the code of the side of a label, None where it is not known."""
    side = _SIDES.get(side_of(label))
    return None if side is None else code("SCT", side)


def quantity(name: str) -> Quantity | None:
    """Return what a map holds; None where it is no measurement for DICOM.

    Parameters
    ----------
    name
        Of the layer, such as ``fa``; of stiffness its quantity, such as ``storage_modulus``.
    """
    row = _quantities().get(name)
    if row is None:
        return None
    found = None if row["scheme"] == "n/a" else code(row["scheme"], row["keyword"])
    return Quantity(found, unit(row["unit"]), float(row["factor"]))


@cache
def _structures() -> dict[str, tuple[str, str]]:
    return {r["key"]: (r["scheme"], r["keyword"]) for r in _rows("dicom_structures.tsv")}


@cache
def _quantities() -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in _rows("dicom_quantities.tsv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("imaging") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))
