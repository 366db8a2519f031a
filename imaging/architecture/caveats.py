"""What is known against the tensors that fascicles come from, carried to their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from imaging.architecture.muscle import MuscleArchitecture
from imaging.measures import Measure, Notes

UNDECIDED_TABLE = "gradient table undecided"


def table_caveat(sidecar: Mapping[str, Any]) -> str:
    """Return what to say of figures from tensors whose gradient table may be wrong, else nothing.

    Parameters
    ----------
    sidecar
        Of the tensor; ``GradientTable`` is ok, corrected, undecided or not_checked.
    """
    return UNDECIDED_TABLE if sidecar.get("GradientTable") == "undecided" else ""


def with_caveat(results: Sequence[MuscleArchitecture], caveat: str) -> list[MuscleArchitecture]:
    """Return muscles with a caveat in the note of every figure that has a value."""
    return [replace(r, measures=[_noted(row, caveat) for row in r.measures]) for r in results]


def caveat_notes(notes: Notes, caveat: str) -> Notes:
    """Return the notes of the stage with a caveat among their warnings."""
    if not caveat:
        return notes
    warning = (
        f"The tensors' {caveat}: directions, and every figure of fascicles, hold only if the "
        "table is right. See the notes of the diffusion stage."
    )
    return replace(notes, warnings=[*notes.warnings, warning])


def _noted(row: Measure, caveat: str) -> Measure:
    if not caveat or row.value is None:
        return row
    return replace(row, note="; ".join(filter(None, (row.note, caveat))))
