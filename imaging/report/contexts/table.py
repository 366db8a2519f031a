"""Muscles in several contexts of one session, and left against right in each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from imaging.errors import InputError
from imaging.measures import Measure
from imaging.muscles import ANONYMOUS, side_and_key
from imaging.report.contexts.effects import DIFFER, Effect, effect, not_compared
from imaging.report.contexts.probe import doubts
from imaging.report.contexts.read import Context, MethodResult

#: Columns of the table, and what each is.
COLUMNS = {
    "compared": "contexts: one muscle in two contexts; sides: left and right in one context",
    "context": "Context of both sides; n/a for contexts",
    "label": "100 times side (1 left, 2 right) plus index in the catalogue; of sides the left one",
    "muscle": "Side and key of the muscle; of sides the key",
    "method": "Method of elastography; two methods are never compared",
    "measure": "Name of the measure in docs/measures.md",
    "unit": "Of values and differences",
    "frequency": "Of the vibration; n/a for a pulse of ultrasound",
    "a": "Name of the first context, or left",
    "b": "Name of the second context, or right",
    "value_a": "Figure in the first",
    "value_b": "Figure in the second",
    "difference": "b minus a",
    "difference_ci_low": "95 % interval of the difference",
    "difference_ci_high": "95 % interval of the difference",
    "ratio": "b over a",
    "ratio_ci_low": "95 % interval of the ratio",
    "ratio_ci_high": "95 % interval of the ratio",
    "status": "measured; modelled; extrapolated: one figure is only a bound; not_measured",
    "verdict": "differ: the interval of the ratio does not hold 1; no difference shown; no "
    "interval; not compared",
    "note": "Why, or what a reader must know",
}
_LEFT, _RIGHT = 100, 200
# What contexts share: entity of their names, what it is, and what else to do.
_ONE = (
    ("sub", "person", "Contexts are of one person"),
    ("ses", "session", "Compare visits by pennate compare"),
)
# Settings that say which methods run, and move no figure.
_WITHOUT_EFFECT = frozenset({"inversions"})
# What a figure's name ends with that is no modulus of a muscle.
_NO_FIGURES = ("_iqr",)


def check_contexts(contexts: Sequence[Context]) -> list[str]:
    """Check that contexts are of one person and session; return what a reader must know.

    Raises
    ------
    InputError
        Fewer than two, a name twice, another person or session, or one recording given twice.
    """
    names = [c.name for c in contexts]
    if len(contexts) < 2:
        raise InputError("one context cannot be compared", None, "Give --context twice or more")
    if len(set(names)) < len(names):
        raise InputError("two contexts have one name", None, "Name every context differently")
    first = contexts[0]
    for other in contexts[1:]:
        for key, what, fix in _ONE:
            pair = [c.entities.get(key) for c in (first, other)]
            if pair[0] != pair[1]:
                raise InputError(
                    f"{first.name} and {other.name} are of another {what}: {first.prefix}, "
                    f"{other.prefix}", None, fix,
                )  # fmt: skip
    for k, one in enumerate(contexts):
        for other in contexts[k + 1 :]:
            _check_recordings(one, other)
    versions = {r.version for c in contexts for r in c.methods.values()}
    return [f"Computed by Pennate {', '.join(sorted(versions))}."] if len(versions) > 1 else []


def _check_recordings(one: Context, other: Context) -> None:
    """Refuse two contexts that were made from the same files."""
    for method in sorted({*one.methods} & {*other.methods}):
        mine, theirs = one.methods[method].sources, other.methods[method].sources
        if mine and mine == theirs:
            raise InputError(
                f"{one.name} and {other.name} were made from the same files ({method})", None,
                "Give each context the folder of its own recording",
            )  # fmt: skip


def context_table(contexts: Sequence[Context]) -> pd.DataFrame:
    """Return one row per muscle, measure and pair: every context after the first against it.

    Only figures of one measure, method, frequency and settings are compared; others are rows that
    say why not.

    Parameters
    ----------
    contexts
        Checked by :func:`check_contexts`; the first is what the others are held against.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`; left against right follows, within each context.
    """
    rows: list[list[object]] = []
    for other in contexts[1:]:
        rows += _pairs(contexts[0], other)
    for context in contexts:
        rows += _sides(context)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    floats = [c for c in COLUMNS if c.startswith(("value_", "difference", "ratio"))]
    return table.astype(dict.fromkeys(floats, float))


def _pairs(first: Context, other: Context) -> list[list[object]]:
    rows = []
    for method in dict.fromkeys([*first.methods, *other.methods]):
        results = [c.methods.get(method) for c in (first, other)]
        why = _why_not(results, (first.name, other.name), method)
        figures = [_figures(r) for r in results]
        for key in dict.fromkeys([*figures[0], *figures[1]]):
            pair = [f.get(key) for f in figures]
            if all(m is None or m.value is None for m in pair):
                continue
            label, measure = key
            rows.append(_row(
                ["contexts", None, label, side_and_key(label) if label else "all", method, measure],
                results, (first.name, other.name), pair, why,
            ))  # fmt: skip
    return rows


def _sides(context: Context) -> list[list[object]]:
    rows = []
    for method, result in context.methods.items():
        figures = _figures(result)
        lefts = [(v, n) for v, n in figures if _LEFT < v < _RIGHT]
        for label, measure in lefts:
            right = label - _LEFT + _RIGHT
            pair = [figures[label, measure], figures.get((right, measure))]
            if pair[1] is None or any(m is None or m.value is None for m in pair):
                continue
            rows.append(_row(
                ["sides", context.name, label, side_and_key(label).split(" ")[-1], method, measure],
                [result, result], ("left", "right"), pair, "",
            ))  # fmt: skip
    return rows


def _figures(result: MethodResult | None) -> dict[tuple[int, str], Measure]:
    """Return the moduli of a method by label and measure."""
    return {
        (m.label, m.measure): m
        for m in (result.measures if result else ())
        if m.label < ANONYMOUS and not m.measure.endswith(_NO_FIGURES)
    }


def _why_not(results: Sequence[MethodResult | None], names: tuple[str, str], method: str) -> str:
    """Return why a method's figures in two contexts are not compared; empty where they are."""
    for name, result in zip(names, results, strict=True):
        if result is None:
            return f"{method} was not run in {name}"
    one, two = results
    assert one is not None
    assert two is not None
    if one.frequency != two.frequency:
        return f"waves of {one.frequency or 'no frequency'}, then of {two.frequency or 'none'}"
    for key in sorted({*one.settings, *two.settings} - _WITHOUT_EFFECT):
        pair = one.settings.get(key), two.settings.get(key)
        if pair[0] != pair[1]:
            return f"setting {key}: {pair[0]}, then {pair[1]}"
    return ""


def _row(
    start: list[object],
    results: Sequence[MethodResult | None],
    names: tuple[str, str],
    pair: Sequence[Measure | None],
    why: str,
) -> list[object]:
    found = not_compared(why) if why else _effect(pair, names)
    angles = [
        r.angles_deg.get(m.label) if r and m else None for r, m in zip(results, pair, strict=True)
    ]
    unit = next(m.unit for m in pair if m is not None)
    hertz = next((r.frequency for r in results if r is not None and r.frequency), None)
    values = [None if m is None else m.value for m in pair]
    said = [found.note] if found.note else []
    one = next(m for m in pair if m is not None)
    if found.ratio is not None and one.measure.startswith("stiffness_swe"):
        said += doubts(one.measure, angles, found.verdict == DIFFER)
    spans = [*(found.difference_ci or (None, None)), *(found.ratio_ci or (None, None))]
    return [
        *start, unit, hertz, *names, *values, found.difference, *spans[:2], found.ratio, *spans[2:],
        found.status, found.verdict, "; ".join(said) or None,
    ]  # fmt: skip


def _effect(pair: Sequence[Measure | None], names: tuple[str, str]) -> Effect:
    for name, one in zip(names, pair, strict=True):
        if one is None or one.value is None:
            told = one.note if one is not None and one.note else "not measured"
            return not_compared(f"{name}: {told}")
    first, second = pair
    assert first is not None
    assert second is not None
    return effect(first, second)
