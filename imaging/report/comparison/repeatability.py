"""How far a figure changes from scan to scan without any change in the person.

The smallest detectable change is t·√2 times the within-subject standard deviation: of 95 in 100
repeat scans the change is smaller. t is the 97.5th percentile of Student's distribution with one
degree of freedom for each pair of scans behind the standard deviation: 1.96 for many pairs, more
for few, since the deviation is then not well known itself.

Bland JM, Altman DG. Measurement error. BMJ 1996;313:744. Weir JP. Quantifying test-retest
reliability using the intraclass correlation coefficient and the SEM. J Strength Cond Res
2005;19:231-240.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t as student_t

from imaging.errors import InputError, UnitError
from imaging.formats.tsv import Kind, read_tsv
from imaging.musclemap.table import definition_of
from imaging.muscles import recordable

ALL = "all"
SCALES = ("absolute", "percent")
FEWEST_PAIRS = 5
_HOW = "See docs/comparison.md for the columns"
_COLUMNS: Mapping[str, Kind] = {
    "measure": "text", "muscles": "text", "unit": "text", "scale": "text", "sd_within": "number",
    "n": "whole", "of": "text", "source": "text",
}  # fmt: skip


def sdc_factor(n: int) -> float:
    """Return the smallest detectable change over a within-subject SD known from `n` pairs."""
    return float(student_t.ppf(0.975, n) * np.sqrt(2))


@dataclass(frozen=True)
class Repeatability:
    """One row of a table of repeatability.

    Attributes
    ----------
    measure : str
        Of the dictionary of measures.
    muscles : tuple of str
        Keys, or ``("all",)``.
    unit : str
        That of the measure.
    scale : str
        ``absolute``: `sd_within` is in `unit`; ``percent``: in percent of the mean of both scans.
    sd_within : float
        Within-subject standard deviation.
    n : int
        Pairs of scans (muscles of legs) behind it.
    of : str
        What was repeated, such as ``digital leg: a lower bound for people``.
    source : str
        Where the figure is from.
    """

    measure: str
    muscles: tuple[str, ...]
    unit: str
    scale: str
    sd_within: float
    n: int
    of: str
    source: str

    def smallest_change(self, level: float) -> float:
        """Return the smallest detectable change of a figure whose two values have this mean."""
        sd = self.sd_within if self.scale == "absolute" else self.sd_within * abs(level) / 100
        return sdc_factor(self.n) * sd


@dataclass(frozen=True)
class RepeatabilityTable:
    """Rows by measure and muscle; a muscle's own row goes before that of all muscles."""

    rows: tuple[Repeatability, ...]

    @property
    def measures(self) -> frozenset[str]:
        """Measures that any row is of."""
        return frozenset(r.measure for r in self.rows)

    def row(self, measure: str, muscle: str) -> Repeatability | None:
        """Return the row of a measure for a muscle's key; None where none is known."""
        own = [r for r in self.rows if r.measure == measure]
        exact = (r for r in own if muscle in r.muscles)
        return next(exact, None) or next((r for r in own if r.muscles == (ALL,)), None)


def within_subject_sd(first: ArrayLike, second: ArrayLike) -> float:
    """Return √(Σ d² / 2n) of the differences d between n pairs of scans (Bland and Altman 1996)."""
    d = np.asarray(first, float) - np.asarray(second, float)
    return float(np.sqrt(np.mean(d**2) / 2))


@dataclass(frozen=True)
class Published:
    """Repeatability in people as published: `figure` in words, `of` whom, `source`."""

    measure: str
    figure: str
    of: str
    source: str


@cache
def published() -> tuple[Published, ...]:
    """Return what was published of people; of other muscles or programs, so no verdict uses it."""
    with resources.as_file(resources.files("imaging") / "data") as folder:
        frame = pd.read_csv(folder / "repeatability_published.tsv", sep="\t")
    return tuple(Published(**{str(k): v for k, v in r.items()}) for r in frame.to_dict("records"))


@cache
def built_in() -> RepeatabilityTable:
    """Return the table that comes with Pennate (``imaging/data/repeatability.tsv``)."""
    with resources.as_file(resources.files("imaging") / "data" / "repeatability.tsv") as path:
        return read_repeatability(path)


def read_repeatability(path: Path) -> RepeatabilityTable:
    """Read a table of repeatability.

    Raises
    ------
    MissingFileError, InputError
        No such table, damaged, a scale or muscle that there is not, a measure twice.
    UnitError
        Another unit than the measure has.
    """
    frame = read_tsv(path, _COLUMNS, _HOW)
    rows = [_row(record, path, k) for k, record in enumerate(frame.to_dict("records"), start=2)]
    taken: set[tuple[str, str]] = set()
    for row in rows:
        for muscle in row.muscles:
            if (row.measure, muscle) in taken:
                why = f"gives {row.measure} of {muscle} twice"
                raise InputError(why, path, "Keep one row for each")
            taken.add((row.measure, muscle))
    return RepeatabilityTable(tuple(rows))


def _row(record: Mapping[Any, Any], path: Path, number: int) -> Repeatability:
    missing = [name for name in _COLUMNS if pd.isna(record[name])]
    if missing:
        raise InputError(f"row {number} has no {missing[0]}", path, _HOW)
    text = {name: str(record[name]) for name, kind in _COLUMNS.items() if kind == "text"}
    sd, n = float(record["sd_within"]), int(record["n"])
    muscles = tuple(text.pop("muscles").split())
    definition = definition_of(text["measure"])
    if definition is None:
        raise InputError(f"row {number}: there is no measure {text['measure']!r}", path, _HOW)
    if definition.unit != text["unit"]:
        why = f"row {number} gives {text['measure']} in {text['unit']}, not in {definition.unit}"
        raise UnitError(why, path, "Convert it")
    if text["scale"] not in SCALES:
        why = f"row {number}: scale {text['scale']!r} is not one of {', '.join(SCALES)}"
        raise InputError(why, path, _HOW)
    if sd <= 0 or n < 1:
        why = f"row {number}: sd_within and n must be above 0"
        raise InputError(why, path, "Leave out what is not known")
    if strange := _unknown(muscles):
        raise InputError(f"row {number}: there is no muscle {strange[0]!r}", path, _HOW)
    return Repeatability(muscles=muscles, sd_within=sd, n=n, **text)


def _unknown(muscles: Sequence[str]) -> list[str]:
    if tuple(muscles) == (ALL,):
        return []
    known = {s.key for s in recordable()}
    return [m for m in muscles if m not in known] or ([] if muscles else [""])
