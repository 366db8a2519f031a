"""All subjects together: one table, one page with distributions and outliers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imaging import __version__
from imaging.errors import ConfigError, InputError, MissingFileError
from imaging.measures import Measure
from imaging.musclemap.read.files import FIRST
from imaging.musclemap.read.tables import in_view, read_tables
from imaging.musclemap.table import definition_of, definitions, dictionary, title_of, wide
from imaging.musclemap.titles import capital, shown_unit
from imaging.muscles import SIDES, shown_of, side_and_key
from imaging.report.conditions import condition_lines
from imaging.report.muscle_tables import number
from imaging.report.norms import FEWEST_CONTROLS, Norms, gather
from imaging.report.picture import Picture, guarded, svg
from imaging.report.profile import (
    CONTROLS,
    Sentence,
    circular_measures,
    expected_by_chance,
    profile,
)
from imaging.report.subject import RESEARCH_USE, environment

MIN_FOR_OUTLIERS = 5
OUTLIER_SCORE = 3.5
_SIDE_STYLE = {1: ("<", "#4477AA"), 2: (">", "#CC6677"), 0: ("o", "#555555")}
_FILE_OF_MAP = re.compile(r"_(map\.vti|measures\.tsv|muscles\.tsv|notes\.json)$")


@dataclass(frozen=True)
class Subject:
    """The measures of one subject (and session)."""

    prefix: str
    path: Path
    measures: list[Measure]

    @property
    def entities(self) -> dict[str, str]:
        """Return participant_id and session_id of the prefix; ``n/a`` without session."""
        parts = dict(p.split("-", 1) for p in self.prefix.split("_") if "-" in p)
        session = f"ses-{parts['ses']}" if "ses" in parts else "n/a"
        return {"participant_id": f"sub-{parts.get('sub', self.prefix)}", "session_id": session}


def read_group(out: Path) -> tuple[list[Subject], list[str]]:
    """Read the tables of all subjects; one that has none to be read becomes a sentence.

    Raises
    ------
    MissingFileError
        Not one subject has a muscle map.
    """
    subjects, problems = [], []
    for prefix, folder in find_maps(out):
        try:
            tables = read_tables(folder, prefix)
        except InputError as error:
            problems.append(f"{prefix} is left out: {error}")
        else:
            subjects.append(Subject(prefix, tables.files.paths["measures.tsv"], tables.measures))
    if not subjects:
        raise MissingFileError(
            " ".join(["has no muscle map that can be read.", *problems]).rstrip("."), out, FIRST
        )
    return subjects, problems


def find_maps(out: Path) -> list[tuple[str, Path]]:
    """Return the prefix of every subject (and session) and where its map is, or should be."""
    found = {
        (_FILE_OF_MAP.sub("", path.name), path.parent)
        for path in out.glob("**/map/*")
        if _FILE_OF_MAP.search(path.name)
    }
    with_map = {folder.parent for _, folder in found}
    for unit in {*out.glob("sub-*/"), *out.glob("sub-*/ses-*/")}:
        # A subject of several sessions has its maps below those.
        if unit not in with_map and not any(unit.glob("ses-*/")):
            found.add(("_".join(unit.relative_to(out).parts), unit / "map"))
    # What lies in a hidden folder is half-written by a run that still goes on.
    return sorted(
        (prefix, folder)
        for prefix, folder in found
        if not any(part.startswith(".") for part in folder.relative_to(out).parts)
    )


def group_table(subjects: list[Subject]) -> pd.DataFrame:
    """Return one row per subject and muscle; columns as in a subject's wide table."""
    frames = []
    for subject in subjects:
        frame = wide(in_view(subject.measures)).copy()
        for place, (name, value) in enumerate(subject.entities.items()):
            frame.insert(place, name, value)
        frames.append(frame.astype(object))
    table = pd.concat(frames, ignore_index=True)
    return table[list(group_dictionary(subjects)["Columns"])]


def group_dictionary(subjects: list[Subject]) -> dict[str, Any]:
    """Return the data dictionary of the group table."""
    columns = {
        "participant_id": {"Description": "Participant"},
        "session_id": {"Description": "Session"},
    }
    return {"Columns": columns | dictionary([m for s in subjects for m in in_view(s.measures)])}


def long_values(subjects: list[Subject]) -> pd.DataFrame:
    """Return every value of a muscle: subject, label, measure, unit, value."""
    rows = [
        (s.prefix, m.label, m.measure, m.unit, m.value)
        for s in subjects
        for m in s.measures
        if m.label > 0 and m.value is not None
    ]
    return pd.DataFrame(rows, columns=["subject", "label", "measure", "unit", "value"])


def robust_scores(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return modified z-scores, 0.6745·(x - median)/MAD; NaN for few or equal values.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993.
    """
    values = np.asarray(values, dtype=float)
    deviation = values - np.median(values) if len(values) else values
    spread = np.median(np.abs(deviation)) if len(values) else 0.0
    if len(values) < MIN_FOR_OUTLIERS or spread == 0:
        return np.full(len(values), np.nan)
    return 0.6745 * deviation / spread


def find_outliers(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose value lies far from those of other subjects for the same muscle."""
    out = values.assign(score=np.nan)
    for rows in values.groupby(["measure", "label"]).indices.values():
        out.loc[out.index[rows], "score"] = robust_scores(values["value"].to_numpy()[rows])
    return out[out["score"].abs() > OUTLIER_SCORE].reset_index(drop=True)


def norms_of_group(subjects: list[Subject], controls: set[str]) -> Norms:
    """Return the norms from the controls among the subjects.

    Raises
    ------
    ConfigError
        Fewer than five controls have a map.
    """
    own: dict[str, list[list[Measure]]] = {}
    for subject in subjects:
        who = subject.entities["participant_id"]
        if who in controls:
            own.setdefault(who, []).append(subject.measures)
    if len(own) < FEWEST_CONTROLS:
        raise ConfigError(
            f"controls: {len(own)} of them have a muscle map, norms need {FEWEST_CONTROLS}",
            None,
            "Run more controls, or leave the setting out",
        )
    return gather(own, circular_measures(sorted({m.measure for s in subjects for m in s.measures})))


def group_page(
    subjects: list[Subject],
    problems: list[str],
    norms: Norms | None = None,
    conditions: pd.DataFrame | None = None,
) -> str:
    """Return the HTML of the group's page.

    Parameters
    ----------
    subjects, problems
        Who is in it, and a sentence about each who is not.
    norms
        Every person is held against these controls.
    conditions
        Effects across persons (``group_conditions.tsv``).
    """
    values = long_values(subjects)
    outliers = find_outliers(values)
    order = {d.name: k for k, d in enumerate(definitions())}
    known = {m: d for m in values["measure"].unique() if (d := definition_of(m)) is not None}
    names = sorted(
        (m for m, d in known.items() if d.level == "muscle"), key=lambda m: order[known[m].name]
    )
    strange = [
        (r["subject"], side_and_key(r["label"]), title_of(r["measure"]),
         number(r["value"] * shown_unit(r["unit"])[1]), shown_unit(r["unit"])[0],
         f"{r['score']:+.1f}")
        for r in outliers.to_dict("records")
    ]  # fmt: skip
    return environment().get_template("group.html.j2").render(
        title="Muscle maps of the group",
        research_use=RESEARCH_USE,
        version=__version__,
        subjects=[s.prefix for s in subjects],
        problems=problems,
        outliers=strange,
        enough=len(subjects) >= MIN_FOR_OUTLIERS,
        least=MIN_FOR_OUTLIERS,
        score=OUTLIER_SCORE,
        measures=[_measure(name, values, outliers) for name in names],
        controls=norms.controls if norms else [],
        profiles=_profiles(subjects, norms) if norms else [],
        conditions=condition_lines(conditions),
    )  # fmt: skip


def _profiles(
    subjects: list[Subject], norms: Norms
) -> list[tuple[str, list[Sentence], list[tuple[str, int, int, float]]]]:
    """Return the sentences of each person against controls, and how many stand out."""
    found = []
    for s in subjects:
        told = profile(s.measures, norms, s.entities["participant_id"])
        against = [t for t in told if t.against == CONTROLS]
        found.append((s.prefix, [t for t in against if t.stands_out], expected_by_chance(against)))
    return found


def _measure(name: str, values: pd.DataFrame, outliers: pd.DataFrame) -> dict[str, Any]:
    rows = values[values["measure"] == name]
    unit, factor = shown_unit(rows["unit"].iloc[0])
    definition = definition_of(name)
    summary = [
        (side_and_key(label), len(v), number(v.mean() * factor),
         number(v.std() * factor) if len(v) > 1 else "–",
         number(v.min() * factor), number(v.max() * factor))
        for label in sorted(rows["label"].unique())
        if len(v := rows.loc[rows["label"] == label, "value"])
    ]  # fmt: skip
    strange = outliers[outliers["measure"] == name]
    title = title_of(name)
    caption = definition.definition if definition else ""
    picture: Picture = guarded(
        capital(title), caption, f"Dots of {title} per subject, one line per muscle.",
        lambda: dots(rows, strange, f"{title} ({unit})" if unit else title, factor),
        "No values.",
    )  # fmt: skip
    return {"picture": picture, "unit": unit, "summary": summary}


def dots(rows: pd.DataFrame, outliers: pd.DataFrame, axis: str, factor: float) -> str:
    """Draw one dot per subject, one line per muscle; outliers carry the subject's name."""
    indices = sorted(rows["label"].mod(100).unique(), reverse=True)
    figure = Figure(figsize=(8.5, 0.32 * len(indices) + 0.9), layout="constrained")
    axes = figure.subplots()
    for y, index in enumerate(indices):
        axes.axhline(y, color="#E4E4E4", lw=0.8, zorder=0)
        for code, (marker, colour) in _SIDE_STYLE.items():
            values = rows.loc[rows["label"] == 100 * code + index, "value"].to_numpy() * factor
            shift = {0: 0.0, 1: 0.16, 2: -0.16}[code]
            place = np.full(len(values), y + shift)
            axes.plot(values, place, marker, color=colour, ms=4, alpha=0.75, lw=0)
            if len(values) > 1:
                axes.plot(np.median(values), y + shift, "|", color="black", ms=9, mew=1.5)
    for row in outliers.to_dict("records"):
        y = indices.index(row["label"] % 100)
        axes.annotate(row["subject"], (row["value"] * factor, y), fontsize=6,
                      textcoords="offset points", xytext=(3, 5))  # fmt: skip
    axes.set_yticks(range(len(indices)), [shown_of(int(i)).key for i in indices], fontsize=8)
    axes.set_ylim(-0.6, len(indices) - 0.4)
    for code in sorted(rows["label"].floordiv(100).unique()):
        marker, colour = _SIDE_STYLE[code]
        axes.plot([], [], marker, color=colour, ms=4, lw=0, label=SIDES[code])
    axes.legend(fontsize=7, frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    axes.set_xlabel(axis, fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return svg(figure)
