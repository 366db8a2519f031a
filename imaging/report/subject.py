"""The page of one subject: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import jinja2

from imaging import __version__
from imaging.musclemap.activation import PAINTED
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.titles import capital
from imaging.report import axial_slices, emg_cycles, fascicle_scene, muscle_tables, phase_strip
from imaging.report.conditions import condition_lines
from imaging.report.diffusion_steps import diffusion_steps
from imaging.report.distributions import LENGTH, PENNATION, distributions
from imaging.report.length_profile import length_profile
from imaging.report.norms import Norms
from imaging.report.opensim_model import FORCE_TITLES, SHOWN, ModelPart
from imaging.report.picture import Picture, guarded
from imaging.report.profile import TOPICS, expected_by_chance, profile
from imaging.report.stiffness import stiffness_section
from imaging.report.synergies import synergy_pictures

RESEARCH_USE = "Research use only. Not a medical device; not for diagnosis or treatment."
_AXIAL = (
    "Axial slices from proximal (left) to distal, in radiological convention: the right side of "
    "the body is on the left; A is anterior. Heights are world S coordinates."
)

_FORCE = (
    "Share in the force of the leg's muscles with EMG, modelled from EMG relative to MVC, PCSA and "
    "pennation. Muscles without EMG are no part of the sum, which overstates the shares of others. "
    "A share does not tell how large the force is."
)


def environment() -> jinja2.Environment:
    """Return the template environment; text is escaped, undefined names are errors."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("imaging", "data/templates"),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters["capital"] = capital
    return found


def subject_page(
    content: MuscleMap, norms: Norms | None = None, model: ModelPart | None = None
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
    """
    told = profile(content.measures, norms, content.prefix.split("_")[0], content.names)
    notes = content.notes
    citations = dict.fromkeys(c for stage in notes.stages for c in stage.citations)
    pairs, no_pairs = muscle_tables.pair_table(content.measures)
    return environment().get_template("subject.html.j2").render(
        title=f"Muscle map of {content.prefix}",
        research_use=RESEARCH_USE,
        version=__version__,
        warnings=notes.warnings,
        missing=notes.absent,
        quality=_quality(content),
        groups=muscle_tables.whole_recording(content.measures),
        pairs=pairs,
        no_pairs=no_pairs,
        pictures=pictures(content),
        conditions=condition_lines(content.conditions),
        profile=[(title, [s for s in told if s.topic == key]) for key, title in TOPICS.items()],
        chance=expected_by_chance(told),
        controls=norms.controls if norms else [],
        steps=diffusion_steps(content),
        stiffness=stiffness_section(content),
        no_diffusion=notes.missing.get("dwi", "its notes are not in the map"),
        tables=muscle_tables.muscle_tables(content.measures, content.names),
        nothing=muscle_tables.without_figures(content.measures, content.names),
        model=model,
        model_titles=[title for title, _ in SHOWN.values()],
        force_titles=FORCE_TITLES,
        complete=muscle_tables.complete_rows(content.measures, content.names),
        methods=[stage for stage in notes.stages if stage.method],
        citations=list(citations),
        provenance=_provenance(notes),
    )  # fmt: skip


def _quality(content: MuscleMap) -> list[tuple[str, muscle_tables.Cell, str]]:
    """Return the checks of the diffusion series, the gradient table's among them."""
    rows = muscle_tables.quality(content.measures)
    check = content.notes.facts("diffusion").get("gradient_check")
    if isinstance(check, str):
        rows.append(("Gradient table", muscle_tables.Cell(check.replace("_", " ")), ""))
    return rows


def _provenance(notes: MapNotes) -> list[dict[str, Any]]:
    """Return one row per file: made by which version, with which settings, from what."""
    rows = []
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


def pictures(content: MuscleMap) -> list[Picture]:
    """Return every picture of the page in order, drawn or with the reason why not."""
    arrays = content.arrays
    missing = content.notes.missing

    def absent(stage: str, what: str) -> str:
        why = missing.get(stage) or (content.why_no_fascicles() if stage == "fibre" else "")
        return f"No {what}: {why}." if why else f"No {what} in the map."

    out = [
        guarded("Muscles on anatomy",
                f"Labels with the key of each muscle. {_AXIAL}",
                "Axial slices of the anatomical image with coloured, named muscles.",
                lambda: axial_slices.label_slices(arrays, content.names), "No labels."),
        guarded("Fractional anisotropy", f"Inside muscles. {_AXIAL}",
                "Axial slices coloured by fractional anisotropy.",
                lambda: axial_slices.scalar_slices(arrays, "fa", "FA", limits=(0.0, 0.5)),
                absent("dwi", "fractional anisotropy")),
        guarded("Fibre direction",
                "Main diffusion direction: red left–right, green front–back, blue up–down.",
                "Axial slices coloured by main diffusion direction.",
                lambda: axial_slices.direction_slices(arrays, "e1"),
                absent("dwi", "fibre direction")),
        guarded("Fat fraction", f"Share of fat in the signal of water and fat. {_AXIAL}",
                "Axial slices coloured by fat fraction.",
                lambda: axial_slices.scalar_slices(
                    arrays, "fat_fraction", "fat (%)", limits=(0.0, 30.0)),
                absent("comp", "fat fraction")),
        _fascicles(content, absent("fibre", "fascicles")),
        *_spread(content, absent("fibre", "fascicles")),
        guarded("Fascicle length along each muscle",
                "Mean ± SD of five parts of each muscle, every point of a part counted once with "
                "the fascicle through it. Hollow: extrapolated or modelled.",
                "Fascicle length from distal to proximal, one panel per muscle.",
                lambda: length_profile(content.profile),
                absent("fibre", "lengths of fascicles along muscles")),
    ]  # fmt: skip
    out.append(
        guarded("Activation over the gait cycle",
                "Mean ± SD of the EMG envelope over strides; bars: bursts stride by stride. 0 and "
                "100 % are strikes of the muscle's own foot. One curve per muscle, not of each "
                "place in it.",
                "Curves of EMG amplitude over the gait cycle, one panel per muscle.",
                lambda: emg_cycles.emg_cycles(content.activation, content.notes.onsets),
                absent("func", "EMG")),
    )  # fmt: skip
    out.append(
        guarded("Muscle synergies",
                "Weights of the muscles (left; bar: 95 % interval over resampled strides) and "
                "activation of each synergy over the cycle (right). Their number and criterion "
                "are in the table of the whole recording.",
                "Bars of muscle weights and curves of activation, one row per synergy.",
                lambda: synergy_pictures(content.synergies),
                absent("func", "synergies")),
    )  # fmt: skip
    return out + _phases(content, absent("func", "EMG"))


def _phases(content: MuscleMap, no_emg: str) -> list[Picture]:
    """Return the muscles in four phases, by activation and, where there are any, by force share."""
    absent = phase_strip.why_none(content) if content.activation is not None else no_emg
    views = cache(partial(phase_strip.front_and_back, content))  # both pictures show the same
    out = [
        guarded("Activation in four phases",
                f"{PAINTED[0].upper()}{PAINTED[1:]}. {phase_strip.caption(content)}",
                "Muscles in three dimensions at four phases, coloured by EMG amplitude.",
                lambda: phase_strip.phase_strip(content, "activation", views), absent),
    ]  # fmt: skip
    if content.load is None or not content.load["share"].notna().any():
        why = "EMG of muscles can be compared only relative to MVC, and with a PCSA of each"
        message = no_emg if content.activation is None else f"No share of force: {why}."
        return [*out, Picture("Share of force in four phases", "", "", message=message)]
    return [*out, guarded(
        "Share of force in four phases", f"{_FORCE} {phase_strip.caption(content)}",
        "Muscles in three dimensions at four phases, coloured by share of force.",
        lambda: phase_strip.phase_strip(content, "share", views), absent,
    )]  # fmt: skip


def _spread(content: MuscleMap, absent: str) -> list[Picture]:
    """Return how length and pennation are spread within each muscle."""
    table = None if content.fascicles is None else content.fascicles.data
    told = (
        "Share of the muscle's volume. Dot and bar: mean and its 95 % interval, where there is "
        "one, as in the tables; hollow: extrapolated or modelled. The last bar holds all that is "
        "larger."
    )

    def draw(columns: Mapping[str, tuple[str, str]], axis: str) -> str | None:
        return distributions(table, content.measures, columns, axis, content.names)

    return [
        guarded("Fascicle length within each muscle", told,
                "Histograms of fascicle length, one panel per muscle.",
                lambda: draw(LENGTH, "fascicle length (mm)"), absent),
        guarded("Pennation within each muscle", told,
                "Histograms of pennation at both ends, one panel per muscle.",
                lambda: draw(PENNATION, "pennation at the end (°)"), absent),
    ]  # fmt: skip


def _fascicles(content: MuscleMap, absent: str) -> Picture:
    caption = (
        "Left: by muscle, seen from the front; middle: from the right; right: by fascicle "
        "length. At most 4000 fascicles are drawn."
    )
    alt = "Fascicles in three dimensions, coloured by muscle and by length."
    if content.fascicles is None:
        return Picture("Fascicles", caption, alt, message=absent)
    lines, *meshes = (
        content.files.get(f"{name}.vtp") for name in ("fascicles", "surfaces", "aponeuroses")
    )
    if content.aponeuroses:
        caption += " Grey sheets: internal aponeuroses."
    note = ""

    def draw() -> str:
        nonlocal note
        assert lines is not None, "fascicles were read from it"
        source, note = fascicle_scene.render(lines, *meshes)
        return source

    picture = guarded("Fascicles", caption, alt, draw, absent)
    return Picture("Fascicles", note or caption, alt, picture.source, picture.message)
