"""The readable table of muscles: the measures that most people ask for, 40 columns at most.

Which ones stands in the dictionary of measures (``headline``); every figure, with spread, count and
interval, is in the long table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from imaging.musclemap.table import definition_of, measure_of_column

_IDENTITY = ("label", "muscle", "name", "side")
# Who the muscles are of, in the table of a group.
_PERSON = ("participant_id", "session_id")


def is_headline(measure: str) -> bool:
    """Tell whether a measure is among those of the readable table."""
    found = definition_of(measure)
    return found is not None and found.headline


def headline(wide: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the wide table for readers: value and status of headline measures.

    A measure that no muscle has a value of has no column.
    """
    chosen = [c for c in (*_PERSON, *_IDENTITY) if c in wide.columns]
    for column in map(str, wide.columns):
        known = measure_of_column(column)
        if known is not None and is_headline(known[0]) and wide[column].notna().any():
            chosen += [column, f"{column}_status"]
    return wide[chosen]


def headline_dictionary(columns: Mapping[str, Any], table: pd.DataFrame) -> dict[str, Any]:
    """Return what the columns of the readable table mean, from the wide table's dictionary."""
    return {str(c): columns[str(c)] for c in table.columns}
