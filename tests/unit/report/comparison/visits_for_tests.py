"""Visits in memory."""

from __future__ import annotations

from imaging.measures import Measure, Notes, not_measured
from imaging.musclemap.read.notes import MapNotes
from imaging.muscles import label_of
from imaging.report.comparison.repeatability import Repeatability, RepeatabilityTable
from imaging.report.comparison.visits import Visit

TA, SOL, LEFT_TA, LEFT_SOL = (
    label_of(key, side) for side in ("right", "left") for key in ("TA", "SOL")
)
TABLE = RepeatabilityTable(
    (
        Repeatability("volume", ("all",), "ml", "percent", 1.0, 30, "digital leg", "test"),
        Repeatability("volume", ("SOL",), "ml", "percent", 2.0, 30, "digital leg", "test"),
        Repeatability("fascicle_length", ("all",), "mm", "absolute", 1.0, 30, "people", "test"),
    )
)


def visit(
    session: str, *measures: Measure, sub: str = "01", notes: MapNotes | None = None
) -> Visit:
    """A visit that shows both muscles of the measures' sides."""
    return Visit(f"sub-{sub}_ses-{session}", list(measures), notes or MapNotes())


def volume(label: int, value: float | None, note: str = "network", n: int = 1000) -> Measure:
    if value is None:
        return not_measured(label, "volume", "ml", note)
    return Measure(label, "volume", value, "ml", n, note=note)


def length(label: int, value: float, half: float | None = None, status: str = "measured"):
    low, high = (None, None) if half is None else (value - half, value + half)
    return Measure(label, "fascicle_length", value, "mm", 50, None, low, high, status)


def coverage(label: int, whole: bool) -> Measure:
    return Measure(label, "coverage", float(whole), "1")


def notes(provenance: dict | None = None, **facts: dict) -> MapNotes:
    stages = [Notes(stage, "Done.", (), (), own) for stage, own in facts.items()]
    return MapNotes(stages, {}, provenance or {})


def made(verb: str, version: str = "0.1.0", **settings: object) -> dict[str, object]:
    return {"GeneratedBy": {"Command": f"pennate {verb}", "Version": version}, "Settings": settings}
