"""Steps of the diffusion stage: what each one found, in words and with its picture.

Everything comes from the facts of the diffusion stage (``imaging/diffusion/notes.py``), from
the settings it ran with and from the layers of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.report import slices, traces
from imaging.report.content import Content
from imaging.report.figures import number
from imaging.report.picture import Picture, guarded

_UNTOLD = "not told in the notes of the diffusion stage"
_VERDICTS = {
    "ok": "The table agrees with the data.",
    "corrected": "The table was changed, see the warnings: {best} (voxel axes) explains the data "
    "clearly better.",
    "undecided": "Undecided: the data cannot tell whether the table is flipped or permuted; it is "
    "used as given. FA and diffusivities do not depend on it, fibre directions do.",
    "not_checked": "Not checked: gradient_check is off.",
}
_SOURCES = {
    "fmap": "a scan of reversed phase encoding",
    "anatomy": "registration to the anatomical image",
}


@dataclass(frozen=True)
class Step:
    """One step: its name, what it found or why it was not done, and its picture if it has one."""

    name: str
    verdict: str
    picture: Picture | None = None


def diffusion_steps(content: Content) -> list[Step]:
    """Return every step in its order; none where there was no diffusion stage."""
    facts = content.facts("diffusion")
    if not facts:
        return []
    options = content.settings("desc-b0_dwiref.nii.gz")
    return [
        _noise(content, facts, options),
        _ringing(content, options),
        _lost_slices(facts, options),
        _motion(facts, options),
        _eddy(facts, options),
        _distortion(facts, options),
        _registration(content, facts, options),
        _gradient_table(facts),
    ]


def _off(options: dict[str, Any], name: str, otherwise: str = _UNTOLD) -> str:
    """Return why a step left nothing: its setting is off, or another reason."""
    off = options.get(name) in (False, "off")
    return f"Not done: {name} is off." if off else f"Not done: {otherwise}."


def _drawn(title: str, caption: str, alt: str, draw: Callable[[], str | None]) -> Picture:
    return guarded(title, caption, alt, draw, f"No picture of {title.lower()}.")


def _noise(content: Content, facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Noise"
    if facts.get("snr_b0") is None or "snr" not in content.arrays:
        why = _off(options, "denoise", "the noise is not known")
        return Step(name, why.replace("is off.", "is off, and the noise is known from it only."))
    picture = _drawn(
        "Signal-to-noise ratio",
        "Of one volume without diffusion weighting, before denoising, inside muscles. Directions "
        "need about 20.",
        "Axial slices coloured by the signal-to-noise ratio.",
        lambda: slices.scalar_slices(content.arrays, "snr", "SNR"),
    )
    done = "Denoised. " if options.get("denoise", True) else ""
    return Step(name, f"{done}Median SNR in the legs {number(facts['snr_b0'])}.", picture)


def _ringing(content: Content, options: dict[str, Any]) -> Step:
    told = [text for text in content.sentences("diffusion") if "Gibbs ringing" in text]
    return Step("Gibbs ringing", told[0] if told else _off(options, "gibbs"))


def _lost_slices(facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Slices that lost signal"
    z = facts.get("outlier_z")
    if not z:
        return Step(name, _off(options, "outliers"))
    found = facts.get("outlier_slices", [])
    judged = int(traces.judged(z).sum())
    if judged == 0:
        return Step(name, "No slice holds enough of the leg to be judged.")
    many = "None" if not found else f"{len(found)}"
    verdict = f"{many} of {judged} slices misfit the other volumes so much that their weight was "
    verdict += "less than half."
    picture = _drawn(
        name,
        "Misfit of the mean signal of each slice to the other volumes, in standard deviations: "
        "orange lost signal, purple gained it. Black frames: given less than half the weight. "
        "Grey: too little of the leg to judge. Volumes and slices count from 0.",
        "Map of volumes by slices with the misfit of each slice.",
        lambda: traces.lost_slices(z, found),
    )
    return Step(name, verdict, picture)


def _motion(facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Motion"
    trace = facts.get("motion")
    if not trace:
        return Step(name, _off(options, "motion"))
    moved = facts.get("motion_corrected_volumes", [])
    verdict = "No volume moved by more than noise; none was resampled for it."
    if moved:
        most = max(facts.get("motion_displacement_mm", [0.0]))
        turn = float(np.linalg.norm(np.asarray(trace, float)[:, 3:], axis=1).max())
        verdict = (
            f"{len(moved)} of {len(trace)} volumes moved by more than noise (at most "
            f"{number(most)} mm and {number(turn)}°) and were put back."
        )
    picture = _drawn(
        "Motion during diffusion",
        "Movement of the legs, volume by volume. Ticks at the bottom: volumes that were put back; "
        "the others did not move by more than noise.",
        "Curves of translation and rotation over the volumes of the diffusion series.",
        lambda: traces.motion_trace(trace, moved),
    )
    return Step(name, verdict, picture)


def _eddy(facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Eddy currents"
    slopes = facts.get("eddy_slopes")
    if not slopes:
        if options.get("motion") is False:
            return Step(name, _off(options, "motion"))
        why = "the sidecar does not tell PhaseEncodingDirection" if "eddy" in options else _UNTOLD
        return Step(name, _off(options, "eddy", why))
    largest = float(np.abs(slopes).max())
    if largest == 0:
        return Step(name, "They could not be told from noise and were left alone.")
    picture = _drawn(
        name,
        "Stretch and shear along the phase-encoding axis, volume by volume: displacement per mm "
        "along each voxel axis, in percent. It was taken out in the same interpolation as motion.",
        "Curves of stretch and shear over the volumes of the diffusion series.",
        lambda: traces.eddy_trace(slopes),
    )
    return Step(name, f"Stretch and shear of at most {100 * largest:.1f} % corrected.", picture)


def _distortion(facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Distortion"
    source = _SOURCES.get(facts.get("distortion", "none"))
    if source is None:
        why = "no scan of reversed phase encoding and no anatomical image, or the sidecar does "
        why += "not tell PhaseEncodingDirection"
        return Step(name, _off(options, "distortion", why if "distortion" in facts else _UNTOLD))
    median, most = (number(facts[f"distortion_{k}_mm"]) for k in ("median", "max"))
    size = f"median {median} mm, at most {most} mm along the phase-encoding axis"
    before, after = (round(100 * share) for share in facts["distortion_agreement"])
    told = {
        "corrected": f"Corrected by {source}: {size}. Of the variance of b0 it explained "
        f"{before} % before and {after} % after.",
        "kept": f"Looked for by {source}; nothing beyond chance was found, so nothing was changed.",
        "refused": f"Not corrected: {source} gave {size}, which is implausible.",
    }
    return Step(name, told[facts["distortion_status"]])


def _registration(content: Content, facts: dict[str, Any], options: dict[str, Any]) -> Step:
    name = "Diffusion on anatomy"
    status = facts.get("anatomy_alignment")
    size = ""
    if status is not None:
        size = f"{number(facts['anatomy_shift_mm'])} mm and "
        size += f"{number(facts['anatomy_rotation_deg'])}°"
    told = {
        "registered": f"Moved by {size} onto the anatomical image.",
        "kept": "Nothing clearly better than the position in the file's header; it was kept.",
        "refused": f"Registration gave {size}, which is implausible: the position was kept.",
    }
    off = _off(options, "register_to_anatomy", "no anatomical image was given to it")
    verdict = told.get(str(status), off)
    caption = (
        "Mean image without diffusion weighting with the outlines of the anatomical labels: "
        "outlines must follow the muscles seen."
    )
    if "b0_before" in content.arrays:
        caption += " Above: as the scanner gave it. Below: after correction and registration."
    picture = _drawn(
        name, caption, "Axial slices of the diffusion image with outlines of muscles.",
        lambda: slices.contour_slices(content.arrays, {"b0_before": "before", "b0": "after"}),
    )  # fmt: skip
    return Step(name, verdict, picture)


def _gradient_table(facts: dict[str, Any]) -> Step:
    status = str(facts.get("gradient_check", ""))
    detail = facts.get("gradient_check_detail", {})
    words = _VERDICTS.get(status, f"Not checked: {_UNTOLD}.").format(best=detail.get("best", ""))
    if detail.get("regions"):
        words += f" {detail['regions']} muscles or parts of muscles were compared with anatomy."
    if status == "undecided" and detail.get("best"):
        words += f" Of all tables {detail['best']} (voxel axes) fits best."
    return Step("Gradient table", words)
