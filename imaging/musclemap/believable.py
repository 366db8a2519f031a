"""What is too little to be called measured: figures of a few voxels, moduli below zero.

How few, and above what, stands in the dictionary of measures (``fewest``, ``above``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imaging.measures import Measure, not_measured
from imaging.musclemap.table import definition_of

# What a muscle has less of where it is cut by the field of view; volume says so itself.
_OF_THE_WHOLE = ("pcsa_anatomical", "pcsa_functional")
_CUT = "cut by the field of view: of the part in view only"
# What is told beside a figure, and is worth nothing without it.
_BESIDE = ("_iqr", "_gradient_relative", "_gradient")


def only_believable(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures with each that rests on too little turned into ``not_measured``.

    Spread and gradient go with the figure they belong to.
    """
    why = {(m.label, m.measure): reason for m in measures if (reason := _why_not(m))}
    out = []
    for m in measures:
        reason = why.get((m.label, m.measure)) or why.get((m.label, _owner(m.measure)), "")
        out.append(not_measured(m.label, m.measure, m.unit, reason) if reason else m)
    return out


def with_cut_noted(measures: Sequence[Measure]) -> list[Measure]:
    """Return the measures, PCSA of muscles that the field of view cuts with a note of it."""
    cut = {m.label for m in measures if m.measure == "coverage" and m.value == 0}
    return [
        replace(m, note=f"{m.note}; {_CUT}" if m.note else _CUT)
        if m.label in cut and m.measure in _OF_THE_WHOLE and m.value is not None
        else m
        for m in measures
    ]


def _why_not(m: Measure) -> str:
    """Return why a figure is not to be believed; empty where nothing is against it."""
    rule = definition_of(m.measure)
    if rule is None or m.value is None or m.label == 0:
        return ""
    if rule.fewest is not None and m.n is not None and m.n < rule.fewest:
        return f"too few samples: {m.n}, at least {rule.fewest} are needed; {m.note}"
    if rule.above is not None and m.value <= rule.above:
        return f"{m.value:.4g} {m.unit} cannot be, so noise outweighs it; {m.note}"
    return ""


def _owner(measure: str) -> str:
    ending = next((e for e in _BESIDE if measure.endswith(e)), "")
    return measure.removesuffix(ending)
