"""Tables of the group as files: a row per muscle of every session, and every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from imaging.measures import COLUMNS
from imaging.musclemap.headline import headline, headline_dictionary
from imaging.musclemap.read.tables import in_view
from imaging.musclemap.table import dictionary
from imaging.muscles import shown_of, side_of
from imaging.report.group.subjects import Subject

IDENTITY = {
    "participant_id": {"Description": "Participant"},
    "session_id": {"Description": "Session"},
}


def muscle_table(subjects: Sequence[Subject]) -> pd.DataFrame:
    """Return one row per session and muscle; columns as in a person's readable table."""
    frames = [s.muscles.assign(**s.entities).astype(object) for s in subjects]
    table = pd.concat(frames, ignore_index=True)
    # The table of one person lacks the columns that none of the muscles has a value for.
    return headline(table[[c for c in _columns(subjects) if c in table.columns]])


def muscle_dictionary(subjects: Sequence[Subject], table: pd.DataFrame) -> dict[str, Any]:
    """Return the data dictionary of :func:`muscle_table`."""
    return {"Columns": headline_dictionary(_columns(subjects), table)}


def _columns(subjects: Sequence[Subject]) -> dict[str, Any]:
    return IDENTITY | dictionary([m for s in subjects for m in in_view(s.measures)])


def long_table(subjects: Sequence[Subject]) -> pd.DataFrame:
    """Return every figure of every session: who, muscle, side, and the columns of a long table."""
    rows = [
        {
            **s.entities,
            "muscle": shown_of(m.label, s.names).key if m.label else "n/a",
            "side": side_of(m.label) if m.label else "n/a",
            **{c: getattr(m, c) for c in COLUMNS},
        }
        for s in subjects
        for m in s.measures
    ]
    table = pd.DataFrame(rows, columns=[*IDENTITY, "muscle", "side", *COLUMNS])
    return table.astype({"n": "Int64"})
