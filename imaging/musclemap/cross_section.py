"""Cross-section of a muscle along its line of action, with the errors of what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imaging.arrays import FloatArray, LabelArray
from imaging.measures import Measure

_Z = 1.959964  # a 95 % interval reaches so many standard deviations to each side
# At the edge of the image a muscle of this share of its largest area lacks a tip only: of two
# cones base to base it would be .2 ** 1.5 / 2 = 4 % of the volume.
_TIP = 0.2


@dataclass(frozen=True)
class Area:
    """Cross-section of a muscle.

    Attributes
    ----------
    pcsa_cm2, low_cm2, high_cm2 : float
        PCSA and its 95 % interval; NaN where there is none.
    line_deg, line_low_deg, line_high_deg : float
        Pennation to the line of action, and its interval. 0, 0, 0 where the PCSA already holds
        the cosine.
    note : str
        Which PCSA, and what is special about it.
    """

    pcsa_cm2: float
    low_cm2: float
    high_cm2: float
    line_deg: float
    line_low_deg: float
    line_high_deg: float
    note: str

    @property
    def effective_cm2(self) -> float:
        """PCSA times the cosine of pennation: what pulls along the line of action, cm2."""
        return float(self.pcsa_cm2 * np.cos(np.radians(self.line_deg)))

    def draws(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return what `effective_cm2` may as well be (R,); NaN without intervals."""
        pcsa = self.draws_of_pcsa(rng, count)
        z = rng.standard_normal(count)
        below, above = self.line_deg - self.line_low_deg, self.line_high_deg - self.line_deg
        line = self.line_deg + np.where(z < 0, below, above) / _Z * z
        return np.asarray(pcsa * np.cos(np.radians(np.clip(line, 0, 90))))

    def draws_of_pcsa(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return what the PCSA may as well be (R,): log-normal to each side of its value."""
        z = rng.standard_normal(count)
        low = self.low_cm2 if self.low_cm2 > 0 else np.nan
        below = float(np.log(self.pcsa_cm2 / low))
        above = float(np.log(self.high_cm2 / self.pcsa_cm2))
        sd = np.where(z < 0, below, above) / _Z
        return np.asarray(self.pcsa_cm2 * np.exp(sd * z))


def end_shares(labels: LabelArray) -> dict[int, float]:
    """Return the area of each label at the end next to the image's edge, over its largest.

    Parameters
    ----------
    labels : (I, J, K)
        Slices along the third axis.
    """
    out = {}
    for label in np.unique(labels[labels > 0]):
        areas = np.count_nonzero(labels == label, axis=(0, 1))
        first, *_, last = np.flatnonzero(areas).repeat(2).tolist()
        gaps = {first: first, last: len(areas) - 1 - last}
        ends = [int(areas[k]) for k, gap in gaps.items() if gap == min(gaps.values())]
        out[int(label)] = max(ends) / int(areas.max())
    return out


def cross_sections(
    measures: Sequence[Measure], labels: Sequence[int], ends: Mapping[int, float]
) -> tuple[dict[int, Area], dict[int, str]]:
    """Return the cross-section of each muscle, and why others have none.

    The functional PCSA (at optimal sarcomere length, cosine included) is taken where every muscle
    with a PCSA has one; areas of two kinds are not compared.

    Parameters
    ----------
    measures
        ``pcsa_anatomical``, ``pcsa_functional``, ``pennation_line`` and ``coverage``.
    labels
        Of the muscles.
    ends
        See :func:`end_shares`: a muscle that the edge of the image cuts where it is thick has none.
    """
    wanted = ("pcsa_anatomical", "pcsa_functional", "pennation_line", "coverage")
    found = {(m.label, m.measure): m for m in measures if m.measure in wanted}
    scan = [v for v in labels if _value(found, v, "pcsa_anatomical") is not None]
    functional = all(_value(found, v, "pcsa_functional") is not None for v in scan)
    areas, unknown = {}, {}
    for label in labels:
        why = _why_not(found, label, ends.get(label, 1.0))
        if why:
            unknown[label] = why
        elif functional:
            areas[label] = _functional(found[label, "pcsa_functional"])
        else:
            areas[label] = _of_scan(found[label, "pcsa_anatomical"], found[label, "pennation_line"])
        if label in areas and _value(found, label, "coverage") == 0:
            note = f"{areas[label].note}, its tip out of view"
            areas[label] = replace(areas[label], note=note)
    return areas, unknown


def _value(found: Mapping[tuple[int, str], Measure], label: int, name: str) -> float | None:
    measure = found.get((label, name))
    return None if measure is None else measure.value


def _why_not(found: Mapping[tuple[int, str], Measure], label: int, end: float) -> str:
    """Return why a muscle has no cross-section; empty where it has one."""
    if _value(found, label, "coverage") == 0 and end > _TIP:
        return "cut by the edge of the image: its PCSA would be too small"
    for name, words in (("pcsa_anatomical", "PCSA"), ("pennation_line", "pennation")):
        value = _value(found, label, name)
        if value is None or (name == "pcsa_anatomical" and value <= 0):
            measure = found.get((label, name))
            return f"no {words}" + (f": {measure.note}" if measure and measure.note else "")
    return ""


def _of_scan(pcsa: Measure, line: Measure) -> Area:
    value, angle = float(pcsa.value or np.nan), float(line.value or 0.0)
    low, high = _limits(pcsa, value)
    line_low, line_high = _limits(line, angle)
    note = "PCSA at the length in the scan"
    if "extrapolated" in (pcsa.status, line.status):
        note += ", of fascicles mostly extrapolated"
    elif "modelled" in (pcsa.status, line.status):
        note += ", of modelled fascicles"
    return Area(value, low, high, angle, line_low, line_high, note)


def _functional(pcsa: Measure) -> Area:
    value = float(pcsa.value or np.nan)
    low, high = _limits(pcsa, value)
    return Area(value, low, high, 0.0, 0.0, 0.0, "functional PCSA by the sarcomere length given")


def _limits(measure: Measure, value: float) -> tuple[float, float]:
    """Return the interval, widened to hold the value; NaN where there is none."""
    low, high = measure.ci_low, measure.ci_high
    if low is None or high is None:
        return np.nan, np.nan
    return min(low, value), max(high, value)
