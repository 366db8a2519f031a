"""Intervals of muscle medians, and which medians are too unsure to be figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imaging.elastography.notes import (
    METHODS,
    UNSURE_HALF_WIDTH,
    too_wide_warning,
    unsure_warning,
)
from imaging.elastography.uncertainty import MuscleError
from imaging.measures import Measure, not_measured

#: A figure whose 95 % interval reaches further than this share of it either way is not measured.
MAX_HALF_WIDTH = 0.5
# Loss angle of muscle where a method gives none, rad.
_USUAL_ANGLE = 0.3


def with_intervals(
    rows: Sequence[Measure], errors: Mapping[int, MuscleError], quantities: Mapping[str, str]
) -> tuple[list[Measure], list[str]]:
    """Return measures with the intervals that are known, and without figures too wide for one.

    Parameters
    ----------
    rows
        Of every muscle.
    errors
        By label.
    quantities
        Name of a median's measure to its quantity. Rows whose name goes on after it
        (``..._iqr``) are no figures either where the median is none.

    Returns
    -------
    rows : list of Measure
    warnings : list of str
        Which medians are unsure, and which are no figures.
    """
    angles = _loss_angles(rows, quantities)
    out: list[Measure] = []
    gone: dict[tuple[int, str], str] = {}
    unsure: dict[str, list[int]] = {}
    for row in rows:
        error, quantity = errors.get(row.label), quantities.get(row.measure)
        if row.value is None or error is None:
            out.append(row)
            continue
        if quantity is None:
            why = next((w for (v, n), w in gone.items()
                        if v == row.label and row.measure.startswith(n + "_")), None)  # fmt: skip
            out.append(row if why is None else _lost(row, why))
            continue
        half = error.half_width(quantity, row.value, angles.get(row.label, _USUAL_ANGLE))
        if row.value > 0 and half <= MAX_HALF_WIDTH * row.value:
            out.append(replace(row, ci_low=row.value - half, ci_high=row.value + half))
            if half > UNSURE_HALF_WIDTH * row.value:
                unsure.setdefault(row.measure, []).append(row.label)
            continue
        why = "too few parts of the muscle for an interval"
        if np.isfinite(half):
            why = f"95 % interval {row.value - half:.3g} to {row.value + half:.3g} {row.unit}"
        gone[row.label, row.measure] = f"too unsure: {why}"
        out.append(_lost(row, gone[row.label, row.measure]))
    warnings = [
        unsure_warning(_words(name, quantities[name]), labels, UNSURE_HALF_WIDTH)
        for name, labels in unsure.items()
    ]
    for name in dict.fromkeys(n for _, n in gone):
        labels = [v for v, n in gone if n == name]
        words = _words(name, quantities[name])
        warnings.append(too_wide_warning(words, labels, MAX_HALF_WIDTH))
    return out, warnings


def _words(name: str, quantity: str) -> str:
    """Return a measure in words, such as ``loss modulus (curl)``."""
    method = METHODS.get((name.split("_") + [""])[1])
    what = "|G*|" if quantity == "magnitude" else quantity.replace("_", " ")
    return what if method is None else f"{what} ({method.title})"


def _loss_angles(rows: Sequence[Measure], quantities: Mapping[str, str]) -> dict[int, float]:
    """Return the loss angle of every label, rad, where rows tell it."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.value is not None and row.measure in quantities:
            found.setdefault(row.label, {})[quantities[row.measure]] = row.value
    out = {}
    for label, held in found.items():
        if "loss_angle" in held:
            out[label] = max(held["loss_angle"], 0.01)
        elif {"storage_modulus", "loss_modulus"} <= held.keys():
            out[label] = max(float(np.arctan2(held["loss_modulus"], held["storage_modulus"])), 0.01)
    return out


def _lost(row: Measure, why: str) -> Measure:
    return not_measured(row.label, row.measure, row.unit, f"{why}; {row.note}")
