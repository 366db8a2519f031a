"""Names, colours and codes of labels, as BIDS, 3D Slicer and ITK-SNAP read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imaging.formats.nrrd import Segment
from imaging.image import Image
from imaging.muscles import Names, Side, shown_of, side_and_name, side_of, structure_of
from imaging.palette import muscle_colour

# Codes of SNOMED CT as DICOM PS3.16 lists them; a test compares them with pydicom's dictionary.
_STRUCTURE, _TISSUE = "SCT^91723000^Anatomical Structure", "SCT^85756007^Tissue"
_KINDS = {
    "TIB": "SCT^12611008^Tibia",
    "FIB": "SCT^87342007^Fibula",
    "SAT": "SCT^71966008^Subcutaneous tissue",
    "SKIN": "SCT^39937001^Skin",
}
# No dictionary of DICOM has a SNOMED code of each muscle of the leg: its name says which it is.
_MUSCLE = "SCT^102292000^Muscle of lower limb"
_SIDES: dict[Side, str] = {
    "left": "SCT^7771000^Left", "right": "SCT^24028007^Right", "undecided": "^^",
}  # fmt: skip
_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_ANATOMY = "Anatomic codes - DICOM master list"
_ITK_SNAP = (
    "# ITK-SnAP Label Description File",
    "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
    '0 0 0 0 0 0 0 "Clear Label"',
)


def segments(labels: Image, names: Names) -> list[Segment]:
    """Return what every label of a map is called, its colour and its codes, labels ascending."""
    present = [int(v) for v in np.unique(labels.data) if v]
    return [
        Segment(v, side_and_name(v, names), muscle_colour(v), terminology(v, names))
        for v in present
    ]


def terminology(label: int, names: Names) -> str:
    """Return the codes of a label in the form of 3D Slicer: the general code of its kind, and side.

    Examples
    --------
    >>> terminology(221, {}).split("~")[1:4]
    ['SCT^91723000^Anatomical Structure', 'SCT^12611008^Tibia', 'SCT^24028007^Right']
    """
    part = structure_of(label, names)
    category = _TISSUE if part.tissue == "fat" else _STRUCTURE
    kind = _KINDS.get(part.key, _MUSCLE) if not part.is_muscle else _MUSCLE
    return "~".join([_CONTEXT, category, kind, _SIDES[side_of(label)], _ANATOMY, "^^", "^^"])


def bids_table(found: Sequence[Segment], names: Names) -> pd.DataFrame:
    """Return the look-up table of a label map in the columns of BIDS."""
    return pd.DataFrame(
        {
            "index": [s.value for s in found],
            "name": [_one_line(s.name) for s in found],
            "abbreviation": [_one_line(shown_of(s.value, names).key) for s in found],
            "color": ["#{:02X}{:02X}{:02X}".format(*s.colour) for s in found],
        }
    )


def slicer_table(found: Sequence[Segment]) -> str:
    """Return a colour table of 3D Slicer (``.ctbl``): number, name without spaces, colour."""
    rows = ["# Color table", "0 background 0 0 0 0"]
    for s in found:
        name = "_".join(s.name.split())
        rows.append(f"{s.value} {name} {' '.join(map(str, s.colour))} 255")
    return "\n".join([*rows, ""])


def itk_snap_table(found: Sequence[Segment]) -> str:
    """Return a label description file of ITK-SNAP; its names stand in quotes and hold none."""
    rows = list(_ITK_SNAP)
    for s in found:
        name = _one_line(s.name).replace('"', "'")
        rows.append(f'{s.value} {" ".join(map(str, s.colour))} 1 1 1 "{name}"')
    return "\n".join([*rows, ""])


def _one_line(text: str) -> str:
    return " ".join(text.split())
