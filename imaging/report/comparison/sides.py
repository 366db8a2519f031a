"""Left against right within one visit, muscle by muscle."""

from __future__ import annotations

import pandas as pd

from imaging.muscles import ANONYMOUS, shown_of
from imaging.report.comparison.changes import CUT, compared
from imaging.report.comparison.methods import (
    Difference,
    other_sheets,
    sheet_of,
    status_note,
    way_of,
    why_not,
)
from imaging.report.comparison.repeatability import RepeatabilityTable
from imaging.report.comparison.verdict import Verdict, judged, refused
from imaging.report.comparison.visits import Visit
from imaging.report.norms import OF_WHOLE_MUSCLES

COLUMNS = (
    "visit", "muscle", "measure", "unit", "left", "right", "right_minus_left", "asymmetry_percent",
    "sdc", "ci_low", "ci_high", "interval_from", "verdict", "sdc_of", "reason",
)  # fmt: skip
LEFT, RIGHT = 100, 200


def asymmetry(visit: Visit, table: RepeatabilityTable) -> pd.DataFrame:
    """Return one row per muscle and measure that both legs show; none for a single leg.

    The asymmetry is 100·(right − left) over the mean of both sides (Robinson 1987, J Manipulative
    Physiol Ther 10:172-176). It is judged as two scans of one leg would be: no more than that both
    legs differ by more than scans of one do.

    Parameters
    ----------
    visit
        Measures and notes of a map.
    table
        Of repeatability.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; values in the unit of the measure.
    """
    seen = {m.label // 100 for m in visit.measures if m.measure == "volume" and m.value is not None}
    if not {1, 2} <= seen:
        return pd.DataFrame(columns=list(COLUMNS))
    indices = sorted({m.label % 100 for m in visit.measures if 0 < m.label < ANONYMOUS})
    rows = []
    for index in indices:
        for name in compared(visit.measures, table):
            pair = [visit.by_name.get((side + index, name)) for side in (LEFT, RIGHT)]
            known = [m for m in pair if m is not None and m.value is not None]
            if not known:
                continue
            found = _verdict(index, name, visit, table)
            values = [None if m is None else m.value for m in pair]
            rows.append((
                visit.title, shown_of(known[0].label, visit.names).key, name, known[0].unit,
                *values, found.difference, _percent(values, found, known[0].unit), found.sdc,
                found.low, found.high, found.interval_from, found.verdict, found.sdc_of,
                found.reason,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(index: int, name: str, visit: Visit, table: RepeatabilityTable) -> Verdict:
    left, right = (visit.by_name.get((side + index, name)) for side in (LEFT, RIGHT))
    for side, m in (("left", left), ("right", right)):
        if m is None or m.value is None:
            return refused(f"{side}: {m.note if m is not None and m.note else 'not measured'}")
    assert left is not None
    assert right is not None
    sheets = [sheet_of(visit, side + index) for side in (LEFT, RIGHT)]
    if why := why_not(left, right, Difference()) or other_sheets(name, sheets):
        return refused(why.replace(", then ", " on the left, ") + " on the right")
    outlines = [visit.by_name.get((side + index, "volume")) for side in (LEFT, RIGHT)]
    ways = {way_of(m, "anat") for m in outlines if m is not None and m.value is not None}
    if len(ways) > 1:
        return refused(f"outlined by {' and by '.join(sorted(ways))}")
    cut = [s for s, k in (("left", LEFT), ("right", RIGHT))
           if visit.value(k + index, "coverage") == 0]  # fmt: skip
    if cut and name in OF_WHOLE_MUSCLES:
        return refused(f"{CUT}: {' and '.join(cut)}")
    told = [status_note(left), f"of the part in view: {' and '.join(cut)}" if cut else ""]
    reason = "; ".join(t for t in told if t)
    return judged(left, right, shown_of(left.label, visit.names).key, table, reason)


def _percent(values: list[float | None], found: Verdict, unit: str) -> float | None:
    left, right = values
    if found.difference is None or left is None or right is None or unit == "percent":
        return None
    mean = (left + right) / 2
    return 100 * found.difference / mean if mean > 0 else None
