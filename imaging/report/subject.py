"""The page of one subject: one self-contained HTML file, its answer on the first screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2

from imaging import __version__
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.titles import capital
from imaging.policy import content_policy
from imaging.provenance import sha256
from imaging.report import muscle_tables
from imaging.report.conditions import condition_lines
from imaging.report.contexts.part import ContextPart
from imaging.report.diffusion_steps import diffusion_steps
from imaging.report.links import Links
from imaging.report.norms import Norms
from imaging.report.opensim_model import FORCE_TITLES, SHOWN, ModelPart
from imaging.report.profile import TOPICS, expected_by_chance, profile
from imaging.report.remarks import remarks
from imaging.report.stiffness import stiffness_section
from imaging.report.subject_pictures import (
    begin_scene,
    first_pictures,
    function_pictures,
    tissue_pictures,
)
from imaging.report.summary_table import summary_table
from imaging.report.verdicts import TITLES, checks, verdicts

RESEARCH_USE = "Research use only. Not a medical device; not for diagnosis or treatment."
_NO_LINKS = Links(None, [])
_SHOWN = {"label", "anatomy", "b0", "b0_before", "snr", "fa", "e1", "fat_fraction"}


def is_shown(layer: str) -> bool:
    """Tell whether a page shows a layer of the map; the others need not lie in memory."""
    return layer in _SHOWN or layer.startswith("stiffness")


def environment() -> jinja2.Environment:
    """Return the template environment; text is escaped, undefined names are errors."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("imaging", "data/templates"),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["capital"] = capital
    made.globals["policy"] = content_policy()
    return made


def subject_page(
    content: MuscleMap,
    norms: Norms | None = None,
    model: ModelPart | None = None,
    links: Links = _NO_LINKS,
    date: str = "",
    contexts: ContextPart | None = None,
) -> str:
    """Return the HTML of a subject's page.

    Parameters
    ----------
    content
        Of the subject.
    norms
        Of controls, that the subject is held against.
    model
        The personal OpenSim model, where there is one.
    links
        To what lies beside the page.
    date
        Of the scan, as it is to be shown; empty where it is not known.
    contexts
        The comparison of contexts, where there are several.
    """
    scene = begin_scene(content)  # in a process of its own, while all else is drawn here
    tissue, function = tissue_pictures(content), function_pictures(content)
    steps, stiffness = diffusion_steps(content), stiffness_section(content)
    told = profile(content.measures, norms, content.prefix.split("_")[0], content.names)
    notes = content.notes
    citations = dict.fromkeys(c for stage in notes.stages for c in stage.citations)
    pairs, no_pairs = muscle_tables.pair_table(content.measures)
    return environment().get_template("subject.html.j2").render(
        title=f"Muscle map of {content.prefix}",
        research_use=RESEARCH_USE,
        version=__version__,
        made=_made(content, date),
        verdicts=verdicts(content.measures, notes, content.names),
        checks=[(TITLES[c.stage], c) for c in checks() if c.when != "good"],
        summary=summary_table(content.measures, content.names),
        links=links,
        first_pictures=first_pictures(content, scene),
        remarks=remarks(notes),
        quality=_quality(content),
        groups=muscle_tables.whole_recording(content.measures),
        pairs=pairs,
        no_pairs=no_pairs,
        tissue_pictures=tissue,
        function_pictures=function,
        conditions=condition_lines(content.conditions),
        profile=[(title, [s for s in told if s.topic == key]) for key, title in TOPICS.items()],
        chance=expected_by_chance(told),
        controls=norms.controls if norms else [],
        steps=steps,
        stiffness=stiffness,
        no_diffusion=notes.missing.get("dwi", "its notes are not in the map"),
        tables=muscle_tables.muscle_tables(content.measures, content.names),
        nothing=muscle_tables.without_figures(content.measures, content.names),
        contexts=contexts,
        model=model,
        model_titles=[title for title, _ in SHOWN.values()],
        force_titles=FORCE_TITLES,
        complete=muscle_tables.complete_rows(content.measures, content.names),
        methods=[stage for stage in notes.stages if stage.method],
        citations=list(citations),
        provenance=_provenance(notes),
    )  # fmt: skip


def _made(content: MuscleMap, date: str) -> list[tuple[str, str]]:
    """Return the lines below the title.

    The same map gives the same page, so no clock is asked: a page says what it was made from by
    the digest of its figures, and when the scan was where that is told.
    """
    lines = [("Scan", date or "date not given"), ("Made by", f"pennate report {__version__}")]
    if "measures.tsv" in content.files:
        lines.append(("Digest of the figures", sha256(content.files["measures.tsv"])[:8]))
    return lines


def _quality(content: MuscleMap) -> list[tuple[str, muscle_tables.Cell, str]]:
    """Return the checks of the diffusion series, the gradient table's among them."""
    rows = muscle_tables.quality(content.measures)
    check = content.notes.facts("diffusion").get("gradient_check")
    if isinstance(check, str):
        rows.append(("Gradient table", muscle_tables.Cell(check.replace("_", " ")), ""))
    return rows


def _provenance(notes: MapNotes) -> list[Mapping[str, Any]]:
    """Return one row per file: made by which version, with which settings, from what."""
    rows: list[Mapping[str, Any]] = []
    for name, made in sorted(notes.provenance.items()):
        settings = ", ".join(f"{k} = {v}" for k, v in sorted(made.get("Settings", {}).items()))
        by = made.get("GeneratedBy", {})
        rows.append({
            "file": name,
            "by": f"{by.get('Command', by.get('Name', ''))} {by.get('Version', '')}".strip(),
            "settings": settings,
            "sources": made.get("SourceFiles", []),
        })  # fmt: skip
    return rows
