"""Tables of muscles for readers: which measures, units, rounding, spread, marks of status."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imaging.measures import Measure
from imaging.musclemap.table import definition_of, definitions, quantity_of, title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.muscles import NO_NAMES, Names, recordable, shown_of, side_and_key, side_of

MARKS = {"measured": "", "extrapolated": "e", "modelled": "m", "assumed": "a"}
_OTHER_TOOLS = "Same definitions as other tools"
_FORCE = "Force, modelled from EMG and architecture"
_GROUPS = {
    "Muscles and fascicles": ("anat", "fibre"),
    "Diffusion and EMG": ("dwi", "func"),
    "Fat and T2": ("comp",),
    _FORCE: ("map",),
    "Stiffness": ("mre", "us"),
    "Along fascicles": ("map",),
    _OTHER_TOOLS: ("fibre",),
}
_OF_OTHER_TOOLS = (
    "chord_pennation_start", "chord_pennation_end", "slope_pennation_start",
    "slope_pennation_end", "fascicle_length_cubic",
)  # fmt: skip
_OWN_GROUPS = {
    **dict.fromkeys(_OF_OTHER_TOOLS, _OTHER_TOOLS),
    **dict.fromkeys(("force_share_peak", "force_share_mean", "force_peak"), _FORCE),
}
_NOTES = {
    _FORCE: "Shares are of the muscles of one leg with EMG relative to MVC; muscles without EMG "
    "are no part of the sum. Specific tension and force factors are assumed: see each note.",
    "Stiffness": "Magnetic resonance and ultrasound differ by frequency, posture and mode: "
    "columns are never to be averaged. Each figure's note names its frequency.",
    _OTHER_TOOLS: "For comparison with the literature: chord pennation as MuscleDTI_Toolbox "
    "defines it, slope pennation and length of cubics as Bolsterlee's toolbox does.",
}
# Checks of the diffusion series that belong at the top of a page.
_QUALITY = ("snr_b0", "motion_max", "motion_max_rotation", "distortion_max",
            "anatomy_shift", "residual")  # fmt: skip
_STAGES = {"dwi": "Diffusion", "func": "Gait", "map": "Joined map"}
# Columns that would make the tables too wide; they are in the complete table.
_LEFT_OUT = (
    "components", "coverage", "fascicles", "unfilled_fraction", "ad", "rd",
    "dispersion", "activation_peak", "emg_bursts_per_stride",
)  # fmt: skip
_LEFT_OUT_ENDINGS = {
    "stiffness": ("_iqr", "_confidence", "_spread", "_condition", "_gradient", "_coverage"),
    "fascicle_stiffness": ("_middle", "_ends"),
}
# Inversions of the same waves as virtual fields, which hold best: their medians are shown, the
# rest in the complete table.
_OTHER_INVERSIONS = ("mdev", "curl", "kmdev")
_MOST_COLUMNS = 8


@dataclass(frozen=True)
class Cell:
    """One figure as it is shown; `why` says what it rests on, or why it is absent."""

    text: str
    spread: str = ""
    n: str = ""
    mark: str = ""
    why: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """A table of muscles: column heads with units, and rows of cells."""

    title: str
    heads: list[tuple[str, str, str]]  # title, unit, definition
    rows: list[tuple[str, str, list[Cell]]]  # side, muscle, cells
    note: str = ""


def number(value: float) -> str:
    """Return a number with three significant digits, without an exponent where one can."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 0.001:
        digits = 1 if size >= 10 else 2 if size >= 1 else 3
        return f"{value:.{digits}f}"
    return f"{value:.2g}"


def cell(measure: Measure | None) -> Cell:
    """Return how a measure is shown; a dash, never 0, where it is missing."""
    if measure is None or measure.value is None:
        return Cell("–", why="not measured" + (f": {measure.note}" if measure else ""))
    factor = shown_unit(measure.unit)[1]
    spread = "" if measure.sd is None else f"± {number(measure.sd * factor)}"
    n = "" if measure.n in (None, measure.value) else f"n {measure.n}"
    mark = MARKS[measure.status]
    value = measure.value * factor
    count = measure.unit == "1" and value == round(value) and abs(value) > 1
    interval = ""
    if measure.ci_low is not None and measure.ci_high is not None:
        interval = f"[{number(measure.ci_low * factor)}, {number(measure.ci_high * factor)}]"
    text = f"{value:.0f}" if count else number(value)
    return Cell(text, spread, n, mark, measure.note, interval)


def muscle_tables(measures: list[Measure], names_of: Names = NO_NAMES) -> list[Table]:
    """Return the tables of muscles that have at least one figure.

    `names_of` names muscles that the catalogue does not know.
    """
    found = {(m.label, m.measure): m for m in measures if m.label > 0}
    labels = sorted({label for (label, _), m in found.items() if m.value is not None})
    order = {d.name: k for k, d in enumerate(definitions())}
    units = {name: m.unit for (_, name), m in found.items()}
    known = {name: d for name in units if (d := definition_of(name)) is not None}
    out = []
    for title, stages in _GROUPS.items():
        names = [
            name for name, d in known.items()
            if d.stage in stages and d.level == "muscle" and not _left_out(name)
            and _OWN_GROUPS.get(name) == (title if title in _OWN_GROUPS.values() else None)
            and any((label, name) in found and found[label, name].value is not None
                    for label in labels)
        ]  # fmt: skip
        names.sort(key=lambda n: (order[known[n].name], n))
        # Tables of about the same width.
        parts = np.array_split(names, -(-len(names) // _MOST_COLUMNS) or 1)
        for number, part in enumerate(parts, start=1):
            if len(part) == 0:
                continue
            heads = [(title_of(n), shown_unit(units[n])[0], known[n].definition) for n in part]
            rows: list[tuple[str, str, list[Cell]]] = [
                (side_of(v), shown_of(v, names_of).key, [cell(found.get((v, n))) for n in part])
                for v in labels
            ]
            rows = [row for row in rows if any(c.text != "–" for c in row[2])]
            # Names of their own, so that a screen reader tells them apart.
            shown = title if len(parts) == 1 else f"{title}, {number} of {len(parts)}"
            out.append(Table(shown, heads, rows, _NOTES.get(title, "") if number == 1 else ""))
    return out


def _left_out(name: str) -> bool:
    """Whether a measure is in the complete table only."""
    if name in _LEFT_OUT or name.startswith("stiffness_pennation_correlation"):
        return True
    beside = "correlation" in name or name.startswith("fascicle_") or "_gradient" in name
    if beside and any(f"_{method}" in name for method in _OTHER_INVERSIONS):
        return True
    return any(
        name.startswith(f"{start}_") and name.endswith(endings)
        for start, endings in _LEFT_OUT_ENDINGS.items()
    )


def quality(measures: list[Measure]) -> list[tuple[str, Cell, str]]:
    """Return name, figure and unit of what tells the quality of the diffusion series."""
    return [_line(m) for m in _whole(measures) if m.measure in _QUALITY]


def whole_recording(measures: list[Measure]) -> list[tuple[str, list[tuple[str, Cell, str]]]]:
    """Return the other figures of the whole recording, one list per stage."""
    groups: dict[str, list[tuple[str, Cell, str]]] = {}
    for m in _whole(measures):
        d = definition_of(m.measure)
        if m.measure not in _QUALITY and not (d and d.level == "pair"):
            groups.setdefault(_STAGES.get(d.stage if d else "", "Other"), []).append(_line(m))
    return list(groups.items())


def pair_table(measures: list[Measure]) -> tuple[Table | None, list[str]]:
    """Return right against left, one row per muscle, and why measures are wholly missing."""
    pairs = [(d, m) for m in measures if (d := definition_of(m.measure)) and d.level == "pair"]
    found = {(d.name, quantity_of(m.measure)): m for d, m in pairs}
    heads: dict[str, tuple[str, str, str]] = {}
    reasons: dict[str, None] = {}
    for d in definitions():
        rows = [m for (name, _), m in found.items() if name == d.name]
        if any(m.value is not None for m in rows):
            heads[d.name] = (d.title, shown_unit(rows[0].unit)[0], d.definition)
        else:
            reasons |= dict.fromkeys(f"{d.title}: not measured, {m.note}" for m in rows)
    keys = [k for k in (s.key for s in recordable()) if any(muscle == k for _, muscle in found)]
    lines: list[tuple[str, str, list[Cell]]] = [
        ("", key, [cell(found.get((name, key))) for name in heads]) for key in keys
    ]
    table = Table("Right against left", list(heads.values()), lines) if heads else None
    return table, list(reasons)


def _whole(measures: list[Measure]) -> list[Measure]:
    order = {d.name: k for k, d in enumerate(definitions())}
    whole = [m for m in measures if m.label == 0]
    return sorted(whole, key=lambda m: (order.get(m.measure, len(order)), m.measure))


def _line(measure: Measure) -> tuple[str, Cell, str]:
    return capital(title_of(measure.measure)), cell(measure), shown_unit(measure.unit)[0]


def without_figures(measures: list[Measure], names_of: Names = NO_NAMES) -> list[str]:
    """Return the muscles on a side in view of which nothing was measured, and why."""
    why = {m.label: m.note for m in measures if m.measure == "volume"}
    for m in measures:
        if m.value is not None:
            why.pop(m.label, None)
    reasons: dict[str, list[str]] = {}
    for label, note in sorted(why.items()):
        reasons.setdefault(note, []).append(side_and_key(label, names=names_of))
    return [f"{', '.join(w)} ({note})" if note else ", ".join(w) for note, w in reasons.items()]


def complete_rows(
    measures: list[Measure], names_of: Names = NO_NAMES
) -> list[tuple[str, str, str, Cell, str, str]]:
    """Return every row of the long table: muscle, measure, unit, cell, status, note."""
    rows = []
    for m in measures:
        muscle = side_and_key(m.label, names=names_of) if m.label else "whole subject"
        unit = shown_unit(m.unit)[0]
        rows.append(
            # The note has a column of its own.
            (
                muscle,
                title_of(m.measure),
                unit,
                replace(cell(m), why=""),
                m.status.replace("_", " "),
                m.note,
            )
        )
    return rows
