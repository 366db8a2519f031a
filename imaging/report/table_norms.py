"""Norms from a table with a source, by sex, age and size where it gives them.

No such table comes with Pennate: figures depend on scanner, sequence and definition.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from imaging.musclemap.table import definition_of
from imaging.muscles import SIDE_CODES, is_recordable, label_of, recordable

OPTIONAL = ("muscle", "low", "high", "values", "sex", "age_low", "age_high", "per", "source")
#: Of figures that grow with the product of body mass and height, as volumes of muscles do
#: (Handsfield et al. 2014, J Biomech 47:631-638).
PER_SIZE = "kg m"
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


@dataclass(frozen=True)
class Person:
    """Who is held against norms; empty and None where it is not known."""

    sex: str = ""
    age: float | None = None
    mass_kg: float | None = None
    height_m: float | None = None

    @property
    def size_kg_m(self) -> float | None:
        """Return body mass times height."""
        if self.mass_kg is None or self.height_m is None:
            return None
        return self.mass_kg * self.height_m


@dataclass(frozen=True)
class TableNorm:
    """One row: mean and SD of n persons of a sex and age, with limits where it gives them.

    With `per_size` all figures are per kg and m of a person.
    """

    mean: float
    sd: float
    n: int
    source: str
    limits: tuple[float, float] | None = None
    sex: str = ""
    ages: tuple[float, float] | None = None
    per_size: bool = False

    def of_size(self, person: Person) -> TableNorm:
        """Return the norm of a person's size; itself where it does not depend on it."""
        size = person.size_kg_m
        if not self.per_size or size is None:
            return self
        limits = None if self.limits is None else (self.limits[0] * size, self.limits[1] * size)
        return replace(
            self, mean=self.mean * size, sd=self.sd * size, limits=limits, per_size=False
        )

    def suits(self, person: Person) -> bool:
        """Tell whether the row is of such persons."""
        if self.per_size and person.size_kg_m is None:
            return False
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
    """Return what ``participants.tsv`` says of participants: sex, age, weight and height.

    Age is in years and weight in kg, as BIDS asks; height in m or cm, which no body is both of.
    What cannot be true is taken as unknown.
    """
    found = {}
    for row in participants.to_dict("records"):
        name = f"sub-{str(row['participant_id']).strip().removeprefix('sub-')}"
        sex = _SEXES.get(str(row.get("sex", "")).strip().lower(), "")
        height = _number(row.get("height"))
        if height is not None and height > 3:
            height /= 100
        age = _within(_number(row.get("age")), 0, 120)
        mass, height = _within(_number(row.get("weight")), 10, 400), _within(height, 0.6, 2.6)
        if mass and height and not 8 <= mass / height**2 <= 100:  # such as pounds and inches
            mass = height = None
        found[name] = Person(sex, age, mass, height)
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
    if (per := _text(row, "per")) not in ("", PER_SIZE):
        raise ValueError(f"per {per!r} is not {PER_SIZE!r}")
    n, mean, sd = (_number(row.get(name)) for name in ("n", "mean", "sd"))
    if n is None or mean is None or sd is None or sd <= 0:
        raise ValueError(f"{measure} needs n, mean and an sd above 0")
    norm = TableNorm(
        mean, sd, int(n), source, _pair(row, "low", "high"), _SEXES.get(sex, ""),
        _pair(row, "age_low", "age_high"), per == PER_SIZE,
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


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None


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
