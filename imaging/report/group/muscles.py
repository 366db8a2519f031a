"""Every measure of every muscle across the group: summary, box plots, and who lies far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from imaging.function.cycles import circular_difference, circular_mean
from imaging.musclemap.table import definition_of, definitions, title_of
from imaging.musclemap.titles import capital, shown_unit
from imaging.report.group.boxes import Point, Strip, muscle_plot
from imaging.report.group.outliers import OUTLIER_SCORE, find_outliers
from imaging.report.group.subjects import Subject
from imaging.report.muscle_tables import number
from imaging.report.profile import circular_measures
from imaging.report.ways import kept_apart

_STAGES = {
    "anat": "Muscles", "fibre": "Fascicles", "dwi": "Diffusion", "comp": "Fat and T2",
    "mre": "Stiffness, magnetic resonance", "us": "Stiffness, ultrasound", "func": "EMG",
    "map": "Joined figures",
}  # fmt: skip


@dataclass(frozen=True)
class Outlier:
    """A value far from those of other persons, in words."""

    prefix: str
    muscle: str
    measure: str
    value: str
    unit: str
    usual: str
    score: str


@dataclass(frozen=True)
class MeasurePart:
    """One measure: its picture, and a line of summary per muscle."""

    title: str
    unit: str
    caption: str
    svg: Markup
    summary: list[tuple[str, int, str, str, str, str]]


def muscle_outliers(values: pd.DataFrame) -> list[Outlier]:
    """Return the outliers among the scored values of muscles, the farthest first."""
    out = []
    for r in find_outliers(values).to_dict("records"):
        unit, factor = shown_unit(r["unit"])
        out.append(Outlier(r["prefix"], r["muscle"], title_of(r["measure"]),
                           number(r["value"] * factor), unit, number(r["usual"] * factor),
                           f"{r['score']:+.1f}"))  # fmt: skip
    return out


def stages(
    values: pd.DataFrame, subjects: Sequence[Subject], links: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, list[MeasurePart]]]:
    """Return title and measures of every stage that has any, in the order of the dictionary."""
    order = {d.name: k for k, d in enumerate(definitions())}
    known = {m: d for m in values["measure"].unique() if (d := definition_of(m)) is not None}
    names = sorted((m for m, d in known.items() if d.level == "muscle"),
                   key=lambda m: (order[known[m].name], m))  # fmt: skip
    number_of = {s.prefix: k for k, s in enumerate(subjects)}
    groups = dict(tuple(values.groupby("measure")))
    circular = circular_measures(names)
    out: dict[str, list[MeasurePart]] = {}
    for name in names:
        parts = out.setdefault(_STAGES.get(known[name].stage, "Other"), [])
        ways = groups[name]["way"].value_counts(sort=True)
        for way in sorted(ways.index, key=lambda w: (-ways[w], w)):
            rows = groups[name][groups[name]["way"] == way]
            said = (way or "in an unnamed way") if len(ways) > 1 else ""
            parts.append(_part(name, rows, name in circular, number_of, links, said))
    return list(out.items())


def ways_apart(values: pd.DataFrame) -> list[str]:
    """Return a sentence on each figure that was taken in several ways, with their sessions."""
    once = values.drop_duplicates(["measure", "way", "prefix"])
    return kept_apart({str(name): own["way"] for name, own in once.groupby("measure")})


def _part(
    name: str,
    rows: pd.DataFrame,
    circular: bool,
    number_of: Mapping[str, int],
    links: Mapping[str, Mapping[str, str]],
    way: str,
) -> MeasurePart:
    unit, factor = shown_unit(rows["unit"].iloc[0])
    title = capital(", ".join(filter(None, (title_of(name), way))))
    strips, summary = [], []
    for muscle, own in _by_muscle(rows):
        values = own["value"].to_numpy(float)
        mean, sd = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else np.nan
        if circular:  # 99 and 1 are neighbours: drawn the short way round their mean
            mean, sd = circular_mean(values)
            values = mean + circular_difference(values, mean)
        shown = values * factor
        summary.append((
            muscle, len(own), number(mean * factor), number(sd * factor) if len(own) > 1 else "–",
            number(float(shown.min())), number(float(shown.max())),
        ))  # fmt: skip
        strips.append(Strip(muscle, [
            Point(v, f"{muscle}, {' '.join(prefix.split('_'))}: {number(v)} {unit}".strip(),
                  number_of[prefix], links.get(prefix, {}).get("page", ""),
                  bool(abs(score) > OUTLIER_SCORE))
            for v, prefix, score in zip(shown, own["prefix"], own["score"], strict=True)
        ]))  # fmt: skip
    definition = definition_of(name)
    caption = f"{definition.definition}." if definition else ""
    return MeasurePart(title, unit, caption, muscle_plot(strips, title, unit), summary)


def _by_muscle(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each muscle, in the catalogue's order, left before right."""
    groups = [(str(muscle), own) for muscle, own in rows.groupby("muscle", sort=True)]
    return sorted(groups, key=lambda g: (g[1]["label"].iloc[0] % 100, g[1]["label"].iloc[0]))
