"""Tables of the group as files: a row per muscle of every session, with their data dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from imaging.musclemap.read.tables import in_view
from imaging.musclemap.table import dictionary, wide
from imaging.report.group.subjects import Subject

IDENTITY = {
    "participant_id": {"Description": "Participant"},
    "session_id": {"Description": "Session"},
}


def group_table(subjects: Sequence[Subject]) -> pd.DataFrame:
    """Return one row per session and muscle; columns as in a person's wide table."""
    frames = []
    for subject in subjects:
        frame = wide(in_view(subject.measures), subject.names).copy()
        for place, (name, value) in enumerate(subject.entities.items()):
            frame.insert(place, name, value)
        frames.append(frame.astype(object))
    table = pd.concat(frames, ignore_index=True)
    return table[list(group_dictionary(subjects)["Columns"])]


def group_dictionary(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Return the data dictionary of the group table."""
    return {"Columns": IDENTITY | dictionary([m for s in subjects for m in in_view(s.measures)])}
