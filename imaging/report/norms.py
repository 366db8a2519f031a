"""Norms: what the controls of a cohort have, or a table with a source, and where a person lies.

A person is compared with the interval in which 95 % of further persons like the controls would
lie, mean ± t·SD·√(1 + 1/n). A control is compared with the others.

Crawford JR, Howell DC. Comparing an individual's test score against norms derived from small
samples. Clin Neuropsychol 1998;12:482-486.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import special

from imaging.arrays import FloatArray
from imaging.errors import ConfigError
from imaging.function.cycles import circular_difference, circular_mean
from imaging.measures import Measure
from imaging.report.table_norms import Person, TableNorm, check_apart, check_unit, rows_of
from imaging.report.ways import kept_apart, usual_way, ways_of

FEWEST_CONTROLS = 5
#: Without meaning where a part of the muscle is out of view.
OF_WHOLE_MUSCLES = ("volume", "pcsa_anatomical", "pcsa_functional")
COLUMNS = ("label", "measure", "unit", "n", "mean", "sd", "low", "high", "values", "way")


@dataclass(frozen=True)
class Norm:
    """What controls have of one measure.

    Attributes
    ----------
    mean, sd : float
        Over persons; of times in the cycle, circular.
    n : int
        Persons.
    low, high : float
        Between which 95 % of further persons like them lie.
    circular : bool
        Percent of the cycle, where 99 and 1 are neighbours.
    source : str
        Of a table; empty for controls of a cohort.
    """

    mean: float
    sd: float
    n: int
    low: float
    high: float
    circular: bool = False
    source: str = ""

    def place(self, value: float) -> int:
        """Return 1 above the interval, -1 below, 0 within."""
        away = self.away(value)
        if away > self.high - self.mean:
            return 1
        return -1 if away < self.low - self.mean else 0

    def away(self, value: float) -> float:
        """Return how far a value lies from the mean, around the circle where it is one."""
        if self.circular:
            return float(circular_difference(value, self.mean))
        return value - self.mean


def norm_of(values: Sequence[float], circular: bool = False) -> Norm | None:
    """Return the norm of controls, one value per person; None for fewer than five."""
    known = np.array([v for v in values if np.isfinite(v)])
    n = len(known)
    if n < FEWEST_CONTROLS:
        return None
    mean, sd = _mean_and_sd(known, circular)
    half = _half_width(sd, n)
    return Norm(mean, sd, n, mean - half, mean + half, circular)


def _half_width(sd: float, n: int) -> float:
    return float(special.stdtrit(n - 1, 0.975)) * sd * float(np.sqrt(1 + 1 / n))


def _mean_and_sd(values: FloatArray, circular: bool) -> tuple[float, float]:
    if circular:
        return circular_mean(values)
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


@dataclass(frozen=True)
class Norms:
    """Values of controls, and rows of a table with a source.

    Attributes
    ----------
    values : dict
        (label, measure) → participant → value.
    units : dict
        Measure → unit.
    rows : dict
        (label, measure) → rows of a table, no two of which suit the same person.
    people : dict
        Participant → sex, age and size, which choose among the rows.
    ways : dict
        Measure → how its values were taken, where that matters; figures of persons that were
        taken in another way are not held against them.
    left_out : list of str
        A sentence on values of controls that were taken in another way than most.
    """

    values: Mapping[tuple[int, str], Mapping[str, float]]
    units: Mapping[str, str]
    rows: Mapping[tuple[int, str], Sequence[TableNorm]] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()

    @property
    def controls(self) -> list[str]:
        """Participants that are controls."""
        return sorted({who for own in self.values.values() for who in own})

    def norm(self, label: int, measure: str, circular: bool, without: str = "") -> Norm | None:
        """Return the norm of a measure that a person is held against.

        Parameters
        ----------
        label, measure, circular
            Which figure.
        without
            The person: left out of the controls; of their sex and age is the row of a table.
        """
        own = self.values.get((label, measure), {})
        if found := norm_of([v for who, v in own.items() if who != without], circular):
            return found
        person = self.people.get(without, Person())
        for row in self.rows.get((label, measure), ()):
            if row.suits(person):
                row = row.of_size(person)
                half = _half_width(row.sd, row.n)
                low, high = row.limits or (row.mean - half, row.mean + half)
                return Norm(row.mean, row.sd, row.n, low, high, circular, row.source)
        return None

    def suits(self, measure: str, way: str) -> bool:
        """Tell whether a figure that was taken in this way may be held against the norms."""
        known = self.ways.get(measure, "")
        return not known or not way or known == way

    def unknown(self, participant: str) -> str:
        """Return what must be known of a person before all rows can be used; empty if nothing."""
        person = self.people.get(participant, Person())
        rows = [row for own in self.rows.values() for row in own]
        lacking = [word for word, needed in (
            ("sex", not person.sex and any(row.sex for row in rows)),
            ("age", person.age is None and any(row.ages for row in rows)),
            ("size", person.size_kg_m is None and any(row.per_size for row in rows)),
        ) if needed]  # fmt: skip
        if not lacking:
            return ""
        return f"Norms by {' and '.join(lacking)} are left out: not known of {participant}."


def controls_of(participants: pd.DataFrame, wanted: str) -> set[str]:
    """Return the participants that are controls.

    Parameters
    ----------
    participants
        ``participants.tsv``: a column participant_id and others.
    wanted
        ``column=value``, such as ``group=control``.

    Raises
    ------
    ConfigError
        Not of this form, no such column, or nobody has that value.
    """
    column, equals, value = (part.strip() for part in wanted.partition("="))
    if not equals or not column or not value:
        raise ConfigError(f"controls: {wanted!r} names no column and value", None,
                          "Write for example group=control")  # fmt: skip
    if "participant_id" not in participants or column not in participants:
        raise ConfigError(f"controls: participants.tsv has no column {column!r}", None,
                          f"It has {list(participants.columns)}")  # fmt: skip
    written = participants[column].astype(str).str.strip().str.lower()
    found = participants.loc[written == value.lower(), "participant_id"]
    if found.empty:
        raise ConfigError(f"controls: nobody has {value!r} in the column {column!r}", None,
                          "Check participants.tsv")  # fmt: skip
    names = found.astype(str).str.strip()
    return {who if who.startswith("sub-") else f"sub-{who}" for who in names}


def whole(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures without volume and PCSA of muscles that the field of view cuts."""
    cut = {m.label for m in measures if m.measure == "coverage" and m.value == 0}
    return [m for m in measures if m.label not in cut or m.measure not in OF_WHOLE_MUSCLES]


def gather(measures: Mapping[str, Sequence[Sequence[Measure]]], circular: set[str]) -> Norms:
    """Return the values of controls.

    Parameters
    ----------
    measures
        Participant → the long table of each of their sessions; sessions of one person are
        averaged, so that nobody counts twice.
    circular
        Names of measures in percent of the cycle.
    """
    taken = {
        who: [list(zip(session, ways_of(session), strict=True)) for session in sessions]
        for who, sessions in sorted(measures.items())
    }
    usual, left_out = _usual_ways(taken)
    found: dict[tuple[int, str], dict[str, float]] = {}
    units: dict[str, str] = {}
    for who, sessions in taken.items():
        own: dict[tuple[int, str], list[float]] = {}
        for session in sessions:
            like = [m for m, way in session if way == usual.get(m.measure, way)]
            for m in (m for m in whole(like) if m.value is not None):
                own.setdefault((m.label, m.measure), []).append(float(m.value or 0.0))
                units[m.measure] = m.unit
        for (label, name), values in own.items():
            mean, _ = _mean_and_sd(np.array(values), name in circular)
            found.setdefault((label, name), {})[who] = mean
    return Norms(found, units, ways=usual, left_out=left_out)


def _usual_ways(
    taken: Mapping[str, Sequence[Sequence[tuple[Measure, str]]]],
) -> tuple[dict[str, str], list[str]]:
    """Return how most controls have each measure, where a way is named, and who differs."""
    ways: dict[str, list[str]] = {}
    for sessions in taken.values():
        own = {
            (m.measure, way) for session in sessions for m, way in session if m.value is not None
        }
        for name, way in sorted(own):
            ways.setdefault(name, []).append(way)
    usual = {name: way for name, own in ways.items() if (way := usual_way(own))}
    said = [
        f"{text[:-1]}; the norms are {way}."
        for way in sorted(set(usual.values()))
        for text in kept_apart({n: own for n, own in ways.items() if usual.get(n) == way})
    ]
    return usual, said


def norms_table(norms: Norms, circular: set[str]) -> pd.DataFrame:
    """Return one row per muscle and measure that five controls or more have."""
    rows = []
    for (label, name), own in sorted(norms.values.items()):
        norm = norms.norm(label, name, name in circular)
        if norm is not None:
            values = " ".join(f"{who}={own[who]:.6g}" for who in sorted(own))
            rows.append((label, name, norms.units[name], norm.n, norm.mean, norm.sd, norm.low,
                         norm.high, values, norms.ways.get(name)))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def from_table(table: pd.DataFrame) -> Norms:
    """Return the norms of a table: of :func:`norms_table`, or of one's own with a source.

    Raises
    ------
    ValueError
        It is damaged, of an unknown measure or another unit, or two rows suit one person.
    """
    values: dict[tuple[int, str], dict[str, float]] = {}
    units: dict[str, str] = {}
    rows: dict[tuple[int, str], list[TableNorm]] = {}
    ways: dict[str, str] = {}
    for row in table.to_dict("records"):
        measure, unit = str(row["measure"]), str(row["unit"])
        units[measure] = unit
        way = "" if pd.isna(row.get("way")) else str(row["way"])
        if ways.setdefault(measure, way) != way:
            raise ValueError(f"{measure} is of two ways: {ways[measure]!r} and {way!r}")
        if pd.isna(row.get("values")):
            for label, name, norm in rows_of(row):
                if norm.n < FEWEST_CONTROLS:
                    raise ValueError(f"{name} is of {norm.n} persons, fewer than {FEWEST_CONTROLS}")
                rows.setdefault((label, name), []).append(norm)
            continue
        check_unit(measure, unit)
        key = int(row["label"]), measure
        if key in values:
            raise ValueError(f"{measure} of label {key[0]} has values of controls twice")
        values[key] = _values(str(row["values"]))
    for label, name in rows:
        if (label, name) in values:
            raise ValueError(f"{name} of label {label} has values of controls and a row of its own")
    for (label, name), own in rows.items():
        check_apart(own, f"{name} of label {label}")
    return Norms(values, units, rows, ways=ways)


def _values(text: str) -> dict[str, float]:
    """Return the values of controls, written as ``sub-01=3.5 sub-02=4``."""
    pairs = [pair.split("=") for pair in text.split()]
    found = {who: float(v) for who, v in pairs}
    if len(found) < len(pairs):
        raise ValueError("a control has two values")
    if not np.isfinite(list(found.values())).all():
        raise ValueError("a value of a control is not a number")
    return found
