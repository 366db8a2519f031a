"""About ten figures of each participant and session, and those of quality: one row for each.

Which they are is in ``imaging/data/group.tsv``. Volumes count where the muscle is wholly in view;
a leg's sum counts where the leg has the muscles that most legs have: any other is of other things.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd

from imaging.measures import Measure
from imaging.musclemap.table import column_name
from imaging.musclemap.titles import shown_unit
from imaging.muscles import Names, shown_of, side_of, single_keys
from imaging.report.group.outliers import OUTLIER_SCORE, chance_of_outlier, robust_scores
from imaging.report.group.subjects import Subject
from imaging.report.group.tables import IDENTITY
from imaging.report.muscle_tables import number
from imaging.report.ways import usual_way, way_of_figure

HEADLINE, QUALITY = "headline", "quality"
# From what was seen to what was supposed: a figure is no better than the worst of its parts.
_STATUSES = ("measured", "extrapolated", "modelled", "assumed")
_CUT = "cut by the edge of the field of view"


@dataclass(frozen=True)
class Figure:
    """One row of ``imaging/data/group.tsv``.

    Attributes
    ----------
    key, title, definition : str
        What readers are told.
    measures : tuple of str
        Measures that it may be, also with ``*``; the one that most sessions have is taken for all.
    muscle : str
        Key, ``all``, or ``none`` for a figure of the whole recording.
    taken : str
        ``own``, ``sum``, ``mean`` (by volume), ``share``, ``least``, ``most`` or ``whole``.
    part : str
        ``headline`` or ``quality``.
    """

    key: str
    title: str
    measures: tuple[str, ...]
    muscle: str
    taken: str
    part: str
    definition: str


@dataclass(frozen=True)
class Entry:
    """The figure of one session.

    Attributes
    ----------
    value : float or None
        None where it was not measured.
    note : str
        Why not, or what it rests on.
    status : str
        The worst among its parts.
    legs : tuple of str
        Sides that it is the mean of; two visits are comparable where these are the same.
    score : float
        Modified z-score among persons.
    """

    value: float | None
    note: str = ""
    status: str = "measured"
    legs: tuple[str, ...] = ()
    score: float = float("nan")

    @property
    def is_outlier(self) -> bool:
        """Whether it lies far from those of other persons."""
        return bool(abs(self.score) > OUTLIER_SCORE)


@dataclass(frozen=True)
class Column:
    """A figure of every session, in their order."""

    figure: Figure
    measure: str
    unit: str
    entries: list[Entry]

    @property
    def values(self) -> list[float]:
        """Values, NaN where there is none."""
        return [np.nan if e.value is None else e.value for e in self.entries]


@cache
def figures() -> tuple[Figure, ...]:
    """Return the figures of the group's tables in their order."""
    with resources.as_file(resources.files("imaging") / "data" / "group.tsv") as path:
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return tuple(
        Figure(r["key"], r["title"], tuple(r["measures"].split()), r["muscle"], r["taken"],
               r["part"], r["definition"])
        for r in frame.to_dict("records")
    )  # fmt: skip


def columns(subjects: Sequence[Subject]) -> list[Column]:
    """Return every figure that at least one session has, with scores."""
    persons = [s.participant for s in subjects]
    sheets = [_Sheet.of(s) for s in subjects]
    usual = _usual_muscles(sheets)
    found = [c for f in figures() if (c := _column(f, sheets, usual)) is not None]
    return [replace(c, entries=_scored(c, persons)) for c in found]


def nobody_has(subjects: Sequence[Subject], found: Sequence[Column]) -> list[str]:
    """Return what no session has: title, and the most frequent reason."""
    there = {c.figure.key for c in found}
    sheets = [_Sheet.of(s) for s in subjects]
    out = []
    for figure in figures():
        if figure.key in there:
            continue
        if figure.taken == "sum":
            why = "no leg has the usual muscles all wholly in view"
        else:
            tried = [_entry(figure, figure.measures[0], s, frozenset()) for s in sheets]
            why = Counter(e.note for e in tried).most_common(1)[0][0]
        out.append(f"{figure.title} ({why})")
    return out


def expected_far(subjects: Sequence[Subject], found: Sequence[Column]) -> int:
    """Return how many of these figures would be outliers if all were normal."""
    total = 0.0
    for c in found:
        persons = [s.participant for s, e in zip(subjects, c.entries, strict=True)
                   if np.isfinite(e.score)]  # fmt: skip
        total += chance_of_outlier(len(set(persons))) * len(persons)
    return round(total)


def session_table(subjects: Sequence[Subject], found: Sequence[Column]) -> pd.DataFrame:
    """Return one row per participant and session, units as in the files."""
    table = pd.DataFrame([s.entities for s in subjects])
    for c in found:
        table[_name(c)] = c.values
    return table


def session_dictionary(found: Sequence[Column]) -> dict[str, dict[str, str]]:
    """Return what the columns of :func:`session_table` mean."""
    own = {
        _name(c): {"Description": f"{c.figure.definition} ({c.measure})", "Units": c.unit}
        for c in found
    }
    return IDENTITY | own


def _name(column: Column) -> str:
    return column_name(column.figure.key, column.unit)


@dataclass(frozen=True)
class _Sheet:
    """The measures of a session by their names, and the labels that the field of view cuts."""

    rows: Mapping[str, list[Measure]]
    cut: frozenset[int]
    names: Names

    @classmethod
    def of(cls, subject: Subject) -> _Sheet:
        rows: dict[str, list[Measure]] = {}
        for m in subject.measures:
            rows.setdefault(m.measure, []).append(m)
        cut = frozenset(m.label for m in rows.get("coverage", []) if m.value == 0)
        return cls(rows, cut, subject.names)

    def key(self, label: int) -> str:
        """Return the key of a muscle."""
        return shown_of(label, self.names).key

    def of_figure(self, figure: Figure, measure: str) -> list[Measure]:
        """Return the rows of a measure that the figure is made of."""
        own = self.rows.get(measure, [])
        if figure.muscle == "none":
            return [m for m in own if m.label == 0]
        every = figure.muscle == "all"
        return [m for m in own if m.label > 0 and (every or self.key(m.label) == figure.muscle)]


def _column(figure: Figure, sheets: Sequence[_Sheet], usual: frozenset[str]) -> Column | None:
    measure = _most_frequent(figure, sheets)
    if measure is None:
        return None
    entries = _one_way(
        [_entry(figure, measure, s, usual) for s in sheets],
        [_way(s.of_figure(figure, measure)) for s in sheets],
    )
    if all(e.value is None for e in entries):
        return None
    unit = next(s.rows[measure][0].unit for s in sheets if measure in s.rows)
    return Column(figure, measure, "percent" if figure.taken == "share" else unit, entries)


def _way(rows: Sequence[Measure]) -> str:
    """Return how a figure was taken where its value depends on that; empty where none is named."""
    ways = (way_of_figure(m) for m in rows if m.value is not None)
    return next((way for way in ways if way), "")


def _one_way(entries: Sequence[Entry], ways: Sequence[str]) -> list[Entry]:
    """Return the entries without those that were taken in another way than most."""
    usual = usual_way(w for w, e in zip(ways, entries, strict=True) if e.value is not None)
    return [
        Entry(None, f"{w}, most sessions {usual}")
        if w and w != usual and e.value is not None
        else e
        for w, e in zip(ways, entries, strict=True)
    ]


def _most_frequent(figure: Figure, sheets: Sequence[_Sheet]) -> str | None:
    """Return the measure of the figure that most sessions have; the first named among equals."""
    names = sorted({name for s in sheets for name in s.rows})
    tried = dict.fromkeys(n for p in figure.measures for n in names if fnmatchcase(n, p))
    count = {
        name: sum(any(m.value is not None for m in s.of_figure(figure, name)) for s in sheets)
        for name in tried
    }
    return max(count, key=lambda name: count[name]) if any(count.values()) else None


def _entry(figure: Figure, measure: str, sheet: _Sheet, usual: frozenset[str]) -> Entry:
    rows = sheet.of_figure(figure, measure)
    known = [m for m in rows if m.value is not None]
    if not known:
        return Entry(None, next((m.note for m in rows if m.note), "not measured"))
    match figure.taken:
        case "sum":
            return _leg_sum(known, sheet, usual)
        case "mean":
            return _weighted(known, sheet)
        case "share":
            whole = sum(float(m.value or 0) > 0 for m in known)
            share = 100.0 * whole / len(known)
            return Entry(share, f"{whole} of {len(known)} muscles", legs=_sides(known))
        case "least" | "most":
            return _extreme(known, sheet, figure.taken == "least")
        case _:
            return _of_legs(known, sheet.cut, measure == "volume")


def _of_legs(known: Sequence[Measure], cut: frozenset[int], only_whole: bool) -> Entry:
    """Return the mean of the legs; of volumes, those that are whole."""
    used = [m for m in known if not (only_whole and m.label in cut)]
    if not used:
        return Entry(None, _CUT)
    said = "; ".join(_said(m, cut) for m in known)
    value = float(np.mean([float(m.value or 0) for m in used]))
    return Entry(value, said, _worst(used), _sides(used))


def _said(measure: Measure, cut: frozenset[int]) -> str:
    """Return how the figure of one leg is told."""
    side = side_of(measure.label)
    who = "" if side == "undecided" or not measure.label else f"{side} "
    unit, factor = shown_unit(measure.unit)
    spread = "" if measure.sd is None else f" ± {number(measure.sd * factor)}"
    n = "" if measure.n is None else f", n {measure.n}"
    note = f", {_CUT}" if measure.label in cut else ""
    return f"{who}{number(float(measure.value or 0) * factor)}{spread} {unit}".strip() + n + note


def _leg_sum(known: Sequence[Measure], sheet: _Sheet, usual: frozenset[str]) -> Entry:
    legs: dict[str, list[Measure]] = {}
    for m in known:
        legs.setdefault(side_of(m.label), []).append(m)
    sums, notes, whole = [], [], []
    for side, own in sorted(legs.items()):
        total = sum(float(m.value or 0) for m in own)
        here = _singles(own, sheet)
        told = f"{side} {number(total)} {own[0].unit}"
        if any(m.label in sheet.cut for m in own):
            n = sum(m.label in sheet.cut for m in own)
            notes.append(f"{told}, left out: {n} of {len(own)} muscles {_CUT}")
        elif here != usual:
            notes.append(f"{told}, left out: {_difference(here, usual)}")
        else:
            notes.append(f"{told} of {len(own)} muscles")
            sums.append(total)
            whole.append(side)
    said = "; ".join(notes)
    if not sums:
        return Entry(None, said)
    return Entry(float(np.mean(sums)), said, _worst(known), tuple(whole))


def _difference(here: frozenset[str], usual: frozenset[str]) -> str:
    """Return in which muscles a leg differs from most legs."""
    lacks, has = sorted(usual - here), sorted(here - usual)
    parts = [f"without {', '.join(lacks)}"] * bool(lacks) + [f"with {', '.join(has)}"] * bool(has)
    return " and ".join(parts) + ", unlike most legs"


def _usual_muscles(sheets: Sequence[_Sheet]) -> frozenset[str]:
    """Return the single muscles that the labels of most legs hold; the larger set among equals."""
    count: Counter[frozenset[str]] = Counter()
    for s in sheets:
        legs: dict[str, list[Measure]] = {}
        for m in s.rows.get("volume", []):
            if m.value is not None:
                legs.setdefault(side_of(m.label), []).append(m)
        count.update(_singles(own, s) for own in legs.values())
    best = max(count, key=lambda keys: (count[keys], len(keys), sorted(keys)), default=None)
    return best or frozenset()


def _singles(rows: Sequence[Measure], sheet: _Sheet) -> frozenset[str]:
    """Return the single muscles of labels; those that the catalogue does not know by name."""
    known = [single_keys(sheet.key(m.label)) for m in rows if m.label not in sheet.names]
    return frozenset().union(*known, (sheet.key(m.label) for m in rows if m.label in sheet.names))


def _weighted(known: Sequence[Measure], sheet: _Sheet) -> Entry:
    """Return the mean over muscles, weighted by their volumes."""
    volumes = {m.label: m.value for m in sheet.rows.get("volume", []) if m.value is not None}
    used = [m for m in known if m.label in volumes]
    if not used:
        return Entry(None, "no volumes to weigh by")
    weights = [volumes[m.label] for m in used]
    mean = np.average([float(m.value or 0) for m in used], weights=weights)
    return Entry(float(mean), f"{len(used)} muscles", _worst(used), _sides(used))


def _extreme(known: Sequence[Measure], sheet: _Sheet, least: bool) -> Entry:
    chosen = (min if least else max)(known, key=lambda m: float(m.value or 0))
    who = f"{side_of(chosen.label)} {sheet.key(chosen.label)}".removeprefix("undecided ")
    return Entry(float(chosen.value or 0), who, chosen.status, _sides(known))


def _sides(rows: Sequence[Measure]) -> tuple[str, ...]:
    return tuple(sorted({side_of(m.label) for m in rows if m.label}))


def _worst(rows: Sequence[Measure]) -> str:
    return max((m.status for m in rows), key=_STATUSES.index)


def _scored(column: Column, persons: Sequence[str]) -> list[Entry]:
    there = [k for k, e in enumerate(column.entries) if e.value is not None]
    values = np.array([column.values[k] for k in there], dtype=float)
    scores = robust_scores(values, [persons[k] for k in there])
    out = list(column.entries)
    for k, score in zip(there, scores, strict=True):
        out[k] = replace(out[k], score=float(score))
    return out
