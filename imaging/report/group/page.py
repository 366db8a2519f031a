"""The page of the group: a row per participant and session, quality, box plots, ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import isfinite
from typing import Any

import pandas as pd

from imaging import __version__
from imaging.musclemap.titles import capital, shown_unit
from imaging.policy import content_policy
from imaging.provenance import sha256
from imaging.report.conditions import condition_lines
from imaging.report.group.boxes import box_plot
from imaging.report.group.controls import against_controls
from imaging.report.group.headline import HEADLINE, QUALITY, Column, Entry, expected_far, nobody_has
from imaging.report.group.muscles import muscle_outliers, stages, ways_apart
from imaging.report.group.outliers import (
    MIN_FOR_OUTLIERS,
    OUTLIER_SCORE,
    expected_outliers,
    long_values,
    scored,
)
from imaging.report.group.subjects import Subject
from imaging.report.group.visits import joined, strips
from imaging.report.muscle_tables import MARKS, number
from imaging.report.norms import Norms
from imaging.report.subject import RESEARCH_USE, environment

#: Columns of participants.tsv that the table shows, where they are there.
ABOUT = ("group", "sex", "age")
_DIGEST = 12  # letters of the checksum by which a rating knows its map


@dataclass(frozen=True)
class Cell:
    """A figure of the table: shown text, number to sort by, what it rests on, score if far."""

    text: str
    sort: str = ""
    why: str = ""
    mark: str = ""
    score: str = ""


@dataclass(frozen=True)
class Row:
    """A participant in a session."""

    number: int
    prefix: str
    participant: str
    session: str
    links: Mapping[str, str]
    digest: str
    about: list[str]
    headline: list[Cell]
    quality: list[Cell]
    outliers: list[str]


def group_page(
    subjects: Sequence[Subject],
    found: Sequence[Column],
    problems: Sequence[str],
    norms: Norms | None = None,
    conditions: pd.DataFrame | None = None,
    links: Mapping[str, Mapping[str, str]] | None = None,
    participants: pd.DataFrame | None = None,
) -> str:
    """Return the HTML of the group's page.

    Parameters
    ----------
    subjects, found
        Who is in it, and their figures.
    problems
        A sentence about each who is not.
    norms
        Every person is held against these controls.
    conditions
        Effects across persons (``group_conditions.tsv``).
    links
        Prefix to what of that session can be opened (``page``, ``viewer``): word to address.
    participants
        ``participants.tsv``.
    """
    links = links or {}
    about = _about(subjects, participants)
    rows = _rows(subjects, found, links, about)
    values = scored(long_values(subjects))
    far = muscle_outliers(values)
    persons = {s.participant for s in subjects}
    script = (resources.files("imaging") / "data" / "templates" / "group.js").read_text("utf-8")
    return environment().get_template("group.html.j2").render(
        script=script,
        policy=content_policy([script]),
        title="Muscle maps of the group",
        research_use=RESEARCH_USE,
        version=__version__,
        rows=rows,
        persons=len(persons),
        problems=problems,
        about=list(about.columns),
        heads={
            part: [_head(c) for c in found if c.figure.part == part] for part in (HEADLINE, QUALITY)
        },
        absent=nobody_has(subjects, found),
        first=[row for row in rows if row.outliers],
        enough=len(persons) >= MIN_FOR_OUTLIERS,
        least=MIN_FOR_OUTLIERS,
        score=OUTLIER_SCORE,
        chance=expected_outliers(values),
        chance_first=expected_far(subjects, found),
        outliers=far,
        apart=ways_apart(values),
        plots=[_plot(c, subjects, links) for c in found],
        stages=stages(values, subjects, links),
        controls=norms.controls if norms else [],
        norms_apart=norms.left_out if norms else [],
        profiles=against_controls(subjects, norms) if norms else [],
        conditions=condition_lines(conditions),
        visits=len(subjects) > len(persons),
    )  # fmt: skip


def _about(subjects: Sequence[Subject], participants: pd.DataFrame | None) -> pd.DataFrame:
    """Return what participants.tsv says of each session's participant; dashes where nothing."""
    if participants is None:
        return pd.DataFrame(index=range(len(subjects)))
    known = [c for c in ABOUT if c in participants]
    names = "sub-" + participants["participant_id"].str.strip().str.removeprefix("sub-")
    table = participants[known].set_axis(names)
    return table.reindex([s.participant for s in subjects]).fillna("–").replace("n/a", "–")


def _rows(
    subjects: Sequence[Subject],
    found: Sequence[Column],
    links: Mapping[str, Mapping[str, str]],
    about: pd.DataFrame,
) -> list[Row]:
    rows = []
    for k, s in enumerate(subjects):
        cells = [(c, _cell(c.entries[k], c.unit)) for c in found]
        rows.append(Row(
            k, s.prefix, s.participant, "" if s.session == "n/a" else s.session,
            links.get(s.prefix, {}), sha256(s.path)[:_DIGEST], [str(v) for v in about.iloc[k]],
            [cell for c, cell in cells if c.figure.part == HEADLINE],
            [cell for c, cell in cells if c.figure.part != HEADLINE],
            [f"{c.figure.title} {_with_unit(cell.text, c.unit)} (score {cell.score})"
             for c, cell in cells if cell.score],
        ))  # fmt: skip
    return rows


def _cell(entry: Entry, unit: str) -> Cell:
    if entry.value is None:
        return Cell("–", why=f"not measured: {entry.note}")
    factor = shown_unit(unit)[1]
    score = f"{entry.score:+.1f}" if entry.is_outlier else ""
    value = entry.value * factor
    return Cell(number(value), f"{value:.6g}", entry.note, MARKS[entry.status], score)


def _head(column: Column) -> tuple[str, str, str]:
    title = column.figure.title
    return capital(title), shown_unit(column.unit)[0], column.figure.definition


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {shown_unit(unit)[0]}".strip()


def _plot(
    column: Column, subjects: Sequence[Subject], links: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    unit, factor = shown_unit(column.unit)
    title, _, definition = _head(column)
    known = [v for v in column.values if isfinite(v)]
    spread = pd.Series(known, dtype=float) * factor
    middle = f"Median {number(float(spread.median()))}"
    if len(known) > 1:
        low, high = (float(q) for q in spread.quantile([0.25, 0.75]))
        middle += f", quartiles {number(low)} and {number(high)}"
    return {
        "title": title,
        "svg": box_plot(
            strips(column, subjects, factor, unit, links), title, unit, joined(column, subjects)
        ),
        "caption": f"{definition}.",
        "summary": f"{middle} {unit}".strip() + f"; n {len(known)}.",
    }
