"""The stiffness section of a page: waves, maps, published values, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imaging.image import Image
from imaging.measures import Measure
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.stiffness_titles import METHODS, known_maps, title_of_map
from imaging.musclemap.table import title_of
from imaging.muscles import side_and_key
from imaging.report import axial_slices, published_stiffness
from imaging.report.limits import window
from imaging.report.picture import Picture, guarded
from imaging.report.wave_animation import wave_animation
from imaging.report.wave_spectrum import wave_spectrum

_START = "stiffness_"
_TITLES = {
    "ti": "Stiffness along and across the fibres",
    "swe": "Stiffness by ultrasound",
    "ready": "Stiffness (ready map)",
}
_ISOTROPIC = ("mdev", "curl", "kmdev", "vfm")
_AXIAL = (
    "Axial slices in radiological convention on the anatomical image; inside muscles, away from "
    "their borders. What stays grey was not measured."
)


@dataclass(frozen=True)
class Section:
    """What the page shows of stiffness; `absent` says why there is none."""

    pictures: list[Picture]
    reasons: list[tuple[str, str]]  # figure and muscles, why
    absent: str = ""


def stiffness_section(content: MuscleMap) -> Section:
    """Return the pictures and words on stiffness, of all methods, each by itself."""
    missing = content.notes.missing
    layers = [n for n in content.arrays if n.startswith(_START)]
    if not layers:
        reasons = dict.fromkeys(missing[s] for s in ("mre", "us") if s in missing)
        return Section([], [], "; ".join(reasons) or "the map holds none")
    pictures = [_animation(content)] if content.waves is not None else []
    pictures += [_maps(content, methods, title) for methods, title in _groups(layers)]
    if spectrum := content.notes.facts("elastography").get("spectrum"):
        pictures.append(_spectrum(spectrum))
    sure = [n for n in layers if n.endswith("_confidence")]
    if sure:
        rows = [axial_slices.Row(n, _method(n), "", 1.0, (0.0, 1.0)) for n in sure]
        pictures.append(_stack(
            content, lambda: rows, "Confidence of stiffness",
            f"1 is sure, 0 is not; one row per method. {_AXIAL}",
        ))  # fmt: skip
    pictures.append(
        guarded(
            "Stiffness of each muscle beside published values",
            "Other people, other positions, frequencies and definitions: a muscle outside a "
            "published range is not a finding by itself. " + _sources(),
            "Stiffness of each muscle in kilopascal, one panel per modulus, with published ranges.",
            partial(published_stiffness.stiffness_of_muscles, content.measures),
            "No muscle has a stiffness value.",
        )
    )
    return Section([p for p in pictures if p], not_measurable(content.measures))


def _sources() -> str:
    rows = published_stiffness.literature().drop_duplicates(["source", "quantity"])
    quantities = rows.groupby("source", sort=False)["quantity"].agg("; ".join)
    return " ".join(f"{source}: {what}." for source, what in quantities.items())


def _groups(layers: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Return methods that share a picture, and its title; isotropic ones stand together."""
    methods = list(dict.fromkeys(_key(n).split("_")[0] for n in layers))
    together = tuple(m for m in _ISOTROPIC if m in methods)
    out: list[tuple[tuple[str, ...], str]] = []
    if "ti" in methods:
        told = any(n.startswith(f"{_START}ti_mu") for n in layers)
        out.append((("ti",), _TITLES["ti"] if told else "Stiffness, fibres not told apart"))
    if together:
        out.append((together, "Stiffness, fibres not taken into account"))
    others = [m for m in methods if m not in (*_ISOTROPIC, "ti")]
    return [*out, *(((m,), _TITLES.get(m, f"Stiffness ({METHODS.get(m, m)})")) for m in others)]


def _maps(content: MuscleMap, methods: Sequence[str], title: str) -> Picture:
    """Draw the moduli of some methods, on one scale where they are of one size."""
    order = {key: k for k, key in enumerate(known_maps())}
    names = [
        n for n in content.arrays
        if n.startswith(_START) and _key(n).split("_")[0] in methods and _unit(content, n) == "Pa"
    ]  # fmt: skip
    names.sort(key=lambda n: order.get(_key(n), len(order)))
    hertz = dict.fromkeys(h for n in names if (h := _frequency(content, n)))
    at = (
        f" At {', '.join(hertz)}."
        if hertz
        else " Measured with a pulse, so not at a single frequency."
    )
    meanings = "; ".join(
        f"{title_of_map(_key(n))}: {content.layers.get(n, {}).get('Description', '')}"
        for n in names
    )
    return _stack(
        content, lambda: _rows(content, names), title, f"{_AXIAL}{at} {meanings.rstrip('.')}."
    )


def _rows(content: MuscleMap, names: Sequence[str]) -> list[axial_slices.Row]:
    """Return the rows of a picture; moduli of one size share their limits."""
    shared = [n for n in names if not n.endswith(("_epar", "_loss"))]
    limits = _limits([content.arrays[n] for n in shared])
    return [
        axial_slices.Row(n, title_of_map(_key(n)), "kPa", 1e-3, limits if n in shared else None)
        for n in names
    ]


def _stack(
    content: MuscleMap, rows: Callable[[], list[axial_slices.Row]], title: str, caption: str
) -> Picture:
    return guarded(
        title, caption, f"{title}: axial slices in colour, one row per quantity.",
        lambda: axial_slices.stacked_slices(content.arrays, rows()), "No voxel holds a value.",
    )  # fmt: skip


def _spectrum(facts: Sequence[Mapping[str, Any]]) -> Picture:
    return guarded(
        "Spectrum of the waves",
        "Power of the curl by wave number (solid) and of its noise (dashed). Beyond the dotted "
        "line MDEV and the curl inversion leave everything out: there noise outweighs the waves.",
        "Curves of signal and noise by wave number, one panel per frequency.",
        lambda: wave_spectrum(facts), "No spectrum.",
    )  # fmt: skip


def _animation(content: MuscleMap) -> Picture:
    about = content.about_waves
    hertz, driver = about.get("FrequencyHz"), about.get("Driver")
    text = f"{hertz:g} Hz" if isinstance(hertz, (int, float)) else "one frequency"
    if driver:
        text += f", driver {driver}"
    return guarded(
        "Waves",
        f"Displacement along three axes over one period ({text}), in the slice where it is "
        "largest, slowed down; purple one way, orange the other; outlines are muscles.",
        "Moving picture of shear waves that run through a slice of the leg.",
        lambda: wave_animation(content.waves, content.arrays["label"], str(about.get("Units", ""))),
        "No waves.",
    )


def not_measurable(measures: Sequence[Measure]) -> list[tuple[str, str]]:
    """Return what stiffness is missing in muscles that are labelled, grouped by figure and reason.

    Returns
    -------
    list of (str, str)
        ``μ⊥, whole muscle: left FDL, left PLA``, and why.
    """
    labelled = {m.label for m in measures if m.measure == "volume" and m.value is not None}
    groups: dict[tuple[str, str], list[int]] = {}
    for m in measures:
        if published_stiffness.is_value(m.measure) and m.value is None and m.label in labelled:
            groups.setdefault((m.measure, _reason(m.note)), []).append(m.label)
    out: dict[tuple[str, str], list[str]] = {}
    for (measure, why), labels in groups.items():
        who = ", ".join(side_and_key(v) for v in sorted(labels))
        title = title_of(measure).removeprefix("stiffness ").removesuffix(", voxels")
        out.setdefault((who, why), []).append(title)
    return [(f"{'; '.join(titles)}: {who}", why) for (who, why), titles in out.items()]


def _reason(note: str) -> str:
    """Return the first clause of a note: why, without frequency and method."""
    return note.split("; ")[0]


def _key(layer: str) -> str:
    return layer.removeprefix(_START)


def _method(layer: str) -> str:
    method = _key(layer).split("_")[0]
    return METHODS.get(method, method)


def _unit(content: MuscleMap, layer: str) -> str:
    return str(content.layers.get(layer, {}).get("Units", "Pa"))


def _frequency(content: MuscleMap, layer: str) -> str:
    hertz: Any = content.layers.get(layer, {}).get("FrequencyHz", [])
    return "+".join(f"{f:g}" for f in hertz) + " Hz" if hertz else ""


def _limits(images: Sequence[Image]) -> tuple[float, float] | None:
    """Return shared limits in kPa from zero, None without a value."""
    values = [i.data[np.isfinite(i.data)] for i in images]
    whole = np.concatenate(values) if values else np.empty(0)
    return (0.0, window(whole, 2, 98)[1] / 1e3) if whole.size else None
