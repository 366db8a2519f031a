"""Strides of both feet, and why others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.events import WALKING, Limits, limits_of, offs, strikes
from imaging.function.recording import Event, Foot
from imaging.function.trials import Kind

SIDES: tuple[Foot, ...] = ("left", "right")
SHORTEST_S = WALKING.shortest_stride_s
FARTHEST_FROM_MEDIAN = 0.4
# Both legs walk at one cadence: one whose strides last this much longer lacks strikes.
TWICE_THE_OTHER = 1.5
# The other foot comes down near the middle of a stride; a quarter means that strikes of both are
# missing by turns.
OPPOSITE = (0.3, 0.7)
HALF_OF_WALKING_S = 0.7


@dataclass(frozen=True)
class LeftOut:
    """From one strike of a foot to its next in the file, which is no stride to be used."""

    side: Foot
    start_s: float
    end_s: float
    why: str


def find_strides(
    events: Sequence[Event],
    start_s: float,
    end_s: float,
    gaps: Sequence[tuple[float, float]] = (),
    kind: Kind = "walking",
) -> tuple[dict[Foot, FloatArray], tuple[LeftOut, ...]]:
    """Return start and end of the strides of each foot, shape (K, 2), s, and what was left out.

    Left out is what was not recorded whole, is shorter or longer than strides of its kind are,
    holds two lifts of its foot or two strikes of the other, lasts half again as long as the median
    of the other foot's, or differs from the median of its own by more than 40 %: an event was
    missed or doubled there. Where the other foot comes down near a quarter of all strides, and
    these could each be two, strikes of both feet are missing alike, and all are left out.

    Parameters
    ----------
    events
        In the order of time.
    start_s, end_s
        Of the recording.
    gaps
        Start and end of what was not recorded, s.
    kind
        What the recording is of.
    """
    limits = limits_of(kind)
    kept: dict[Foot, list[tuple[float, float]]] = {}
    out: list[LeftOut] = []
    for side in SIDES:
        times = strikes(events, side)
        lifts = offs(events, side)
        opposite = strikes(events, "right" if side == "left" else "left")
        kept[side] = []
        for start, end in pairwise(times.tolist()):
            inside = int(((lifts > start) & (lifts < end)).sum())
            others = int(((opposite > start) & (opposite < end)).sum())
            why = _alone(start, end, start_s, end_s, gaps, limits)
            if why := why or _holds_more(inside, others):
                out.append(LeftOut(side, start, end, why))
            else:
                kept[side].append((start, end))
    medians = {side: _median(kept[side]) for side in SIDES}
    strides: dict[Foot, FloatArray] = {}
    if why := _missing_alike(kept, events, limits):
        out += [LeftOut(side, *s, why) for side in SIDES for s in kept[side]]
        kept = {side: [] for side in SIDES}
    for side in SIDES:
        other = medians["right" if side == "left" else "left"]
        long = [s for s in kept[side] if s[1] - s[0] > TWICE_THE_OTHER * other]
        why = f"far longer than those of the other foot, whose median is {other:.2f} s"
        out += [LeftOut(side, *s, why) for s in long]
        rest = [s for s in kept[side] if s not in long]
        own = _median(rest)
        far = [s for s in rest if abs(s[1] - s[0] - own) > FARTHEST_FROM_MEDIAN * own]
        out += [LeftOut(side, *s, f"far from the median of {own:.2f} s") for s in far]
        strides[side] = np.array([s for s in rest if s not in far]).reshape(-1, 2)
    return strides, tuple(sorted(out, key=lambda s: (s.side, s.start_s)))


def _alone(
    start: float,
    end: float,
    first: float,
    last: float,
    gaps: Sequence[tuple[float, float]],
    limits: Limits,
) -> str:
    """Return why a stride cannot be used, whatever the others are; empty where it can."""
    if start < first or end > last:
        return "not recorded whole"
    if any(start < gap[1] and gap[0] < end for gap in gaps):
        return "a gap in the recording"
    if end - start <= limits.shortest_stride_s:
        return f"shorter than {limits.shortest_stride_s:g} s"
    if end - start >= limits.longest_stride_s:
        return f"longer than {limits.longest_stride_s:g} s"
    return ""


def _holds_more(lifts: int, others: int) -> str:
    """Return what says that a strike is missing within a stride; empty where nothing does."""
    if lifts > 1:
        return f"{lifts} lifts of the foot in it, so that a strike is missing"
    if others > 1:
        return f"{others} strikes of the other foot in it, so that a strike is missing"
    return ""


def _missing_alike(
    kept: Mapping[Foot, Sequence[tuple[float, float]]], events: Sequence[Event], limits: Limits
) -> str:
    """Return why the strides of both feet are each two; empty where they need not be."""
    if all(e.source == "manual" for e in events):
        return ""
    shares = {side: opposite_share(kept[side], events, side) for side in SIDES}
    early = [share for share in shares.values() if not OPPOSITE[0] <= share <= OPPOSITE[1]]
    long = [_median(kept[side]) >= limits.doubled_from_s for side in SIDES]
    if len(early) < 2 or not all(long) or any(np.isnan(early)):
        return ""
    return (
        f"the other foot comes down at {100 * shares['left']:.0f} % of left and "
        f"{100 * shares['right']:.0f} % of right strides, so that strikes of both are missing"
    )


def opposite_share(
    strides: Sequence[tuple[float, float]] | FloatArray, events: Sequence[Event], side: Foot
) -> float:
    """Return the median share of a foot's strides at which the other comes down; NaN without."""
    times = strikes(events, "right" if side == "left" else "left")
    return _share(strides, times)


def _share(strides: Sequence[tuple[float, float]] | FloatArray, times: FloatArray) -> float:
    """Return the median share of the strides at which the events inside them lie."""
    shares = [
        float((t - start) / (end - start))
        for start, end in strides
        for t in times[(times > start) & (times < end)]
    ]
    return float(np.median(shares)) if shares else float("nan")


def doubts(
    strides: Mapping[Foot, FloatArray], events: Sequence[Event], kind: Kind = "walking"
) -> list[str]:
    """Return sentences on what is unlike the kind of gait, though no stride had to be left out.

    Lifts at another part of the stride (strikes and lifts interchanged), strides of half the
    length (strikes of both feet under one name), strides that may each be two where the other
    foot cannot tell, and a strong limp.
    """
    limits = limits_of(kind)
    said = []
    for side in SIDES:
        own = strides[side]
        if len(own) == 0:
            continue
        length = float(np.median(own[:, 1] - own[:, 0]))
        off = 100 * _share(own, offs(events, side))
        if not np.isnan(off) and not limits.off_percent[0] <= off <= limits.off_percent[1]:
            said.append(
                f"The {side} foot lifts at {off:.0f} % of the stride, unusual in {_named(kind)}: "
                "strikes and lifts may be interchanged."
            )
        opposite = opposite_share(own, events, side)
        if kind == "walking" and length < HALF_OF_WALKING_S:
            said.append(
                f"Strides of the {side} foot last {length:.2f} s: strikes of both feet may bear "
                "one name, or this is running."
            )
        elif np.isnan(opposite) and length >= limits.doubled_from_s:
            said.append(
                f"Strides of the {side} foot last {length:.2f} s and no strike of the other foot "
                "lies between: each may be two."
            )
        elif not np.isnan(opposite) and not OPPOSITE[0] <= opposite <= OPPOSITE[1]:
            said.append(
                f"The other foot comes down at {100 * opposite:.0f} % of the {side} stride: "
                "a strong limp, or strikes are missing or misnamed."
            )
    return said


def _named(kind: Kind) -> str:
    return kind if kind in ("walking", "running") else "gait"


def _median(strides: Sequence[tuple[float, float]]) -> float:
    return float(np.median([end - start for start, end in strides])) if strides else np.inf


def sentences(left_out: Sequence[LeftOut], most: int = 8) -> list[str]:
    """Return one sentence for each foot and reason, with the times."""
    groups: dict[tuple[str, str], list[LeftOut]] = {}
    for stride in left_out:
        groups.setdefault((stride.side, stride.why), []).append(stride)
    return [
        f"No stride of the {side} foot ({why}): "
        + ", ".join(f"{s.start_s:.3f}-{s.end_s:.3f} s" for s in group[:most])
        + (f", and {len(group) - most} more" if len(group) > most else "")
        + "."
        for (side, why), group in groups.items()
    ]
