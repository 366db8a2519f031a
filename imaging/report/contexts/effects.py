"""Difference and ratio of two figures, with intervals from those of both."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imaging.measures import Measure, Status

#: What a row may say.
DIFFER, NONE_SHOWN, UNKNOWN, NOT_COMPARED = (
    "differ", "no difference shown", "no interval", "not compared"
)  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """How the second of two figures differs from the first.

    Attributes
    ----------
    difference, ratio : float or None
        Second minus first, and second over first.
    difference_ci, ratio_ci : (float, float) or None
        95 % intervals.
    status : str
        measured, modelled, extrapolated (a bound) or not_measured.
    verdict : str
        One of the constants of this module.
    note : str
        Why there is none, or what a reader must know.
    """

    difference: float | None
    ratio: float | None
    difference_ci: tuple[float, float] | None
    ratio_ci: tuple[float, float] | None
    status: Status
    verdict: str
    note: str = ""


def not_compared(why: str) -> Effect:
    """Return that two figures are not compared, and why."""
    return Effect(None, None, None, None, "not_measured", NOT_COMPARED, why)


def effect(first: Measure, second: Measure) -> Effect:
    """Compare two figures of one kind.

    Intervals are joined by their distances from the figures (Zou and Donner 2008, Stat Med
    27:1693-1702), those of the ratio on the logarithm. They take both figures as independent: what
    both share, such as the bias of a method, makes the interval wider than need be.

    Parameters
    ----------
    first, second
        With unit, quantity, method and frequency alike.
    """
    for one in (first, second):
        if one.value is None or one.value <= 0:
            return not_compared(one.note or f"a value of {one.value} {one.unit}")
    assert first.value is not None
    assert second.value is not None
    difference, ratio = second.value - first.value, second.value / first.value
    if "extrapolated" in (first.status, second.status):
        return Effect(difference, ratio, None, None, "extrapolated", UNKNOWN, _bound(first, second))
    modelled = "modelled" in (first.status, second.status)
    status: Status = "modelled" if modelled else "measured"
    ends = [_interval(m) for m in (first, second)]
    if ends[0] is None or ends[1] is None:
        return Effect(difference, ratio, None, None, status, UNKNOWN,
                      "one of the two has no interval")  # fmt: skip
    a, b = ends[0], ends[1]
    spans = _joined(first.value, a, second.value, b)
    logs = _joined(math.log(first.value), (math.log(a[0]), math.log(a[1])),
                   math.log(second.value), (math.log(b[0]), math.log(b[1])))  # fmt: skip
    ratios = math.exp(logs[0]), math.exp(logs[1])
    verdict = NONE_SHOWN if ratios[0] <= 1 <= ratios[1] else DIFFER
    return Effect(difference, ratio, spans, ratios, status, verdict)


def _interval(one: Measure) -> tuple[float, float] | None:
    """Return the interval of a figure, None where it has none above 0 around it."""
    low, high = one.ci_low, one.ci_high
    if low is None or high is None or one.value is None or not 0 < low < one.value < high:
        return None
    return low, high


def _joined(
    one: float, a: tuple[float, float], two: float, b: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval of the difference two - one."""
    down, up = math.hypot(two - b[0], a[1] - one), math.hypot(b[1] - two, one - a[0])
    return two - one - down, two - one + up


def _bound(first: Measure, second: Measure) -> str:
    """Say what a bound makes of a comparison."""
    which = [w for w, m in (("first", first), ("second", second)) if m.status == "extrapolated"]
    one = first if which[0] == "first" else second
    return f"the {' and the '.join(which)} is only a bound: {one.note.split('; ')[0]}"
