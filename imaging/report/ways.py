"""How a figure was taken, where its value depends on that: only like is held against like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from imaging.measures import Measure
from imaging.musclemap.table import definition_of, title_of
from imaging.musclemap.titles import capital

_HERTZ = re.compile(r"\bat ([\d.+]+) Hz")
_METHOD = re.compile(r"stiffness_[a-z]+_")


def way_of_figure(measure: Measure) -> str:
    """Return how a figure was taken; empty where its note names no way that matters.

    Waves: the frequency, such as ``at 40+60 Hz``. Composition: the last clause of the note.
    """
    if found := _HERTZ.search(measure.note):
        return f"at {found[1]} Hz"
    known = definition_of(measure.measure)
    way = measure.note.split(";")[-1].strip() if known and known.stage == "comp" else ""
    return f"by {way}" if way else ""


def ways_of(measures: Sequence[Measure]) -> list[str]:
    """Return how each figure of one person was taken.

    A stiffness whose note names no frequency was taken as the others of its method.
    """
    own = [way_of_figure(m) for m in measures]
    methods = {
        found[0]: way
        for m, way in zip(measures, own, strict=True)
        if way and (found := _METHOD.match(m.measure))
    }
    return [
        way or (methods.get(found[0], "") if (found := _METHOD.match(m.measure)) else "")
        for m, way in zip(measures, own, strict=True)
    ]


def usual_way(ways: Iterable[str]) -> str:
    """Return the most frequent way, the last by its name among equals; empty without any."""
    count = Counter(way for way in ways if way)
    return max(count, key=lambda way: (count[way], way), default="")


def kept_apart(ways: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a sentence on each set of measures whose figures were taken in several ways.

    Parameters
    ----------
    ways
        Measure to the way of each session that has it.
    """
    alike: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for name, of_sessions in sorted(ways.items()):
        count = Counter(way or "in an unnamed way" for way in of_sessions)
        if len(count) > 1:
            key = tuple(sorted(count.items(), key=lambda c: (-c[1], c[0])))
            alike.setdefault(key, []).append(title_of(name))
    return [
        f"{capital(', '.join(titles))}: {'; '.join(f'{way}, n {n}' for way, n in key)}."
        for key, titles in alike.items()
    ]
