"""What changed from one visit to the next, muscle by muscle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from imaging.measures import Measure
from imaging.musclemap.headline import is_headline
from imaging.musclemap.table import definition_of, definitions
from imaging.muscles import Names, shown_of, side_of
from imaging.report.comparison.methods import (
    Difference,
    coverage_note,
    difference,
    other_sheets,
    sheet_of,
    status_note,
    way_of,
    why_not,
)
from imaging.report.comparison.repeatability import RepeatabilityTable
from imaging.report.comparison.verdict import (
    NOT_COMPARABLE,
    UNKNOWN,
    WITHIN,
    Verdict,
    judged,
    refused,
    relative,
)
from imaging.report.comparison.visits import Visit
from imaging.report.norms import OF_WHOLE_MUSCLES

CUT = "cut by the field of view"
_IMAGING = ("anat", "comp", "dwi", "fibre", "mre", "us")
COLUMNS = (
    "label", "muscle", "side", "measure", "unit", "before", "after", "change", "change_percent",
    "sdc", "ci_low", "ci_high", "interval_from", "verdict", "sdc_of", "reason",
)  # fmt: skip


def compared(measures: Iterable[Measure], table: RepeatabilityTable) -> list[str]:
    """Return the measures of muscles that are compared, in the order of the dictionary.

    Those of images in the readable table of muscles, and those whose repeatability is known.
    """
    order = {d.name: k for k, d in enumerate(definitions())}
    found = {}
    for name in {m.measure for m in measures if m.label > 0} - {"coverage"}:
        known = definition_of(name)
        if known is None or known.stage not in _IMAGING:
            continue
        if is_headline(name) or name in table.measures:
            found[name] = order[known.name]
    return sorted(found, key=lambda n: (found[n], n))


def changes(before: Visit, after: Visit, table: RepeatabilityTable) -> pd.DataFrame:
    """Return one row per muscle and measure that at least one visit has.

    Parameters
    ----------
    before, after
        Two visits of one person.
    table
        Of repeatability.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; values in the unit of the measure.
    """
    visits = difference(before, after)
    labels = sorted({m.label for v in (before, after) for m in v.measures if m.label > 0})
    names = compared([*before.measures, *after.measures], table)
    rows = []
    for label in labels:
        for name in names:
            pair = before.by_name.get((label, name)), after.by_name.get((label, name))
            known = [m for m in pair if m is not None and m.value is not None]
            if known:
                found = _verdict(label, name, before, after, visits, table)
                rows.append(_row(label, known[0], pair, found, {**after.names, **before.names}))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(
    label: int, known: Measure, pair: Sequence[Measure | None], found: Verdict, names: Names
) -> tuple[object, ...]:
    first = pair[0]
    percent = None if first is None else relative(first, found.difference)
    values = (None if m is None else m.value for m in pair)
    return (
        label, shown_of(label, names).key, side_of(label), known.measure, known.unit, *values,
        found.difference, percent, found.sdc, found.low, found.high, found.interval_from,
        found.verdict, found.sdc_of, found.reason,
    )  # fmt: skip


def _verdict(
    label: int, name: str, before: Visit, after: Visit, visits: Difference,
    table: RepeatabilityTable,
) -> Verdict:  # fmt: skip
    one, two = before.by_name.get((label, name)), after.by_name.get((label, name))
    for visit, m in ((before, one), (after, two)):
        if m is None or m.value is None:
            return refused(f"{visit.title}: {_why_missing(visit, label, m)}")
    assert one is not None
    assert two is not None
    called = [v.names.get(label) for v in (before, after)]
    if called[0] != called[1]:
        return refused(f"label {label} is {called[0]}, then {called[1]}")
    muscle = shown_of(label, before.names).key
    sheets = [sheet_of(v, label) for v in (before, after)]
    why = why_not(one, two, visits) or _other_label(label, before, after)
    if why := why or other_sheets(name, sheets):
        return refused(why)
    cut = [v.title for v in (before, after) if v.value(label, "coverage") == 0]
    if cut and name in OF_WHOLE_MUSCLES:
        return refused(f"{CUT}: {' and '.join(cut)}")
    told = [note] if (note := status_note(one)) else []
    if cut:
        if why := _other_part(label, muscle, before, after, table):
            return refused(f"{why}: {' and '.join(cut)} cut it")
        told.append("of the part in view")
    if note := coverage_note(before, after, label, name):
        told.append(note)
    return judged(one, two, muscle, table, "; ".join(told))


def _why_missing(visit: Visit, label: int, measure: Measure | None) -> str:
    """Return why a visit lacks a figure; a whole side out of view is said as such."""
    sides = {side_of(m.label) for m in visit.measures if m.measure == "volume"}
    if side_of(label) not in sides:
        return f"the {side_of(label)} leg is not in view"
    if measure is None or not measure.note:
        return "not measured"
    return measure.note


def _other_label(label: int, before: Visit, after: Visit) -> str:
    """Return that a muscle was outlined in another way, where it was."""
    ways = [
        way_of(m, "anat") if m is not None and m.value is not None else None
        for m in (v.by_name.get((label, "volume")) for v in (before, after))
    ]
    if None in ways or ways[0] == ways[1]:
        return ""
    return f"muscle outlined by {ways[0]}, then by {ways[1]}"


def _other_part(
    label: int, muscle: str, before: Visit, after: Visit, table: RepeatabilityTable
) -> str:
    """Return that another part of a cut muscle may be in view, judged by its volume there."""
    one, two = (v.by_name.get((label, "volume")) for v in (before, after))
    if one is None or two is None or one.value is None or two.value is None:
        return "not known whether as much of the muscle is in view"
    verdict = judged(one, two, muscle, table).verdict
    if verdict == UNKNOWN:
        return "not known whether as much of the muscle is in view"
    return "" if verdict == WITHIN else "another part of the muscle in view"


def cut_muscles(before: Visit, after: Visit) -> dict[str, list[int]]:
    """Return the muscles that the field of view cuts, by the title of each visit."""
    return {
        v.title: [m.label for m in v.measures if m.measure == "coverage" and m.value == 0]
        for v in (before, after)
    }


def swapped(before: Visit, after: Visit) -> str:
    """Return a warning where left and right of the two visits look exchanged.

    Volumes of one side at the second visit are held against those of both sides at the first,
    in units of a spread of 5 % of the ratio, after a change that all muscles share is taken out.
    """
    sides = [{side_of(m.label) for m in v.measures if m.measure == "volume" and m.value is not None}
             for v in (before, after)]  # fmt: skip
    if sides[0] and sides[1] and not sides[0] & sides[1]:
        one, two = (" and ".join(sorted(s)) for s in sides)
        return (
            f"{before.title} shows the {one} leg, {after.title} the {two} leg: no muscle is "
            "compared. If it is the same leg, a side was named wrongly."
        )
    straight, crossed = (_misfit(before, after, cross) for cross in (False, True))
    if straight is None or crossed is None or straight - crossed < _LOG_ODDS:
        return ""
    return (
        f"The left leg of {after.title} is more like the right leg of {before.title}, and the "
        "right like the left: check whether sides were exchanged."
    )


_SPREAD, _LOG_ODDS, _FEWEST_MUSCLES = 0.05, 20.0, 4


def _misfit(before: Visit, after: Visit, cross: bool) -> float | None:
    """Return the squared misfit of log volumes, None for few muscles on both sides."""
    ratios = []
    for label in sorted({m.label for m in before.measures if 100 < m.label < 200}):
        pair = (label, label + 100)
        other = pair[::-1] if cross else pair
        whole = all(v.value(k, "coverage") != 0 for v in (before, after) for k in pair)
        values = [(before.value(k, "volume"), after.value(o, "volume"))
                  for k, o in zip(pair, other, strict=True)]  # fmt: skip
        if whole and all(a and b for a, b in values):
            ratios += [np.log(b / a) for a, b in values]  # type: ignore[operator]
    if len(ratios) < 2 * _FEWEST_MUSCLES:
        return None
    return float(((np.array(ratios) - np.median(ratios)) ** 2).sum() / _SPREAD**2 / 2)


def counts(table: pd.DataFrame) -> dict[str, int]:
    """Return how many changes have each verdict."""
    return {str(k): int(v) for k, v in table["verdict"].value_counts().items()}


def not_compared(table: pd.DataFrame) -> dict[str, int]:
    """Return the reasons why figures are not compared, with how many figures each concerns."""
    rows = table.loc[table["verdict"] == NOT_COMPARABLE, "reason"]
    return {str(k): int(v) for k, v in rows.value_counts(sort=False).items()}
