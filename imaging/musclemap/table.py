"""The long table of all measures, the wide table of muscles, and the data dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging.errors import InputError
from imaging.measures import Measure, not_measured
from imaging.musclemap.stiffness_titles import METHODS, title_of_map
from imaging.muscles import (
    NO_NAMES,
    SIDES,
    Names,
    label_of,
    muscle_keys,
    muscle_labels,
    shown_of,
    side_of,
    structure_of,
)

_UNIT_IN_NAME = {"1/m": "per_m", "mm2/s": "mm2_per_s", "%": "percent", "kg/m3": "kg_per_m3"}
# What follows the column of a value, and what it means.
_PARTS = {
    "sd": "Spread (standard deviation, or what the note of the measure says) of",
    "n": "Number of samples behind",
    "ci_low": "Lower end of the 95 % confidence interval of",
    "ci_high": "Upper end of the 95 % confidence interval of",
    "status": "Status (measured, extrapolated, modelled, assumed, not_measured) of",
}
# Figures of a method as a whole, not of one of its quantities.
_OF_METHODS = ("stiffness_*_stable_share", "stiffness_*_coverage")
IDENTITY = {
    "label": "100 times side (1 left, 2 right) plus index in the catalogue",
    "muscle": "Key of the muscle in the catalogue",
    "name": "Name of the muscle",
    "side": "left, right or undecided",
    "compartment": "Compartment of the lower leg",
    "group": "Group that models merge it into",
}


@dataclass(frozen=True)
class Definition:
    """One row of the dictionary of measures (``imaging/data/measures.tsv``).

    Attributes
    ----------
    name, title, unit, level, stage, definition, formula, source : str
    expected : bool
        Whether a muscle without it gets a row that says why.
    headline : bool
        Whether it is in the readable table of muscles.
    fewest, above : int or None, float or None
        Of fewer samples, or not above this, it is ``not_measured``.
    """

    name: str
    title: str
    unit: str
    level: str
    stage: str
    expected: bool
    headline: bool
    fewest: int | None
    above: float | None
    definition: str
    formula: str
    source: str


@cache
def definitions() -> tuple[Definition, ...]:
    """Return the dictionary of measures in its order; ``*`` in a name stands for a quantity."""
    with resources.as_file(resources.files("imaging") / "data" / "measures.tsv") as path:
        frame = pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False).fillna("")
    for column in ("expected", "headline"):
        frame[column] = frame[column] == "yes"
    rows = [{str(k): v for k, v in r.items()} for r in frame.to_dict("records")]
    for row in rows:
        row["fewest"] = int(row["fewest"]) if row["fewest"] != "" else None
        row["above"] = float(row["above"]) if row["above"] != "" else None
    return tuple(Definition(**row) for row in rows)


@cache
def definition_of(measure: str) -> Definition | None:
    """Return the definition of a measure, None for a name that no row explains."""
    exact = (d for d in definitions() if d.name == measure)
    return next(exact, None) or next(
        (d for d in definitions() if fnmatchcase(measure, d.name)), None
    )


def check_known(measures: Iterable[Measure], path: str | Path, how: str) -> None:
    """Check that the dictionary has every measure, in the unit that it is given in.

    Raises
    ------
    InputError
        An unknown measure, or another unit: another version wrote them.
    """
    for name, unit in sorted({(m.measure, m.unit) for m in measures}):
        found = definition_of(name)
        if found is None:
            raise InputError(f"holds a measure that is not known: {name}", path, how)
        if found.unit != unit:
            raise InputError(f"gives {name} in {unit}, not in {found.unit}", path, how)


def title_of(measure: str) -> str:
    """Return the name of a measure for readers, with the quantity that a ``*`` stands for."""
    found = definition_of(measure)
    if found is None:
        return measure.replace("_", " ")
    quantity = quantity_of(measure)
    if not quantity:
        return found.title
    of_method = found.name in _OF_METHODS
    words = METHODS.get(quantity, quantity) if of_method else _words_of(quantity)
    return found.title.replace("*", words)


def _words_of(quantity: str) -> str:
    """Return readers' words for a quantity: those of its measure, or of its map, or its own."""
    exact = (d.title for d in definitions() if d.name == f"stiffness_{quantity}")
    return next(exact, title_of_map(quantity))


def quantity_of(measure: str) -> str:
    """Return what the ``*`` of a measure's definition stands for; empty without one."""
    found = definition_of(measure)
    if found is None or "*" not in found.name:
        return ""
    start, end = found.name.split("*")
    return measure.removeprefix(start).removesuffix(end)


def column_name(measure: str, unit: str) -> str:
    """Return the column of a measure's value: ``volume_ml``; no ending without a unit."""
    ending = _UNIT_IN_NAME.get(unit, unit.replace("/", "_per_"))
    return measure if unit == "1" else f"{measure}_{ending}"


@cache
def measure_of_column(column: str) -> tuple[str, str] | None:
    """Return measure and unit of a column of values, None for any other column."""
    for d in definitions():
        ending = column_name("", d.unit)
        measure = column.removesuffix(ending)
        if column.endswith(ending) and fnmatchcase(measure, d.name):
            return measure, d.unit
    return None


def rows_of_map(labels: NDArray[Any]) -> list[int]:
    """Return the labels that get a row: every catalogue muscle on each side in view, and groups."""
    present = muscle_labels(labels)
    sides = sorted({label // 100 for label in present})
    single = {label_of(key, SIDES[side]) for side in sides for key in muscle_keys()}
    return sorted(single | set(present))


def complete(
    measures: Sequence[Measure],
    labels: Sequence[int],
    present: Iterable[int],
    missing: Mapping[str, str],
) -> list[Measure]:
    """Return all measures, with a ``not_measured`` row wherever a muscle lacks one.

    Parameters
    ----------
    measures
        What the stages gave.
    labels
        Muscles that get a row.
    present
        Labels that are in the label map.
    missing
        Stage (``dwi``, ``fibre``, ``mre``, ``us``, ``func``) to the reason why it is missing.
    """
    present = set(present)
    known = {(m.label, m.measure) for m in measures}
    units = {m.measure: m.unit for m in measures if m.label in set(labels)}
    stiff = any(name.startswith("stiffness_") for name in units)
    for d in definitions():
        if d.expected and not (stiff and d.stage == "mre"):
            units.setdefault(d.name, d.unit)
    out = list(measures)
    for label in labels:
        for name, unit in units.items():
            if (label, name) not in known:
                out.append(not_measured(label, name, unit, _why(label, name, present, missing)))
    position = {name: k for k, name in enumerate(_measure_order(units))}
    return sorted(out, key=lambda m: (m.label, position.get(m.measure, -1), m.measure))


def _why(label: int, measure: str, present: set[int], missing: Mapping[str, str]) -> str:
    stage = _stage_of(measure)
    if label not in present and stage != "func":
        merged = [structure_of(v).key for v in present if v // 100 == label // 100]
        key = structure_of(label).key
        parent = next((m for m in merged if key in m.split("+")), None)
        return f"labelled together as {parent}" if parent else "not in the label map"
    if stage in missing:
        return missing[stage]
    return "no channel for this muscle" if stage == "func" else "no value for this muscle"


def _stage_of(measure: str) -> str:
    found = definition_of(measure)
    if found is None:
        return ""
    return found.stage


def _measure_order(names: Iterable[str]) -> list[str]:
    order = {d.name: k for k, d in enumerate(definitions())}
    found = {name: definition_of(name) for name in names}
    return sorted(
        found, key=lambda n: (order[d.name] if (d := found[n]) is not None else len(order), n)
    )


def wide(measures: Sequence[Measure], names: Names = NO_NAMES) -> pd.DataFrame:
    """Return one row per muscle; figures of the whole subject (label 0) are left out.

    `names` are those of muscles that the catalogue does not know.

    Every measure has a column for its value and its status. Columns of spread, count and
    confidence interval stand only where at least one muscle has them.

    Raises
    ------
    InputError
        Two figures for the same measure of the same muscle.
    """
    rows: dict[int, dict[str, Any]] = {}
    units = {m.measure: m.unit for m in measures if m.label > 0}
    for m in measures:
        if m.label == 0:
            continue
        s = shown_of(m.label, names)
        identity = (m.label, s.key, s.name, side_of(m.label), s.compartment, s.group)
        row = rows.setdefault(m.label, dict(zip(IDENTITY, identity, strict=True)))
        column = column_name(m.measure, m.unit)
        if column in row:
            raise InputError(f"{m.measure} of label {m.label} is given twice", None, "Keep one")
        row[column] = m.value
        row |= {f"{column}_{part}": getattr(m, part) for part in _PARTS}
    used = kept_columns(m for m in measures if m.label > 0)
    order = [rows[label] for label in sorted(rows)]
    content: dict[str, Any] = {name: [row[name] for row in order] for name in IDENTITY}
    for name in _measure_order(units):
        column = column_name(name, units[name])
        for part in ("", *_PARTS):
            full = f"{column}_{part}" if part else column
            if full in used:
                cells = [row.get(full) for row in order]
                content[full] = cells if part == "status" else _numbers(cells, part == "n")
    return pd.DataFrame(content)


def _numbers(cells: list[Any], whole: bool) -> Any:
    return pd.array(cells, dtype="Int64") if whole else np.array(cells, dtype=float)


def kept_columns(measures: Iterable[Measure]) -> set[str]:
    """Return the columns of values, statuses, and of what else any muscle has."""
    kept = set()
    for m in measures:
        column = column_name(m.measure, m.unit)
        kept |= {column, f"{column}_status"}
        kept |= {f"{column}_{part}" for part in _PARTS if getattr(m, part) is not None}
    return kept


def dictionary(measures: Sequence[Measure]) -> dict[str, Any]:
    """Return the data dictionary of the wide table: every column with what it means."""
    out: dict[str, Any] = {c: {"Description": text} for c, text in IDENTITY.items()}
    kept = kept_columns(m for m in measures if m.label > 0)
    units = {m.measure: m.unit for m in measures if m.label > 0}
    for name in _measure_order(units):
        unit = units[name]
        column = column_name(name, unit)
        d = definition_of(name)
        entry = {
            "Description": d.definition if d else "See the notes of the stage that gives it",
            "LongName": title_of(name),
            "Measure": name,
            "Units": unit,
        }
        if d and d.formula:
            entry["Formula"] = d.formula
        if d and d.source:
            entry["Source"] = d.source
        out[column] = entry
        for part, text in _PARTS.items():
            if f"{column}_{part}" not in kept:
                continue
            out[f"{column}_{part}"] = {"Description": f"{text} {column}"}
            if part not in ("n", "status"):
                out[f"{column}_{part}"]["Units"] = unit
    return out


def rank_correlation(a: NDArray[Any], b: NDArray[Any], at_least: int = 10) -> float:
    """Return Spearman's coefficient over pairs that are both finite; NaN for fewer pairs."""
    good = np.isfinite(a) & np.isfinite(b)
    if good.sum() < at_least or np.ptp(a[good]) == 0 or np.ptp(b[good]) == 0:
        return float("nan")
    one, two = (pd.Series(v[good]).rank().to_numpy() for v in (a, b))
    return float(np.corrcoef(one, two)[0, 1])
