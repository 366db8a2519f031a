"""A difference of two figures against the smallest detectable change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.measures import Measure
from imaging.report.comparison.repeatability import RepeatabilityTable

LARGER, WITHIN, UNKNOWN, NOT_COMPARABLE = (
    "larger than SDC", "within SDC", "no SDC known", "not comparable",
)  # fmt: skip
_FROM_REPEATABILITY, _FROM_BOTH = "repeatability", "intervals of both figures"


@dataclass(frozen=True)
class Verdict:
    """What a difference of two figures says.

    Attributes
    ----------
    difference : float or None
        Second minus first, in the unit of the measure; None where they do not compare.
    sdc : float or None
        Smallest detectable change, in that unit.
    low, high : float or None
        95 % interval of the difference.
    interval_from : str
        What the interval rests on.
    verdict : str
        Larger than the SDC, within it, no SDC known, or not comparable.
    sdc_of, reason : str
        What was repeated for the SDC and its source; why figures do not compare, or what a reader
        must know.
    """

    difference: float | None
    sdc: float | None
    low: float | None
    high: float | None
    interval_from: str
    verdict: str
    sdc_of: str = ""
    reason: str = ""


def refused(reason: str) -> Verdict:
    """Return the verdict on figures that do not compare."""
    return Verdict(None, None, None, None, "", NOT_COMPARABLE, reason=reason)


def judged(
    first: Measure, second: Measure, muscle: str, table: RepeatabilityTable, reason: str = ""
) -> Verdict:
    """Return how the difference of two measured figures stands to their repeatability.

    Parameters
    ----------
    first, second
        The figures, of the same measure.
    muscle
        Key of the muscle.
    table
        Of repeatability.
    reason
        What a reader must know.
    """
    if first.value is None or second.value is None:
        raise ValueError("both figures must be measured")
    change = second.value - first.value
    own = _own_half_width(first, second)
    row = table.row(first.measure, muscle)
    if row is None:
        if own is None:
            return Verdict(change, None, None, None, "", UNKNOWN, reason=reason)
        low, high = change - own, change + own
        return Verdict(change, None, low, high, _FROM_BOTH, UNKNOWN, reason=reason)
    sdc = row.smallest_change((first.value + second.value) / 2)
    source = f"{row.of}; {row.source}"
    if own is not None and sdc < abs(change) <= own:
        wider = f"within ±{own:.3g} of the intervals of both figures, wider than the SDC"
        reason = "; ".join(r for r in (reason, wider) if r)
        return Verdict(change, sdc, change - own, change + own, _FROM_BOTH, WITHIN, source, reason)
    verdict = LARGER if abs(change) > sdc else WITHIN
    return Verdict(
        change, sdc, change - sdc, change + sdc, _FROM_REPEATABILITY, verdict, source, reason
    )


def _own_half_width(first: Measure, second: Measure) -> float | None:
    """Return the half width of the 95 % interval of the difference of two independent figures."""
    halves = [
        (m.ci_high - m.ci_low) / 2
        for m in (first, second)
        if m.ci_low is not None and m.ci_high is not None
    ]
    return float(np.linalg.norm(halves)) if len(halves) == 2 else None


def relative(first: Measure, difference: float | None) -> float | None:
    """Return a difference in percent of the first figure.

    None for figures that are shares in percent, whose percent would be taken for points, and where
    the first figure is not above 0.
    """
    value = first.value
    if difference is None or value is None or value <= 0 or first.unit == "percent":
        return None
    return 100 * difference / value
