"""Steps of the diffusion stage: what each one found, in words and with its picture.

Everything comes from the facts of the diffusion stage (``imaging/diffusion/notes.py``), from
the settings it ran with and from the layers of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.report import axial_slices, diffusion_curves
from imaging.report.muscle_tables import number
from imaging.report.picture import Picture, guarded

_UNTOLD = "not told in the notes of the diffusion stage"
_VERDICTS = {
    "ok": "The table agrees with the data.",
    "corrected": "The table was changed, see the warnings: {best} explains the data "
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


def diffusion_steps(content: MuscleMap) -> list[Step]:
    """Return every step in its order; none where there was no diffusion stage."""
    facts = content.notes.facts("diffusion")
    if not facts:
        return []
    options = content.notes.settings(f"{content.prefix}_desc-b0_dwiref.nii.gz")
    return [
        _told("Noise", lambda name: _noise(name, content, facts, options)),
        _told("Gibbs ringing", lambda name: _ringing(name, content, options)),
        _told("Slices that lost signal", lambda name: _lost_slices(name, facts, options)),
        _told("Motion", lambda name: _motion(name, facts, options)),
        _told("Eddy currents", lambda name: _eddy(name, facts, options)),
        _told("Distortion", lambda name: _distortion(name, facts, options)),
        _told("Diffusion on anatomy", lambda name: _registration(name, content, facts, options)),
        _told("Gradient table", lambda name: _gradient_table(name, facts)),
    ]


def _told(name: str, tell: Callable[[str], Step]) -> Step:
    """Return a step; what goes wrong with its facts must not cost the page."""
    try:
        return tell(name)
    except Exception as error:  # facts of another form fail in many ways
        why = f"{type(error).__name__}: {error}"
        return Step(name, f"The notes of this step could not be read ({why}).")


def _off(options: dict[str, Any], name: str, otherwise: str = _UNTOLD) -> str:
    """Return why a step left nothing: its setting is off, or another reason."""
    off = options.get(name) in (False, "off")
    return f"Not done: {name} is off." if off else f"Not done: {otherwise}."


def _drawn(title: str, caption: str, alt: str, draw: Callable[[], str | None]) -> Picture:
    return guarded(title, caption, alt, draw, f"No picture of {title.lower()}.")


def _noise(name: str, content: MuscleMap, facts: dict[str, Any], options: dict[str, Any]) -> Step:
    if facts.get("snr_b0") is None or "snr" not in content.arrays:
        why = _off(options, "denoise", "the noise is not known")
        return Step(name, why.replace("is off.", "is off, and the noise is known from it only."))
    picture = _drawn(
        "Signal-to-noise ratio",
        "Of one volume without diffusion weighting, before denoising, inside muscles. Directions "
        "need about 20.",
        "Axial slices coloured by the signal-to-noise ratio.",
        lambda: axial_slices.scalar_slices(content.arrays, "snr", "SNR"),
    )
    done = "Denoised. " if options.get("denoise", True) else ""
    return Step(name, f"{done}Median SNR in the legs {number(facts['snr_b0'])}.", picture)


def _ringing(name: str, content: MuscleMap, options: dict[str, Any]) -> Step:
    told = [text for text in content.notes.sentences("diffusion") if "Gibbs ringing" in text]
    return Step(name, told[0] if told else _off(options, "gibbs"))


def _lost_slices(name: str, facts: dict[str, Any], options: dict[str, Any]) -> Step:
    z = facts.get("outlier_z")
    if not z:
        return Step(name, _off(options, "outliers"))
    found = facts.get("outlier_slices", [])
    judged = int(diffusion_curves.judged(z).sum())
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
        lambda: diffusion_curves.lost_slices(z, found),
    )
    return Step(name, verdict, picture)


def _motion(name: str, facts: dict[str, Any], options: dict[str, Any]) -> Step:
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
        lambda: diffusion_curves.motion_trace(trace, moved),
    )
    return Step(name, verdict, picture)


def _eddy(name: str, facts: dict[str, Any], options: dict[str, Any]) -> Step:
    slopes = facts.get("eddy_slopes")
    if not slopes:
        if options.get("motion") is False:
            return Step(name, _off(options, "motion"))
        why = "the sidecar does not give PhaseEncodingDirection" if "eddy" in options else _UNTOLD
        return Step(name, _off(options, "eddy", why))
    largest = float(np.abs(slopes).max())
    if largest == 0:
        return Step(name, "They could not be told from noise and were left alone.")
    picture = _drawn(
        name,
        "Stretch and shear along the phase-encoding axis, volume by volume: displacement per mm "
        "along each voxel axis, in percent. It was taken out in the same interpolation as motion.",
        "Curves of stretch and shear over the volumes of the diffusion series.",
        lambda: diffusion_curves.eddy_trace(slopes),
    )
    return Step(name, f"Stretch and shear of at most {100 * largest:.1f} % corrected.", picture)


def _distortion(name: str, facts: dict[str, Any], options: dict[str, Any]) -> Step:
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


def _registration(
    name: str, content: MuscleMap, facts: dict[str, Any], options: dict[str, Any]
) -> Step:
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
        lambda: axial_slices.contour_slices(content.arrays, {"b0_before": "before", "b0": "after"}),
    )  # fmt: skip
    return Step(name, verdict, picture)


def _gradient_table(name: str, facts: dict[str, Any]) -> Step:
    status = str(facts.get("gradient_check", ""))
    detail = facts.get("gradient_check_detail", {})
    words = _VERDICTS.get(status, f"Not checked: {_UNTOLD}.").format(best=_axes(detail))
    if detail.get("regions"):
        words += f" {detail['regions']} muscles or parts of muscles were compared with anatomy."
    if status == "undecided" and detail.get("best"):
        words += f" Of all tables {_axes(detail)} fits best."
    if detail.get("contradiction"):
        words += f" Sides of the labels are contradicted: {detail['contradiction']}."
    return Step(name, words)


def _axes(detail: dict[str, Any]) -> str:
    """Return the name of the best gradient table, and which axes it speaks of."""
    name = str(detail.get("best", ""))
    return f"{name} (RAS+)" if name.startswith(("scanner", "world")) else f"{name} (voxel axes)"
