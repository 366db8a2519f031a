"""Points of a figure by visit, and which visits of a person a line may join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imaging.report.group.boxes import Point, Strip
from imaging.report.group.headline import Column
from imaging.report.group.subjects import Subject
from imaging.report.muscle_tables import number

_MOST_NAMES = 6


def visit_titles(subjects: Sequence[Subject]) -> list[str]:
    """Return the visit that each session is; empty where nobody came twice.

    By the name of the session, or, where every person has names of its own, by their order: names
    need not tell which came first.
    """
    persons = [s.participant for s in subjects]
    if len(set(persons)) == len(persons):
        return [""] * len(subjects)
    names = [s.session for s in subjects]
    if len(set(names)) <= _MOST_NAMES:
        return ["no session" if name == "n/a" else name for name in names]
    out = []
    for k, who in enumerate(persons):
        own = sorted(names[n] for n, other in enumerate(persons) if other == who)
        out.append(f"{own.index(names[k]) + 1} by name")
    return out


def strips(
    column: Column,
    subjects: Sequence[Subject],
    factor: float,
    unit: str,
    links: Mapping[str, Mapping[str, str]],
) -> list[Strip]:
    """Return the points of a figure, one strip per visit."""
    points: dict[str, list[Point]] = {}
    for k, (entry, visit) in enumerate(zip(column.entries, visit_titles(subjects), strict=True)):
        if entry.value is None:
            continue
        value, s = entry.value * factor, subjects[k]
        who = " ".join(s.prefix.split("_"))
        far = f", outlier ({entry.score:+.1f})" if entry.is_outlier else ""
        name = f"{who}: {number(value)} {unit}".strip() + far
        link = links.get(s.prefix, {}).get("page", "")
        points.setdefault(visit, []).append(Point(value, name, k, link, entry.is_outlier))
    return [Strip(visit, own) for visit, own in sorted(points.items())]


def joined(column: Column, subjects: Sequence[Subject]) -> list[tuple[int, int]]:
    """Return pairs of rows: one visit and the next of a person, both of the same legs."""
    last: dict[str, int] = {}
    out = []
    for k, (entry, subject) in enumerate(zip(column.entries, subjects, strict=True)):
        if entry.value is None:
            continue
        before = last.get(subject.participant)
        if before is not None and column.entries[before].legs == entry.legs:
            out.append((before, k))
        last[subject.participant] = k
    return out
