"""What the fibre stage has to say beside its figures: methods, citations, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from imaging.architecture.dropped import dropped_warning, noted
from imaging.architecture.fascicles import name_of
from imaging.architecture.left_out import left_out_warnings
from imaging.architecture.muscle import MuscleArchitecture
from imaging.config import FibreSettings
from imaging.measures import Notes

_CITATIONS = (
    "Fan J, Gijbels I. Local polynomial modelling and its applications. Chapman & Hall, 1996.",
    "Basser PJ, Pajevic S, Pierpaoli C, Duda J, Aldroubi A. In vivo fiber tractography using "
    "DT-MRI data. Magn Reson Med 2000;44:625-632.",
    "Davidson R, Flachaire E. The wild bootstrap, tamed at last. J Econometrics 2008;146:162-169.",
    "Cook JR, Stefanski LA. Simulation-extrapolation estimation in parametric measurement error "
    "models. J Am Stat Assoc 1994;89:1314-1328.",
    "Altman NS. Kernel smoothing of data with correlated errors. J Am Stat Assoc 1990;85:749-759.",
    "Taubin G. A signal processing approach to fair surface design. SIGGRAPH 1995:351-358.",
    "Bolsterlee B, D'Souza A, Gandevia SC, Herbert RD. How does passive lengthening change the "
    "architecture of the human medial gastrocnemius muscle? J Appl Physiol 2017;122:727-738.",
)
_LAPLACE = (
    "Choi HF, Blemker SS. Skeletal muscle fascicle arrangements can be reconstructed using a "
    "Laplacian vector field simulation. PLoS One 2013;8:e77576."
)
UNDECIDED_TABLE = "gradient table undecided"
_SEEN = {True: " and moved onto the dark line of the anatomical image", False: ""}


def fibre_notes(
    results: Sequence[MuscleArchitecture],
    settings: FibreSettings,
    names: Mapping[int, str] | None = None,
) -> Notes:
    """Return the notes of the stage.

    Parameters
    ----------
    results
        One per muscle.
    settings
        As used.
    names
        Of labels that the catalogue does not know.
    """
    width = (
        "sigma and order chosen for each muscle by leave-one-out cross-validation that allows for "
        "noise which next voxels share"
        if settings.smoothing_mm is None
        else f"linear, sigma {settings.smoothing_mm:g} mm"
    )
    method = (
        "Diffusion tensors were smoothed inside each muscle by local polynomial regression with a "
        f"Gaussian kernel ({width}, outlying voxels down-weighted), "
        "separately on both sides of internal aponeuroses. An aponeurosis of a bipennate muscle "
        "that was not given was sought as the smooth sheet that best separates two smooth "
        "fields of direction, and moved onto a dark line of the anatomical image where there is "
        "one. Streamlines "
        f"were followed from seeds spread evenly ({settings.seed_spacing_mm:g} mm) with "
        f"midpoint steps of {settings.step_mm:g} mm up to their exact "
        "intersection with the muscle's surface or an internal aponeurosis. Streamlines that "
        f"turned by more than {settings.max_angle_deg_per_mm:g} degrees per mm, were shorter than "
        f"{settings.min_length_mm:g} mm or longer than {settings.max_length_mm:g} mm, or ended "
        "where the image ends were left out; where that is more than a tenth of a muscle's points "
        "its figures say so, where it is more than half they are not measured. Pennation at an "
        "end is the angle between the fascicle and the plane tangent to the surface it ends on; "
        "pennation to the line of action is the angle between the fascicle's chord and the "
        "principal axis of the muscle. "
        "Slopes at ends and curvature are those of polynomials of arc length through a "
        "fascicle's ends, whose order, 2 to 5, was chosen for each muscle so that slopes at ends "
        "err least by noise and by bends lost. "
        "Means are over the muscle's volume."
    )
    if settings.bootstrap > 1:
        method += (
            " Their 95 % confidence intervals hold the spread over "
            f"{settings.bootstrap} wild bootstrap replicas of the direction field, that of seeds "
            f"and that of a border known to {settings.mask_error_mm:g} mm (standard deviation of "
            "the whole mask), and are widened by the estimated biases of noise, of smoothing, of "
            "partial volume at borders, of the curves' order, and by points without a fascicle."
        )
    citations = list(_CITATIONS)
    if any(r.modelled for r in results):
        method += (
            " Where diffusion data said too little, directions were modelled as a flow without "
            "rotation or sources through the muscle, entering and leaving as fascicles lean in "
            "textbooks; such figures are marked as modelled."
        )
        citations.append(_LAPLACE)
    facts = {str(r.label): r.facts for r in results if r.facts}
    return Notes("fibres", method, citations, _warnings(results, names or {}), facts)


def tract_notes(
    results: Sequence[MuscleArchitecture], settings: FibreSettings, names: Mapping[int, str]
) -> Notes:
    """Return the notes of fascicles that were made from tracts of another program.

    Parameters
    ----------
    results
        One per muscle.
    settings
        As used.
    names
        Of the labels.
    """
    method = (
        "Tracts of another program were cut where they crossed the muscle's surface or an internal "
        "aponeurosis; ends inside the muscle were extended straight on to the surface. Pieces "
        f"shorter than {settings.min_length_mm:g} mm or longer than {settings.max_length_mm:g} mm, "
        "or that ended where the image ends, were left out. Pennation at an end is the angle "
        "between the fascicle and the plane tangent to the surface it ends on; pennation to the "
        "line of action is the angle between the fascicle's chord and the principal axis of the "
        "muscle. Means are over the muscle's volume: every point counts once, with the tract "
        "next to it."
    )
    facts = {str(r.label): r.facts for r in results if r.facts}
    warnings = [*_warnings(results, names), *left_out_warnings(results, names)]
    return Notes("fibres", method, _CITATIONS[5:], warnings, facts)


def _warnings(results: Sequence[MuscleArchitecture], names: Mapping[int, str]) -> list[str]:
    warnings = []
    for r in results:
        name = names.get(r.label) or name_of(r.label)
        if not len(r.fascicles):
            warnings.append(f"{name}: no architecture: {r.measures[0].note}.")
        elif r.modelled:
            warnings.append(
                f"{name}: {r.modelled}; its fascicles are modelled from its shape and from where "
                "fascicles lean in textbooks, not measured."
            )
        elif r.ends_unknown:
            warnings.append(
                f"{name}: {r.ends_unknown}; its fascicles are written but its length, pennation "
                "and curvature are not measured. Give the aponeurosis as a mask or surface."
            )
        elif r.sheets_found:
            warnings.append(
                f"{name}: its internal aponeurosis was found from the jump of fibre direction"
                f"{_SEEN[bool(r.facts.get('aponeurosis_seen'))]}; "
                "look at it before its fascicles' ends are relied on."
            )
        if len(r.fascicles) and not r.modelled and (said := dropped_warning(name, r.facts)):
            warnings.append(said)
    return warnings


def table_warning(sidecar: Mapping[str, Any]) -> str:
    """Return what to say of figures from tensors whose gradient table may be wrong, else nothing.

    Parameters
    ----------
    sidecar
        Of the tensor; ``GradientTable`` is ok, corrected, undecided or not_checked.
    """
    return UNDECIDED_TABLE if sidecar.get("GradientTable") == "undecided" else ""


def with_warning(results: Sequence[MuscleArchitecture], warning: str) -> list[MuscleArchitecture]:
    """Return muscles with a warning in the note of every figure that has a value."""
    return [replace(r, measures=noted(r.measures, warning)) for r in results]


def warned_notes(notes: Notes, warning: str) -> Notes:
    """Return the notes of the stage with a warning of the tensors' gradient table added."""
    if not warning:
        return notes
    sentence = (
        f"The tensors' {warning}: directions, and every figure of fascicles, hold only if the "
        "table is right. See the notes of the diffusion stage."
    )
    return replace(notes, warnings=[*notes.warnings, sentence])
