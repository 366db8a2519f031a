"""The stage that a measure or layer comes from, by which the viewer's menus are grouped."""

from __future__ import annotations

from collections.abc import Iterator

from imaging.musclemap.inputs import STAGE_TITLES
from imaging.musclemap.table import definition_of, measure_of_column

# In the order of the menus.
_TITLES = {
    "anat": "Anatomy",
    "fibre": STAGE_TITLES["fibre"],
    "comp": STAGE_TITLES["comp"],
    "mre": STAGE_TITLES["mre"],
    "us": STAGE_TITLES["us"],
    "dwi": STAGE_TITLES["dwi"],
    "func": STAGE_TITLES["func"],
    "map": "Stages joined",
}
# How names of layers, and of what fascicles have of them, begin; what has no such beginning is a
# figure of fascicles themselves. Longest first where one begins another.
_BEGINNINGS = {
    "stiffness_swe": "us", "stiffness": "mre",
    "fat_fraction": "comp", "t2": "comp", "fa": "dwi", "md": "dwi", "ad": "dwi", "rd": "dwi",
    "b0": "dwi", "snr": "dwi", "dispersion": "dwi",
    "activation": "func", "force": "func", "confidence": "anat",
}  # fmt: skip


def group_titles() -> list[str]:
    """Return the titles of all groups in the order of the menus."""
    return list(_TITLES.values())


def group_of_column(column: str) -> str:
    """Return the title of the group of a column of the wide table."""
    found = measure_of_column(column)
    definition = None if found is None else definition_of(found[0])
    return _TITLES["map"] if definition is None else _TITLES[definition.stage]


def group_of_layer(name: str) -> str:
    """Return the title of the group of a layer, or of a figure of fascicles."""
    return _TITLES[next(_stages_of(name), "fibre")]


def _stages_of(name: str) -> Iterator[str]:
    return (stage for start, stage in _BEGINNINGS.items() if f"{name}_".startswith(f"{start}_"))
