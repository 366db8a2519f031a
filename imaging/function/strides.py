"""Strides of both feet, and why others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.function.events import offs, strikes
from imaging.function.recording import Event, Foot

SIDES: tuple[Foot, ...] = ("left", "right")
SHORTEST_S, LONGEST_S = 0.5, 2.5
FARTHEST_FROM_MEDIAN = 0.4
# Both legs walk at one cadence: one whose strides last this much longer lacks strikes.
TWICE_THE_OTHER = 1.5


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
) -> tuple[dict[Foot, FloatArray], tuple[LeftOut, ...]]:
    """Return start and end of the strides of each foot, shape (K, 2), s, and what was left out.

    Left out is what was not recorded whole, lasts under 0.5 s or over 2.5 s, holds two lifts of
    its foot, lasts half again as long as the median of the other foot's, or differs from the
    median of its own by more than 40 %: an event was missed or doubled there.

    Parameters
    ----------
    events
        In the order of time.
    start_s, end_s
        Of the recording.
    gaps
        Start and end of what was not recorded, s.
    """
    kept: dict[Foot, list[tuple[float, float]]] = {}
    out: list[LeftOut] = []
    for side in SIDES:
        times = strikes(events, side)
        lifts = offs(events, side)
        kept[side] = []
        for start, end in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
            inside = int(((lifts > start) & (lifts < end)).sum())
            if why := _alone(start, end, start_s, end_s, gaps, inside):
                out.append(LeftOut(side, start, end, why))
            else:
                kept[side].append((start, end))
    medians = {side: _median(kept[side]) for side in SIDES}
    strides: dict[Foot, FloatArray] = {}
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
    lifts: int,
) -> str:
    """Return why a stride cannot be used, whatever the others are; empty where it can."""
    if start < first or end > last:
        return "not recorded whole"
    if any(start < gap[1] and gap[0] < end for gap in gaps):
        return "a gap in the recording"
    if end - start <= SHORTEST_S:
        return f"shorter than {SHORTEST_S:g} s"
    if end - start >= LONGEST_S:
        return f"longer than {LONGEST_S:g} s"
    if lifts > 1:
        return f"{lifts} lifts of the foot in it, so that a strike is missing"
    return ""


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
