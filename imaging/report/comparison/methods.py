"""Whether two visits were measured alike: sequence, method, settings, versions.

What was measured in another way is not compared; what may shift figures a little is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imaging.measures import Measure
from imaging.musclemap.table import definition_of
from imaging.muscles import is_bipennate
from imaging.report.comparison.visits import Visit

#: Stages that a figure of a stage rests on, by what the sidecars of their files say they are.
_VERBS: Mapping[str, tuple[str, ...]] = {
    "anat": ("segment",),
    "comp": ("segment", "composition"),
    "dwi": ("segment", "diffusion"),
    "fibre": ("segment", "diffusion", "fibres"),
    "mre": ("segment", "elastography"),
    "us": ("segment", "ultrasound"),
}
_STAGES_OF_VERBS = {"segment": "segmentation"}
# Settings that move no figure beyond its own sampling.
_WITHOUT_EFFECT = frozenset({"seed", "bootstrap", "mask_error_mm", "inversions", "side"})
_FOUND = "finding of the aponeurosis"
_OWN_FIBRES = "stiffness_ti_"
# Largest ratio of two visits that is no difference.
_SAME_VOXELS, _SAME_NOISE, _SAME_COVERAGE = 1.05, 1.1, 1.5


@dataclass(frozen=True)
class Difference:
    """How two visits differ.

    Attributes
    ----------
    refused : dict
        Stage of a measure to why none of its figures is compared.
    noted : list of str
        What a reader must know where figures are compared nevertheless.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    noted: Sequence[str] = ()


def difference(before: Visit, after: Visit) -> Difference:
    """Return how the scans and methods of two visits differ."""
    by_verb = {
        verb: _of_verb(verb, before, after)
        for verb in ("segment", "composition", "diffusion", "fibres", "elastography", "ultrasound")
    }
    refused = {
        stage: why
        for stage, verbs in _VERBS.items()
        if (why := next((by_verb[v] for v in verbs if by_verb[v]), ""))
    }
    return Difference(refused, _noted(before, after))


def why_not(before: Measure, after: Measure, visits: Difference) -> str:
    """Return why two figures of one muscle do not compare; empty where they do."""
    found = definition_of(before.measure)
    stage = found.stage if found else ""
    if before.unit != after.unit:
        return f"in {before.unit}, then in {after.unit}"
    if before.status != after.status:
        return f"{before.status}, then {after.status}"
    if why := visits.refused.get(stage, ""):
        return why
    if before.measure.startswith(_OWN_FIBRES) and (why := visits.refused.get("fibre", "")):
        return why
    ways = [way_of(m, stage) for m in (before, after)]
    return "" if ways[0] == ways[1] else f"{ways[0] or 'unnamed'}, then {ways[1] or 'unnamed'}"


def status_note(measure: Measure) -> str:
    """Return that two figures of one status were not measured, where they were not."""
    return "" if measure.status == "measured" else f"both {measure.status}, not measured"


def way_of(measure: Measure, stage: str) -> str:
    """Return the clauses of a note that say how a figure was taken, without those that vary."""
    clauses = [clause.strip() for clause in measure.note.split(";")]
    if stage == "anat":
        return clauses[0]
    if stage == "comp":
        return clauses[-1]
    if stage in ("mre", "us"):
        named = (c for c in clauses if "Hz" in c or not re.search(r"\d", c) or "correct" in c)
        return "; ".join(c for c in named if c)
    return ""


def sheet_of(visit: Visit, label: int) -> str:
    """Return whether the internal aponeurosis of a bipennate muscle was given or found.

    Empty where a muscle has none, or where it is not known.
    """
    length = visit.by_name.get((label, "fascicle_length"))
    if length is None or length.value is None or not is_bipennate(label):
        return ""
    if _FOUND in length.note:
        return "found from the data"
    return "given" if length.ci_low is not None else ""


def other_sheets(measure: str, ways: Sequence[str]) -> str:
    """Return that fascicles end on sheets of two kinds, where they do."""
    known = definition_of(measure)
    if known is None or known.stage != "fibre" or "" in ways or ways[0] == ways[1]:
        return ""
    return f"internal aponeurosis {ways[0]}, then {ways[1]}"


def _of_verb(verb: str, before: Visit, after: Visit) -> str:
    """Return why what a verb gave does not compare, empty where it does or is missing."""
    stage = _STAGES_OF_VERBS.get(verb, verb)
    facts = [v.notes.facts(stage) for v in (before, after)]
    for key, words in (("contrast", "labels of {0}, then of {1} images"),
                       ("frequency_hz", "waves of {0} Hz, then of {1} Hz"),
                       ("drivers", "{0} drivers, then {1}")):  # fmt: skip
        pair = [fact.get(key) for fact in facts]
        if None not in pair and pair[0] != pair[1]:
            return words.format(*map(_said, pair))
    pair = [_network(fact) for fact in facts]
    if verb == "segment" and pair[0] != pair[1]:
        return f"labels by {pair[0]}, then by {pair[1]}"
    if verb == "diffusion" and (why := _b_values(before, after) or _perfusion(before, after)):
        return why
    one, two = (_settings(v, verb) for v in (before, after))
    if one is None or two is None:
        return ""
    for key in sorted({*one, *two} - _WITHOUT_EFFECT):
        if one.get(key) != two.get(key):
            said = f"{_said(one.get(key))}, then {_said(two.get(key))}"
            return f"setting {key} of pennate {verb}: {said}"
    return ""


def _said(value: object) -> str:
    if isinstance(value, list):
        return "+".join(_said(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def _network(facts: Mapping[str, object]) -> str:
    """Return what labelled the muscles, with its version."""
    for kind in ("network", "model"):
        about = facts.get(kind)
        if isinstance(about, dict):
            return " ".join(str(about[k]) for k in ("name", "version") if about.get(k))
    return "no network"


def _b_values(before: Visit, after: Visit) -> str:
    pair = _values(before, after, 0, "b_value_max")
    if pair is None or _alike(*pair, 1.05):
        return ""
    return f"largest b-value {pair[0]:g}, then {pair[1]:g} s/mm²"


def _perfusion(before: Visit, after: Visit) -> str:
    """Return that perfusion was taken out of the tensor at one visit only."""
    left_out = [
        any("perfusion is left out" in said for said in v.notes.sentences("diffusion"))
        for v in (before, after)
    ]
    words = ["perfusion left out" if left else "with perfusion" for left in left_out]
    return "" if words[0] == words[1] else f"diffusion {words[0]}, then {words[1]}"


def _settings(visit: Visit, verb: str) -> Mapping[str, object] | None:
    """Return the settings of the first file that a verb made; None where it made none."""
    for _, made in sorted(visit.notes.provenance.items()):
        if made.get("GeneratedBy", {}).get("Command") == f"pennate {verb}":
            return dict(made.get("Settings", {}))
    return None


def _values(before: Visit, after: Visit, label: int, name: str) -> tuple[float, float] | None:
    """Return the values of both visits, None where one has none above 0."""
    one, two = (v.value(label, name) for v in (before, after))
    return (one, two) if one is not None and two is not None and min(one, two) > 0 else None


def _alike(one: float, two: float, factor: float) -> bool:
    return max(one, two) <= factor * min(one, two)


def _noted(before: Visit, after: Visit) -> list[str]:
    """Return what differs and may shift figures a little, one sentence each."""
    told = []
    versions = [_version(v) for v in (before, after)]
    if all(versions) and versions[0] != versions[1]:
        told.append(f"Computed by Pennate {versions[0]}, then by {versions[1]}.")
    one, two = (_voxel_mm3(v) for v in (before, after))
    if one and two and not _alike(one, two, _SAME_VOXELS):
        told.append(
            f"Voxels of the anatomical image: {one:.3g}, then {two:.3g} mm³: volumes may shift "
            "by partial volume."
        )
    facts = [v.notes.facts("diffusion").get("distortion_status") for v in (before, after)]
    if facts[0] != facts[1] and None not in facts:
        told.append(f"Distortion of the diffusion images: {facts[0]}, then {facts[1]}.")
    for name, words in (("directions", "Diffusion-weighted volumes"),
                        ("snr_b0", "SNR without diffusion weighting")):  # fmt: skip
        pair = _values(before, after, 0, name)
        if pair is not None and not _alike(*pair, _SAME_NOISE):
            told.append(
                f"{words}: {pair[0]:.3g}, then {pair[1]:.3g}: fractional anisotropy shifts with "
                "noise."
            )
    return told


def coverage_note(before: Visit, after: Visit, label: int, measure: str) -> str:
    """Return that a stiffness is of another share of the muscle, where it is."""
    parts = measure.split("_")
    if parts[0] != "stiffness" or len(parts) < 2:
        return ""
    name = "swe_coverage" if parts[1] == "swe" else f"stiffness_{parts[1]}_coverage"
    pair = _values(before, after, label, name)
    if pair is None or _alike(*pair, _SAME_COVERAGE):
        return ""
    return f"from {100 * pair[0]:.0f} %, then {100 * pair[1]:.0f} % of the muscle"


def _version(visit: Visit) -> str:
    versions = {
        str(made.get("GeneratedBy", {}).get("Version", ""))
        for made in visit.notes.provenance.values()
    }
    return " and ".join(sorted(v for v in versions if v))


def _voxel_mm3(visit: Visit) -> float | None:
    """Return the volume of a voxel of the labels."""
    for m in visit.measures:
        if m.measure == "volume" and m.value and m.n:
            return 1000 * m.value / m.n
    return None
