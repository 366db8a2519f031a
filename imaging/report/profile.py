"""A person's profile in sentences: against the other side, and against controls.

What is written is where a figure lies; never what it means for a person's health.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import pandas as pd

from imaging.measures import Measure
from imaging.musclemap.table import quantity_of, title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.muscles import NO_NAMES, Names, side_and_key
from imaging.report.norms import Norm, Norms, whole
from imaging.report.ways import ways_of

TOPICS = {
    "timing": "Timing",
    "amplitude": "Amplitude",
    "coordination": "Coordination",
    "walk": "Walk",
    "architecture": "Architecture",
}
OTHER_SIDE, CONTROLS = "the other side", "controls"


@dataclass(frozen=True)
class Line:
    """How a measure is spoken of (see ``imaging/data/profile.tsv``)."""

    measure: str
    topic: str
    circular: bool
    more: str
    less: str
    against_side: str


@dataclass(frozen=True)
class Sentence:
    """One sentence of the profile.

    Attributes
    ----------
    topic : str
        Of :data:`TOPICS`.
    against : str
        The other side, or controls.
    text : str
    stands_out : bool
        The interval leaves out no difference; or the figure lies outside of that of controls.
    """

    topic: str
    against: str
    text: str
    stands_out: bool


@cache
def lines() -> tuple[Line, ...]:
    """Return the measures of the profile, in its order."""
    with resources.as_file(resources.files("imaging") / "data" / "profile.tsv") as path:
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    frame["circular"] = frame["circular"] == "yes"
    return tuple(Line(**{str(k): v for k, v in row.items()}) for row in frame.to_dict("records"))


def circular_measures(names: Sequence[str]) -> set[str]:
    """Return those of the names that are places in the gait cycle."""
    return {n for n in names for line in lines() if line.circular and fnmatchcase(n, line.measure)}


def profile(
    measures: Sequence[Measure],
    norms: Norms | None = None,
    participant: str = "",
    names: Names = NO_NAMES,
) -> list[Sentence]:
    """Return the sentences about a person, those that stand out first within each topic.

    Parameters
    ----------
    measures
        The long table.
    norms
        Of controls; None: against the other side only.
    participant
        ``sub-01``: a control is compared with the other controls.
    names
        Of muscles that the catalogue does not know.
    """
    found = [*_against_side(measures)]
    if norms is not None:
        found += _against_controls(measures, norms, participant, names)
    order = list(TOPICS)
    return sorted(found, key=lambda s: (order.index(s.topic), not s.stands_out))


def expected_by_chance(sentences: Sequence[Sentence]) -> list[tuple[str, int, int, float]]:
    """Return against whom, how many figures, how many that stand out, and 5 % of them."""
    out = []
    for against in (OTHER_SIDE, CONTROLS):
        if own := [s for s in sentences if s.against == against]:
            out.append((against, len(own), sum(s.stands_out for s in own), 0.05 * len(own)))
    return out


def _against_side(measures: Sequence[Measure]) -> Iterator[Sentence]:
    for line in lines():
        if not line.against_side:
            continue
        for m in measures:
            if m.value is not None and fnmatchcase(m.measure, line.measure):
                yield Sentence(line.topic, OTHER_SIDE, *_pair(m, line))


def number(value: float) -> str:
    """Return a figure as one says it: no decimals from 10 on."""
    text = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}" if abs(value) >= 1 else ""
    return text or f"{value:.2g}"


def _apart(value: float, *limits: float) -> list[str]:
    """Return a figure and its limits with as many decimals as tell it from each of them."""
    said = [number(v) for v in (value, *limits)]
    decimals = 1
    while said[0] in said[1:] and value not in limits and decimals < 6:
        said = [f"{v:.{decimals}f}" for v in (value, *limits)]
        decimals += 1
    return said


def _pair(m: Measure, line: Line) -> tuple[str, bool]:
    """Return the sentence about a pair, and whether its interval leaves out no difference."""
    value = float(m.value or 0.0)
    said = line.against_side.format(
        muscle=" ".join(quantity_of(m.measure).split("_")),
        size=number(abs(value)),
        word=line.more if value > 0 else line.less,
    )
    said = capital(said)
    if m.ci_low is None or m.ci_high is None:
        return f"{said} (no interval: too few strides).", False
    low, high = m.ci_low, m.ci_high
    if value < 0:
        low, high = -high, -low
    interval = f"95 % interval {number(low)} to {number(high)}"
    if low <= 0 <= high:
        return f"{said}, which is within the uncertainty ({interval}).", False
    return f"{said} ({interval}).", True


def _against_controls(
    measures: Sequence[Measure], norms: Norms, participant: str, names: Names
) -> Iterator[Sentence]:
    measures = whole(measures)
    taken = list(zip(measures, ways_of(measures), strict=True))
    for line in lines():
        for m, way in taken:
            if m.value is None or not fnmatchcase(m.measure, line.measure):
                continue
            if not norms.suits(m.measure, way):
                continue
            norm = norms.norm(m.label, m.measure, line.circular, without=participant)
            if norm is not None and norms.units.get(m.measure) == m.unit:
                yield _among(m, line, norm, names)


def _among(m: Measure, line: Line, norm: Norm, names: Names) -> Sentence:
    value = float(m.value or 0.0)
    unit, factor = shown_unit(m.unit)
    where = norm.place(value)
    who = f"{side_and_key(m.label, names=names)}: " if m.label else ""
    low, high = norm.low, norm.high
    if norm.circular:
        low, high = low % 100, high % 100
    if norm.circular and m.unit == "percent":
        unit = f"{unit} of the cycle"
    own, least, most = _apart(value * factor, low * factor, high * factor)
    interval = f"{least} to {most} {unit}".rstrip()
    figure = f"{title_of(m.measure)} {own} {unit}".rstrip()
    if not who:
        figure = capital(figure)
    others = norm.source or "controls"
    placed = {0: f"as in {others}", 1: f"{line.more} than in {others}",
              -1: f"{line.less} than in {others}"}[where]  # fmt: skip
    norm_of = f"95 % of such persons: {interval}; n {norm.n}"
    said = f"{who[:1].upper()}{who[1:]}{figure}, {placed} ({norm_of})."
    return Sentence(line.topic, CONTROLS, said, where != 0)
