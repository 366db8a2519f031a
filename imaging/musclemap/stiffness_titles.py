"""Words for stiffness maps (``imaging/data/stiffness_maps.tsv``): title, unit, meaning."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

#: Methods as they are called on pages.
METHODS = {
    "mdev": "MDEV",
    "curl": "curl",
    "kmdev": "k-MDEV",
    "vfm": "virtual fields",
    "ti": "fibre-aware",
    "swe": "ultrasound",
    "ready": "ready map",
}


@cache
def known_maps() -> dict[str, dict[str, str]]:
    """Return title, unit and meaning of the known maps by their key: ``mdev``, ``ti_muperp`` ..."""
    with resources.as_file(resources.files("imaging") / "data" / "stiffness_maps.tsv") as path:
        frame = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
    rows = frame.to_dict("records")
    return {str(row["name"]): {str(k): str(v) for k, v in row.items()} for row in rows}


def title_of_map(key: str) -> str:
    """Return the title of a map, or of a method, for readers; unknown keys keep their words."""
    known = known_maps().get(key)
    return known["title"] if known else METHODS.get(key, key.replace("_", " "))
