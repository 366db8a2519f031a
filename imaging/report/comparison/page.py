"""The page of a comparison: two visits of one person, and left against right at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from imaging import __version__
from imaging.musclemap.table import definition_of, title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.muscles import catalogue, side_and_name
from imaging.report.comparison.changes import (
    CUT,
    counts,
    cut_muscles,
    not_compared,
    swapped,
)
from imaging.report.comparison.methods import difference
from imaging.report.comparison.pictures import differences
from imaging.report.comparison.repeatability import (
    Repeatability,
    RepeatabilityTable,
    published,
)
from imaging.report.comparison.verdict import LARGER, NOT_COMPARABLE, UNKNOWN, WITHIN
from imaging.report.comparison.visits import Visit
from imaging.report.muscle_tables import number
from imaging.report.picture import guarded
from imaging.report.subject import RESEARCH_USE, environment

_SHOWN = {
    LARGER: "larger than the SDC", WITHIN: "within the SDC", UNKNOWN: "no SDC known",
    NOT_COMPARABLE: "not comparable",
}  # fmt: skip
_CHANCE = 0.05


@dataclass(frozen=True)
class Line:
    """One muscle of a table: texts of its cells; `larger` marks what stands out."""

    muscle: str
    first: str
    second: str
    difference: str
    interval: str
    percent: str
    sdc: str
    verdict: str
    reason: str
    larger: bool


@dataclass(frozen=True)
class Part:
    """One measure of a comparison."""

    title: str
    unit: str
    definition: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Comparison:
    """What a page, or a part of it, holds of one table.

    Attributes
    ----------
    judged, larger : int
        Figures with an SDC, and those beyond it.
    chance : float
        How many of 100 without a change are beyond it.
    standing_out : list of str
        A sentence on each figure beyond its SDC.
    parts : list of Part
        One per measure.
    """

    judged: int
    larger: int
    chance: float
    standing_out: Sequence[str]
    parts: Sequence[Part]


def comparison_page(
    before: Visit, after: Visit, table: pd.DataFrame, sides: Sequence[tuple[Visit, pd.DataFrame]],
    repeatability: RepeatabilityTable, between: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return the HTML of a comparison.

    Parameters
    ----------
    before, after
        The visits.
    table
        Of :func:`imaging.report.comparison.changes.changes`.
    sides
        Each visit with its table of :func:`imaging.report.comparison.sides.asymmetry`.
    repeatability
        What the SDC rests on.
    between
        Titles of visits in between that are not shown.
    """
    who = before.entities.get("sub")
    person = f"sub-{who}" if who else before.prefix
    picture = guarded(
        "Changes of all muscles",
        f"{after.title} minus {before.title}. Bar: smallest detectable change in both directions; "
        "diamond: a change beyond it; dots off their bar are within both intervals. "
        "Muscles without a mark are not compared.",
        "Dots of the change of every muscle, one panel per measure, on bars of the smallest "
        "detectable change.",
        lambda: differences(table, "change", f"{after.title} minus {before.title}"),
        "No figure can be compared.",
    )  # fmt: skip
    names = {**before.names, **after.names}
    used = _used([table, *(own for _, own in sides)], repeatability)
    return environment().get_template("comparison.html.j2").render(
        title=f"{person}: {before.title} and {after.title}",
        research_use=RESEARCH_USE,
        version=__version__,
        before=before.title,
        after=after.title,
        between=between,
        warnings=[w for w in (swapped(before, after),) if w],
        noted=difference(before, after).noted,
        cut=[(title, [side_and_name(v, names=names) for v in labels])
             for title, labels in cut_muscles(before, after).items() if labels],
        changes=_comparison(table, "before", "after", "change", "change_percent"),
        counts=counts(table),
        reasons={why: n for why, n in not_compared(table).items() if not why.startswith(CUT)},
        picture=picture,
        sides=[(visit.title, _sides(own)) for visit, own in sides if len(own)],
        one_leg=[visit.title for visit, own in sides if not len(own)],
        used=used,
        published=[(capital(title_of(p.measure)), p) for p in published()
                   if p.measure in set(table["measure"])],
        rests_on=sorted({row.of for *_, row in used}),
        lower_bound=any("lower bound" in row.of for *_, row in used),
    )  # fmt: skip


def _sides(table: pd.DataFrame) -> Comparison:
    return _comparison(table, "left", "right", "right_minus_left", "asymmetry_percent")


def _comparison(
    table: pd.DataFrame, first: str, second: str, change: str, percent: str
) -> Comparison:
    judged = table[table["verdict"].isin([LARGER, WITHIN])]
    beyond = table[table["verdict"] == LARGER]
    parts = []
    for name in dict.fromkeys(table["measure"]):
        rows = table[table["measure"] == name]
        definition = definition_of(name)
        parts.append(Part(
            capital(title_of(name)), shown_unit(rows["unit"].iloc[0])[0],
            definition.definition if definition else "",
            [_line(row, first, second, change, percent) for row in rows.to_dict("records")],
        ))  # fmt: skip
    said = [_sentence(row, first, second, change) for row in beyond.to_dict("records")]
    return Comparison(len(judged), len(beyond), _CHANCE * len(judged), said, parts)


def _line(row: Mapping[Any, Any], first: str, second: str, change: str, percent: str) -> Line:
    factor = shown_unit(str(row["unit"]))[1]

    def shown(name: str, signed: bool = False) -> str:
        value = row[name]
        if not isinstance(value, float | int) or pd.isna(value):
            return "–"
        return f"{'+' if signed and value > 0 else ''}{number(value * factor)}"

    share = row[percent]
    known = isinstance(share, float) and not pd.isna(share)
    interval = "" if pd.isna(row["ci_low"]) else f"[{shown('ci_low')}, {shown('ci_high')}]"
    return Line(
        _muscle(row), shown(first), shown(second), shown(change, signed=True), interval,
        f"{share:+.1f} %" if known else "", shown("sdc"), _SHOWN[str(row["verdict"])],
        str(row["reason"]), row["verdict"] == LARGER,
    )  # fmt: skip


def _sentence(row: Mapping[Any, Any], first: str, second: str, change: str) -> str:
    unit, factor = shown_unit(str(row["unit"]))
    one, two, size, sdc = (number(float(str(row[n])) * factor) for n in
                           (first, second, change, "sdc"))  # fmt: skip
    sign = "+" if float(str(row[change])) > 0 else ""
    figures = f"{one} to {two} {unit}".rstrip() if first == "before" else f"{one} and {two} {unit}"
    told = [f"{sign}{size}, SDC {sdc}", *([str(row["reason"])] if row["reason"] else [])]
    return (
        f"{capital(_muscle(row))}: {title_of(str(row['measure']))} {figures.rstrip()} "
        f"({'; '.join(told)})"
    )


def _muscle(row: Mapping[Any, Any]) -> str:
    """Return side and name in full words; the key where the catalogue has no such muscle."""
    key, side = str(row["muscle"]), str(row.get("side", "undecided"))
    name = next((s.name for s in catalogue() if s.key == key), key)
    return name if side == "undecided" else f"{side} {name}"


def _used(
    tables: Sequence[pd.DataFrame], repeatability: RepeatabilityTable
) -> list[tuple[str, str, str, Repeatability]]:
    """Return title, muscles and within-subject SD of each row that was used, with the row."""
    asked = {
        (str(m), str(k)) for t in tables for m, k in zip(t["measure"], t["muscle"], strict=True)
    }
    rows = {id(r): r for m, k in sorted(asked) if (r := repeatability.row(m, k)) is not None}
    out = []
    for r in repeatability.rows:
        if id(r) in rows:
            unit, factor = ("%", 1.0) if r.scale == "percent" else shown_unit(r.unit)
            sd = f"{number(r.sd_within * factor)} {unit}".rstrip()
            out.append((capital(title_of(r.measure)), " ".join(r.muscles), sd, r))
    return out
