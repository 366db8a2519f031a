"""The one table of the first screen: six figures per muscle, left beside right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from imaging.measures import Measure
from imaging.musclemap.table import definition_of, title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.muscles import ANONYMOUS, NO_NAMES, Names, shown_of, side_of
from imaging.report.muscle_tables import MARKS, Cell, cell
from imaging.report.published_stiffness import is_value
from imaging.report.verdict_facts import STIFFNESS

CUT = "c"
#: What the marks mean, in the order in which they are explained.
MEANINGS = {
    CUT: "cut by the field of view: of the part in view only",
    **{MARKS[s]: s for s in ("extrapolated", "modelled", "assumed")},
}
_SIDES = ("left", "right", "undecided")
_FIRST = ("volume", "fascicle_length", "pennation_end", "pennation_start")
_LAST = ("fat_fraction",)
_ULTRASOUND = ("stiffness_swe_shear",)
_NOT = "not measured: "


@dataclass(frozen=True)
class Head:
    """One figure: its name with a capital, unit, and what it means."""

    title: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Row:
    """One muscle: its name in words, its key, and for each figure a cell per side."""

    name: str
    key: str
    cells: list[list[Cell]]


@dataclass(frozen=True)
class Summary:
    """The table.

    Attributes
    ----------
    sides : list of str
        In view; a figure has a column for each.
    heads, rows
        Figures, and muscles in the order of the catalogue.
    marks : list of (str, str)
        Those that occur, with what they mean.
    dashes : list of (str, str)
        Why figures are missing, in the words of the stage, and keys of the muscles.
    """

    sides: list[str]
    heads: list[Head]
    rows: list[Row]
    marks: list[tuple[str, str]]
    dashes: list[tuple[str, str]]


def summary_table(measures: Sequence[Measure], names: Names = NO_NAMES) -> Summary:
    """Return volume, length, pennation, stiffness and fat of every muscle that is imaged.

    Of stiffness one measure is shown, by its name: the first of the wave methods that has a value,
    ready maps after them, ultrasound last. Columns that nobody has a figure for are left out.

    Parameters
    ----------
    measures
        The long table.
    names
        Of muscles that the catalogue does not know.
    """
    found = {(m.label, m.measure): m for m in measures if m.label > 0}
    chosen = _chosen(measures)
    imaged = {label for label, name in found if name == "volume"}
    labels = sorted(
        label for label in imaged
        if any(_has(found.get((label, name))) for name in chosen)
    )  # fmt: skip
    cut = {label for label in labels if _is_cut(found.get((label, "coverage")))}
    present = {side_of(label) for label in labels}
    sides: list[str] = [s for s in _SIDES if s in present]
    by_muscle: dict[int | str, dict[str, int]] = {}
    for label in sorted(labels, key=_order):
        # Names that people give may be those of two muscles, or of one in the catalogue.
        own = label if label > ANONYMOUS else shown_of(label, names).key
        by_muscle.setdefault(own, {})[side_of(label)] = label

    def cells(name: str, own: dict[str, int]) -> list[Cell]:
        return [
            _cell(found.get((own[s], name)), own[s] in cut) if s in own
            else Cell("–", why="not in view")
            for s in sides
        ]  # fmt: skip

    rows = [
        Row(shown.name, shown.key, [cells(name, own) for name in chosen])
        for own in by_muscle.values()
        for shown in [shown_of(next(iter(own.values())), names)]
    ]
    used = {c for row in rows for group in row.cells for one in group for c in one.mark}
    units = {m.measure: shown_unit(m.unit)[0] for m in found.values()}
    heads = [Head(capital(title_of(n)), units[n], _meaning(n)) for n in chosen]
    marks = [(m, said) for m, said in MEANINGS.items() if m in used]
    return Summary(sides, heads, rows, marks, _dashes(heads, rows))


def _dashes(heads: Sequence[Head], rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return why figures are missing, each reason once with the muscles it holds for."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for head, group in zip(heads, row.cells, strict=True):
            for one in group:
                if one.text == "–" and one.why.startswith(_NOT):
                    # After the first clause come how many, the figures and the method.
                    why = re.split(r";|: \d", one.why.removeprefix(_NOT))[0]
                    found.setdefault((head.title, why), {})[row.key] = None
    together: dict[tuple[str, str], list[str]] = {}
    for (title, why), keys in found.items():
        together.setdefault((why, ", ".join(keys)), []).append(title)
    return [(f"{', '.join(titles)}: {why}", who) for (why, who), titles in together.items()]


def _order(label: int) -> tuple[int, int]:
    return (label % 100 if label < 1000 else label, label)


def _chosen(measures: Sequence[Measure]) -> list[str]:
    """Return the measures that have a figure, one of stiffness among them."""
    valued = {m.measure for m in measures if m.label > 0 and m.value is not None}
    ready = sorted(n for n in valued if n.startswith("stiffness_ready_") and is_value(n))
    stiffness = [n for n in (*STIFFNESS, *ready, *_ULTRASOUND) if n in valued][:1]
    return [n for n in (*_FIRST, *stiffness, *_LAST) if n in valued]


def _cell(measure: Measure | None, is_cut: bool) -> Cell:
    """Return a figure without its spread, which its note tells."""
    full = cell(measure)
    if measure is None or measure.value is None:
        return full
    parts = [full.spread, full.n, full.interval, measure.note]
    said = ", ".join(p for p in parts if p)
    mark = full.mark + (CUT if is_cut and measure.measure == "volume" else "")
    return replace(full, spread="", n="", interval="", mark=mark, why=said)


def _meaning(name: str) -> str:
    found = definition_of(name)
    return found.definition if found else ""


def _has(measure: Measure | None) -> bool:
    return measure is not None and measure.value is not None


def _is_cut(measure: Measure | None) -> bool:
    return measure is not None and measure.value == 0
