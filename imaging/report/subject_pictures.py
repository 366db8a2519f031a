"""Pictures of a subject's page by section, each drawn or with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from imaging.musclemap.activation import PAINTED
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.report import axial_slices, emg_cycles, fascicle_scene, phase_strip
from imaging.report.distributions import LENGTH, PENNATION, distributions
from imaging.report.length_profile import length_profile
from imaging.report.picture import Picture, guarded
from imaging.report.synergies import synergy_pictures

_AXIAL = (
    "Axial slices from proximal (left) to distal, in radiological convention: the right side of "
    "the body is on the left; A is anterior. Heights are world S coordinates."
)
_FORCE = (
    "Share in the force of the leg's muscles with EMG, modelled from EMG relative to MVC, PCSA and "
    "pennation. Muscles without EMG are no part of the sum, which overstates the shares of others. "
    "A share does not tell how large the force is."
)


def begin_scene(content: MuscleMap) -> Callable[[], tuple[str, str]] | None:
    """Start rendering the fascicles beside all else, see :func:`first_pictures`."""
    if content.fascicles is None:
        return None
    lines, surfaces, sheets = (
        content.files.get(f"{name}.vtp") for name in ("fascicles", "surfaces", "aponeuroses")
    )
    assert lines is not None, "fascicles were read from it"
    labels = {*content.surfaces, *content.fascicles.labels.tolist()}
    return fascicle_scene.begin(lines, surfaces, sheets, labels)


def first_pictures(
    content: MuscleMap, scene: Callable[[], tuple[str, str]] | None
) -> list[Picture]:
    """Return the two pictures of the first screen: muscles on anatomy, and fascicles.

    Parameters
    ----------
    content
        Of the subject.
    scene
        See :func:`begin_scene`.
    """
    return [
        guarded("Muscles on anatomy",
                f"Labels with the key of each muscle. {_AXIAL}",
                "Axial slices of the anatomical image with coloured, named muscles.",
                lambda: axial_slices.label_slices(content.arrays, content.names), "No labels."),
        _fascicles(content, scene, _absent(content, "fibre", "fascicles")),
    ]  # fmt: skip


def tissue_pictures(content: MuscleMap) -> list[Picture]:
    """Return diffusion, fat and the spread of fascicles within muscles."""
    arrays = content.arrays
    no_fascicles = _absent(content, "fibre", "fascicles")
    return [
        guarded("Fractional anisotropy", f"Inside muscles. {_AXIAL}",
                "Axial slices coloured by fractional anisotropy.",
                lambda: axial_slices.scalar_slices(arrays, "fa", "FA", limits=(0.0, 0.5)),
                _absent(content, "dwi", "fractional anisotropy")),
        guarded("Fibre direction",
                "Main diffusion direction: red left–right, green front–back, blue up–down.",
                "Axial slices coloured by main diffusion direction.",
                lambda: axial_slices.direction_slices(arrays, "e1"),
                _absent(content, "dwi", "fibre direction")),
        guarded("Fat fraction", f"Share of fat in the signal of water and fat. {_AXIAL}",
                "Axial slices coloured by fat fraction.",
                lambda: axial_slices.scalar_slices(
                    arrays, "fat_fraction", "fat (%)", limits=(0.0, 30.0)),
                _absent(content, "comp", "fat fraction")),
        *_spread(content, no_fascicles),
        guarded("Fascicle length along each muscle",
                "Mean ± SD of five parts of each muscle, every point of a part counted once with "
                "the fascicle through it. Hollow: extrapolated or modelled.",
                "Fascicle length from distal to proximal, one panel per muscle.",
                lambda: length_profile(content.profile),
                _absent(content, "fibre", "lengths of fascicles along muscles")),
    ]  # fmt: skip


def function_pictures(content: MuscleMap) -> list[Picture]:
    """Return activation, synergies, and the muscles in four phases of the cycle."""
    no_emg = _absent(content, "func", "EMG")
    return [
        guarded("Activation over the gait cycle",
                "Mean ± SD of the EMG envelope over strides; bars: bursts stride by stride. 0 and "
                "100 % are strikes of the muscle's own foot. One curve per muscle, not of each "
                "place in it.",
                "Curves of EMG amplitude over the gait cycle, one panel per muscle.",
                lambda: emg_cycles.emg_cycles(content.activation, content.notes.onsets), no_emg),
        guarded("Muscle synergies",
                "Weights of the muscles (left; bar: 95 % interval over resampled strides) and "
                "activation of each synergy over the cycle (right). Their number and criterion "
                "are in the tables below.",
                "Bars of muscle weights and curves of activation, one row per synergy.",
                lambda: synergy_pictures(content.synergies),
                _absent(content, "func", "synergies")),
        *_phases(content, no_emg),
    ]  # fmt: skip


def _absent(content: MuscleMap, stage: str, what: str) -> str:
    """Return the sentence that stands where a stage left nothing to draw."""
    why = content.notes.missing.get(stage, "")
    if not why and stage == "fibre":
        why = content.why_no_fascicles()
    return f"No {what}: {why}." if why else f"No {what} in the map."


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


def _fascicles(
    content: MuscleMap, scene: Callable[[], tuple[str, str]] | None, absent: str
) -> Picture:
    caption = (
        "Left: by muscle, seen from the front; middle: from the right; right: by fascicle "
        "length. At most 4000 fascicles are drawn."
    )
    alt = "Fascicles in three dimensions, coloured by muscle and by length."
    if scene is None:
        return Picture("Fascicles", caption, alt, message=absent)
    if content.aponeuroses:
        caption += " Grey sheets: internal aponeuroses."
    note = ""

    def draw() -> str:
        nonlocal note
        source, note = scene()
        return source

    picture = guarded("Fascicles", caption, alt, draw, absent)
    return Picture("Fascicles", note or caption, alt, picture.source, picture.message)
