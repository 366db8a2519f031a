"""The figures that the verdicts rest on, by stage: of measures and facts, never of sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imaging.measures import Measure
from imaging.musclemap.read.notes import MapNotes
from imaging.musclemap.titles import capital
from imaging.muscles import NO_NAMES, Names, shown_of, side_and_name, side_of
from imaging.report.published_stiffness import is_value
from imaging.segmentation.checks import out_of_proportion
from imaging.segmentation.proportions import side_flags
from imaging.stiffness import PLAUSIBLE_PA

#: The figure without which nothing of a stage is in the map.
FACTS = {
    "anat": "muscles", "dwi": "snr", "fibre": "measured", "mre": "measured", "us": "measured",
    "func": "muscles", "comp": "measured",
}  # fmt: skip
# Of the waves, one method stands for all: the first that has a value.
STIFFNESS = (
    "stiffness_vfm_magnitude", "stiffness_mdev_magnitude", "stiffness_curl_storage",
    "stiffness_kmdev_shear", "stiffness_ti_magnitude",
)  # fmt: skip
_EMG = ("emg_peak_time", "activation_peak")
_SURE_DICE = 0.8
_MOST_NAMES = 3


@dataclass(frozen=True)
class Known:
    """What the figures are taken from."""

    measures: Sequence[Measure]
    notes: MapNotes
    names: Names

    def rows(self, measure: str) -> list[Measure]:
        """Return a measure of every muscle that has a row."""
        return [m for m in self.measures if m.measure == measure and m.label > 0]

    def of(self, measure: str) -> dict[int, float]:
        """Return label to value of the muscles that have one."""
        return {m.label: m.value for m in self.rows(measure) if m.value is not None}

    def whole(self, measure: str) -> float | None:
        """Return a figure of the whole recording."""
        own = (m.value for m in self.measures if m.measure == measure and m.label == 0)
        return next(own, None)

    def who(self, labels: Iterable[int]) -> str:
        """Return names of muscles in words, the first few of many; sides where both are there."""
        labels = sorted(set(labels))
        both = len({side_of(m.label) for m in self.rows("volume") if m.value is not None}) > 1
        said = [
            side_and_name(v, self.names) if both else shown_of(v, self.names).name
            for v in (labels if len(labels) == _MOST_NAMES + 1 else labels[:_MOST_NAMES])
        ]
        more = len(labels) - len(said)
        return ", ".join(said) + (f" and {more} more" if more > 0 else "")

    def labelled(self) -> set[int]:
        """Return the muscles that are in the label map."""
        return set(self.of("volume"))

    def some(self, name: str, labels: Iterable[int]) -> dict[str, Any]:
        """Return how many muscles, and their names."""
        labels = list(labels)
        return {name: float(len(labels)), f"{name}_names": self.who(labels)}

    def measured(self, labels: Iterable[int], rows: Sequence[Measure]) -> dict[str, Any]:
        """Return how many labelled muscles have a figure, which have none, and mostly why."""
        own, all_of = set(labels), self.labelled() or set(labels)
        lost = all_of - own
        reasons = Counter(m.note.split("; ")[0] for m in rows if m.label in lost and m.note)
        why = capital(reasons.most_common(1)[0][0]).rstrip(".") + "." if reasons else ""
        names = self.who(lost)
        return {
            "muscles": float(len(all_of)), "measured": float(len(own)),
            "measured_names": self.who(own),
            "unmeasured": 100.0 * len(lost) / max(len(all_of), 1), "unmeasured_names": names,
            "but": f", not {names}" if lost else "", "why": why,
        }  # fmt: skip


def facts_of(
    stage: str, measures: Sequence[Measure], notes: MapNotes, names: Names = NO_NAMES
) -> dict[str, Any]:
    """Return the figures of a stage by name; one that is not known is not there.

    Parameters
    ----------
    stage
        ``anat``, ``dwi``, ``fibre``, ``mre``, ``us``, ``func`` or ``comp``.
    measures, notes, names
        As in :func:`imaging.report.verdicts.verdicts`.
    """
    found = _STAGES[stage](Known(measures, notes, names))
    return {name: value for name, value in found.items() if value is not None}


def _anat(known: Known) -> dict[str, Any]:
    facts = known.notes.facts("segmentation")
    likeness = _numbers(facts.get("likeness_to_a_leg"))
    dice, coverage = known.of("expected_dice"), known.of("coverage")
    doubt = known.notes.facts("diffusion").get("gradient_check_detail")
    contradicted = isinstance(doubt, Mapping) and bool(doubt.get("contradiction"))
    return {
        "muscles": float(len(known.labelled())),
        "sides_contradicted": "yes" if contradicted else None,
        "likeness": min(likeness) if likeness else None,
        "dice": _median(dice.values()),
        **known.some("unsure", [v for v, d in dice.items() if d < _SURE_DICE]),
        **known.some("odd", out_of_proportion(known.measures)),
        **known.some("sides_differ", [f.label for f in side_flags(known.measures)]),
        **known.some("cut", [v for v, c in coverage.items() if c == 0]),
        "in_view": ", all wholly in view" if set(coverage) >= known.labelled() else "",
    }


def _dwi(known: Known) -> dict[str, Any]:
    facts = known.notes.facts("diffusion")
    return {
        "snr": known.whole("snr_b0"),
        "noise": "unknown" if known.whole("snr_b0") is None else None,
        "lost_volumes": _lost_volumes(facts),
        "motion": known.whole("motion_max"),
        "distortion": facts.get("distortion_status", facts.get("distortion")),
        "alignment": facts.get("anatomy_alignment"),
        **_gradient(facts),
    }


def _gradient(facts: Mapping[str, Any]) -> dict[str, Any]:
    detail = facts.get("gradient_check_detail")
    across = isinstance(detail, Mapping) and detail.get("across_leg") is True
    status = facts.get("gradient_check", "not_checked" if facts else None)
    return {"gradient": status, "across": "yes" if across and status == "undecided" else None}


def _lost_volumes(facts: Mapping[str, Any]) -> float | None:
    """Return the percentage of volumes that lost signal in most of their judged slices."""
    z, found = facts.get("outlier_z"), facts.get("outlier_slices")
    try:
        judged = (np.asarray(z, float) != 0).sum(axis=1)
        low = [int(volume) for volume, _, misfit in found or [] if misfit < 0]
    except (TypeError, ValueError):
        return None
    if not len(judged):
        return None
    lost = np.bincount(low, minlength=len(judged))
    return 100.0 * float((lost[: len(judged)] > 0.5 * np.maximum(judged, 1)).mean())


def _fibre(known: Known) -> dict[str, Any]:
    rows = [m for m in known.rows("fascicle_length") if m.label in known.labelled()]
    own = [m.label for m in rows if m.value is not None]
    unfilled, extrapolated = known.of("unfilled_fraction"), known.of("extrapolated_fraction")
    table = _gradient(known.notes.facts("diffusion"))
    agrees = "The gradient table agrees with anatomy; " if table["gradient"] == "ok" else ""
    return {
        **known.measured(own, rows),
        **known.some("modelled", [m.label for m in rows if m.status == "modelled"]),
        "filled": _percent(_median(1.0 - unfilled[v] for v in own if v in unfilled)),
        "extrapolated": _percent(_median(extrapolated[v] for v in own if v in extrapolated)),
        "snr": known.whole("snr_b0"),
        "checked": agrees,
        **table,
    }


def _mre(known: Known) -> dict[str, Any]:
    ready = dict.fromkeys(
        m.measure for m in known.measures
        if m.measure.startswith("stiffness_ready_") and is_value(m.measure)
    )  # fmt: skip
    name = next((n for n in (*STIFFNESS, *ready) if known.of(n)), STIFFNESS[0])
    values = known.of(name)
    wave = _percent(known.whole("wave_quality"))
    facts = known.notes.facts("elastography")
    loss = _median(known.of("stiffness_mdev_lossangle").values())
    return {
        **known.measured(values, known.rows(name)),
        **_implausible(known, values),
        "ready": "yes" if name in ready else None,
        "wave": wave,
        "of_wave": "" if wave is None else f"; {wave:.0f} % of the motion is the wave",
        "encoding": "yes" if facts.get("encoding_doubtful") is True else None,
        "backwards": "yes" if loss is not None and loss < 0 else None,
        "sure": _percent(_median(known.of("stiffness_mdev_confidence").values())),
        "moved": known.whole("wave_motion"),
    }


def _us(known: Known) -> dict[str, Any]:
    values = known.of("stiffness_swe_shear")
    files = known.notes.facts("ultrasound").get("files")
    told = [f for f in files if isinstance(f, Mapping)] if isinstance(files, list) else []
    left = [_numbers(f.get("left_out_error_mm")) for f in told]
    rms = [float(np.sqrt(np.mean(np.square(v)))) for v in left if v]
    loose = [f for f in told if f.get("tracked") is False]
    rows = known.rows("stiffness_swe_shear")
    bounds = [m.label for m in rows if m.status == "extrapolated"]
    return {
        **known.measured(values, rows),
        "bounds": float(len(bounds)),
        "bound_names": known.who(bounds),
        **_implausible(known, values),
        "files": float(len(told)),
        "missed": max(rms) if rms else None,
        "untracked": float(len(loose)),
        "unchecked": float(sum(not v for v in left)),
    }


def _func(known: Known) -> dict[str, Any]:
    facts = known.notes.facts("function")
    active = {v for name in _EMG for v in known.of(name)}
    rows = [m for name in _EMG for m in known.rows(name)]
    strides = _numbers(facts.get("strides"))
    agreement = facts.get("event_agreement")
    off = [
        abs(float(a["file_minus_force_ms"]))
        for a in (agreement if isinstance(agreement, list) else [])
        if isinstance(a, Mapping) and isinstance(a.get("file_minus_force_ms"), int | float)
    ]
    beyond = [v for v, percent in known.of("emg_amplitude_mvc").items() if percent > 100]
    why = Counter(m.note for m in rows if m.value is None and m.note).most_common(1)
    return {
        "muscles": float(len(active)),
        "strides": min(strides) if strides else None,
        "events": max(off) if off else None,
        **known.some("beyond", beyond),
        "why": f"{capital(why[0][0])}." if why else "",
    }


def _comp(known: Known) -> dict[str, Any]:
    fat, t2 = known.of("fat_fraction"), known.of("t2")
    median = _median(fat.values())
    most = known.notes.facts("composition").get("fat_fraction_at_most_percent")
    said = "" if median is None else f"; fat of a typical muscle {median:.1f} %"
    return {
        **known.measured({**fat, **t2}, known.rows("fat_fraction" if fat else "t2")),
        "at_most": float(most) if isinstance(most, int | float) else None,
        "fat": median,
        "of_fat": said,
    }


def _implausible(known: Known, values: Mapping[int, float]) -> dict[str, Any]:
    low, high = PLAUSIBLE_PA
    return known.some("implausible", [v for v, pa in values.items() if not low <= pa <= high])


def _numbers(content: Any) -> list[float]:
    """Return the finite numbers in a list or a dict of facts."""
    values = list(content.values()) if isinstance(content, Mapping) else content
    if not isinstance(values, list):
        return []
    return [float(v) for v in values if isinstance(v, int | float) and np.isfinite(v)]


def _median(values: Iterable[float]) -> float | None:
    own = list(values)
    return float(np.median(own)) if own else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


_STAGES: Mapping[str, Callable[[Known], dict[str, Any]]] = {
    "anat": _anat, "dwi": _dwi, "fibre": _fibre, "mre": _mre, "us": _us, "func": _func,
    "comp": _comp,
}  # fmt: skip
