"""Norms from a table with a source, by sex and age where it gives them.

No such table comes with Pennate: figures depend on scanner, sequence and definition.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from imaging.musclemap.table import definition_of
from imaging.muscles import SIDE_CODES, is_recordable, label_of, recordable

OPTIONAL = ("muscle", "low", "high", "values", "sex", "age_low", "age_high", "source")
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


@dataclass(frozen=True)
class Person:
    """Who is held against norms; empty and None where it is not known."""

    sex: str = ""
    age: float | None = None


@dataclass(frozen=True)
class TableNorm:
    """One row: mean and SD of n persons of a sex and age; `low` and `high` where it gives them."""

    mean: float
    sd: float
    n: int
    source: str
    limits: tuple[float, float] | None = None
    sex: str = ""
    ages: tuple[float, float] | None = None

    def suits(self, person: Person) -> bool:
        """Tell whether the row is of such persons."""
        right_sex = not self.sex or self.sex == person.sex
        if self.ages is None or person.age is None:
            return right_sex and self.ages is None
        years = int(person.age)  # 40 until the next birthday
        return right_sex and self.ages[0] <= years <= self.ages[1]

    def overlaps(self, other: TableNorm) -> bool:
        """Tell whether a person could suit both rows."""
        if self.sex and other.sex and self.sex != other.sex:
            return False
        if self.ages is None or other.ages is None:
            return True
        return self.ages[0] <= other.ages[1] and other.ages[0] <= self.ages[1]


def people_of(participants: pd.DataFrame) -> dict[str, Person]:
    """Return sex and age (years) of participants, from ``participants.tsv`` as BIDS has it."""
    found = {}
    for row in participants.to_dict("records"):
        name = f"sub-{str(row['participant_id']).strip().removeprefix('sub-')}"
        sex = _SEXES.get(str(row.get("sex", "")).strip().lower(), "")
        found[name] = Person(sex, _number(row.get("age")))
    return found


def rows_of(row: Mapping[Hashable, Any]) -> list[tuple[int, str, TableNorm]]:
    """Return label, measure and norm of a row of a table; both sides where it names a muscle.

    Raises
    ------
    ValueError
        It contradicts itself, or would be taken for another figure than it is.
    """
    measure, source = _text(row, "measure"), _text(row, "source")
    check_unit(measure, _text(row, "unit"))
    if not source:
        raise ValueError(f"{measure} has no source, and no values of controls")
    sex = _text(row, "sex").lower()
    if sex and sex not in _SEXES:
        raise ValueError(f"sex {sex!r} is neither female nor male")
    n, mean, sd = (_number(row.get(name)) for name in ("n", "mean", "sd"))
    if n is None or mean is None or sd is None or sd <= 0:
        raise ValueError(f"{measure} needs n, mean and an sd above 0")
    norm = TableNorm(
        mean, sd, int(n), source, _pair(row, "low", "high"), _SEXES.get(sex, ""),
        _pair(row, "age_low", "age_high"),
    )  # fmt: skip
    if norm.limits is not None and not norm.limits[0] < mean < norm.limits[1]:
        raise ValueError(f"{measure}: the mean {mean:g} lies outside of low and high")
    return [(label, measure, norm) for label in _labels(row)]


def check_unit(measure: str, unit: str) -> None:
    """Check that a measure is known and has this unit; ValueError where not."""
    known = definition_of(measure)
    if known is None:
        raise ValueError(f"there is no measure {measure!r}")
    if known.unit != unit:
        raise ValueError(f"{measure} is given in {unit}, not in {known.unit}")


def check_apart(rows: Sequence[TableNorm], what: str) -> None:
    """Check that no person suits two rows; ValueError where one could."""
    for k, row in enumerate(rows):
        if any(row.overlaps(other) for other in rows[k + 1 :]):
            raise ValueError(f"{what} has two rows for the same persons")


def _labels(row: Mapping[Hashable, Any]) -> list[int]:
    label, muscle = _number(row.get("label")), _text(row, "muscle")
    if (label is None) == (not muscle):
        raise ValueError("a row needs either label or muscle")
    if label is not None:
        if not (label == 0 or is_recordable(int(label))):
            raise ValueError(f"label {label:g} is not in the catalogue")
        return [int(label)]
    if muscle not in {s.key for s in recordable()}:
        raise ValueError(f"there is no muscle {muscle!r}")
    return [label_of(muscle, side) for side in SIDE_CODES]


def _pair(row: Mapping[Hashable, Any], low: str, high: str) -> tuple[float, float] | None:
    ends = _number(row.get(low)), _number(row.get(high))
    if ends[0] is None and ends[1] is None:
        return None
    if ends[0] is None or ends[1] is None or ends[0] > ends[1]:
        raise ValueError(f"{low} and {high} go together, in this order")
    return ends[0], ends[1]


def _text(row: Mapping[Hashable, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or pd.isna(value) else str(value).strip()


def _number(value: object) -> float | None:
    """Return a number, None where there is none."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return None if pd.isna(found) else found
