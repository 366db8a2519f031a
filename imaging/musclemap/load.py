"""Load shared by architecture: force of each muscle over the cycle, and its share of the leg's.

Force = activation x PCSA x specific tension x cosine of pennation, times the factors of
force-length and force-velocity where a model gives them (Zajac, Crit Rev Biomed Eng
1989;17:359-411; without them they are taken as 1). Shares are over the muscles of one leg that
have EMG relative to maximal voluntary contraction (MVC): without it amplitudes of two muscles
cannot be compared. A muscle without a channel is not measured; it is no part of the sum, never 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.measures import Measure, Status, not_measured
from imaging.musclemap.cross_section import Area, cross_sections
from imaging.musclemap.forces import Activity, Forces, activities, around, interval, share_of
from imaging.musclemap.unmeasured_load import sentences, without_emg
from imaging.muscles import is_known, side_of, structure_of

MEASURES = {"force_share_peak": "percent", "force_share_mean": "percent", "force_peak": "N"}
ASSUMPTIONS = (
    "Modelled, not measured: EMG amplitude relative to MVC is taken as activation, without delay "
    "between EMG and force; passive force is left out"
)
NO_FACTORS = "force-length and force-velocity taken as 1"
COLUMNS = {
    "label": {"Description": "100 times side (1 left, 2 right) plus index in the catalogue"},
    "muscle": {"Description": "Key of the muscle in the catalogue"},
    "side": {"Description": "left, right or undecided"},
    "percent": {"Description": "Place in the gait cycle of the same foot", "Units": "percent"},
    "activation": {"Description": "EMG, of MVC or of the muscle's own peak", "Units": "percent"},
    "share": {
        "Description": "Of the force of the measured muscles of the leg; only with MVC",
        "Units": "percent",
    },
    "share_low": {"Description": "Lower end of its 95 % interval", "Units": "percent"},
    "share_high": {"Description": "Upper end of its 95 % interval", "Units": "percent"},
    "force_n": {"Description": "Force along the line of action; only with MVC", "Units": "N"},
    "force_low": {"Description": "Lower end of its 95 % interval", "Units": "N"},
    "force_high": {"Description": "Upper end of its 95 % interval", "Units": "N"},
    "of_peak": {"Description": "Force over the muscle's own largest force", "Units": "1"},
    "n": {"Description": "Strides behind the mean cycle"},
    "status": {"Description": "Of share and force: modelled, assumed or not_measured"},
}


@dataclass(frozen=True)
class Load:
    """Force over the cycle, from EMG and architecture.

    Attributes
    ----------
    cycle : DataFrame
        One row per muscle with EMG and percent of its own foot's cycle: `activation` in percent
        of MVC or of its own peak; `share` of the force of the measured muscles of its leg, and
        its 95 % interval, in percent; force in N and its interval, specific tension taken as
        exact; `of_peak`: force over its largest; `n` strides; `status` of share and force.
    measures : list of Measure
        Of every muscle in the label map, and of the whole leg and calf.
    warnings : list of str
    """

    cycle: pd.DataFrame
    measures: list[Measure]
    warnings: list[str]

    def peak_n(self) -> dict[int, float]:
        """Return the largest force of each muscle that has one, N."""
        found = (m for m in self.measures if m.measure == "force_peak")
        return {m.label: m.value for m in found if m.value is not None}


@dataclass(frozen=True)
class _Leg:
    """One leg: labels in the label map, and what is known of their cross-section and EMG."""

    labels: Sequence[int]
    areas: Mapping[int, Area]
    no_area: Mapping[int, str]
    active: Mapping[int, Activity]
    of_parts: Collection[int]
    factors: Mapping[int, FloatArray]
    tension: float

    @property
    def recorded(self) -> list[int]:
        """Muscles with a cross-section and EMG."""
        return [v for v in self.labels if v in self.areas and v in self.active]

    @property
    def in_sum(self) -> list[int]:
        """Muscles whose force is known."""
        return [v for v in self.recorded if self.active[v].mvc]

    def status(self, label: int) -> Status:
        """Return the status of a muscle's force."""
        if label not in self.in_sum:
            return "not_measured"
        return "assumed" if label in self.of_parts else "modelled"

    def why_not(self, label: int) -> str:
        """Return why a muscle's force is not known."""
        if label not in self.active:
            return "no EMG of this muscle"
        if label not in self.areas:
            return self.no_area[label]
        return "no MVC: its amplitude cannot be compared with that of other muscles"

    def note(self, label: int) -> str:
        """Return what a figure of force rests on."""
        used = [structure_of(v).key for v in self.in_sum]
        others = [structure_of(v).key for v in self.labels if v not in self.in_sum]
        parts = [
            f"n strides; of {', '.join(used)}",
            f"without {', '.join(others)}" if others else "",
            self.areas[label].note,
            f"{self.tension:g} N/cm2",
            "force-length and force-velocity given" if label in self.factors else NO_FACTORS,
            "EMG of a part of the muscle" if label in self.of_parts else "",
        ]
        return "; ".join(p for p in parts if p)


def share_load(
    measures: Sequence[Measure],
    curves: pd.DataFrame,
    present: Sequence[int],
    *,
    ends: Mapping[int, float],
    of_parts: Collection[int] = (),
    tension_n_cm2: float = 60.0,
    seed: int = 1,
    factors: Mapping[int, FloatArray] | None = None,
) -> Load:
    """Return the force of each muscle, and its share, over the cycle.

    Parameters
    ----------
    measures
        Of all stages: ``pcsa_anatomical`` or ``pcsa_functional``, ``pennation_line``,
        ``coverage``.
    curves
        Mean cycles in percent, see :func:`imaging.musclemap.activation.in_percent`.
    present
        Labels of the muscles in the label map; those that the catalogue does not know are passed
        over, as there is no EMG of them.
    ends
        See :func:`imaging.musclemap.cross_section.end_shares`.
    of_parts
        Those among them whose EMG is that of a part of them.
    tension_n_cm2
        Specific tension, N/cm2: force per cross-section at full activation.
    seed
        Of the draws behind the intervals.
    factors
        Label to (T,) product of the factors of force-length and force-velocity at the percents of
        `curves`; muscles that are left out have 1.
    """
    known = [v for v in present if is_known(v)]
    areas, no_area = cross_sections(measures, known, ends)
    active = activities(curves)
    percent = np.sort(curves["percent"].unique().astype(float))
    rng = np.random.default_rng(seed)
    frames, rows, said = [], [], []
    for side in sorted({label // 100 for label in known}):
        labels = [label for label in known if label // 100 == side]
        leg = _Leg(labels, areas, no_area, active, of_parts, factors or {}, tension_n_cm2)
        forces = Forces.draw(
            leg.in_sum, areas, active, leg.factors, percent, tension_n_cm2, rng
        )  # fmt: skip
        frames += [_cycle(label, leg, percent, forces) for label in leg.recorded]
        for label in labels:
            rows += _measures(label, leg, forces)
        silent = without_emg(labels, areas, active, rng)
        rows += silent
        said += sentences(labels, leg.in_sum, active, areas, silent)
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    return Load(table, rows, said)


def _measures(label: int, leg: _Leg, forces: Forces) -> list[Measure]:
    """Return share at the peak of a muscle's force and over the cycle, and that peak."""
    if label not in leg.in_sum:
        return [not_measured(label, name, MEASURES[name], leg.why_not(label)) for name in MEASURES]
    k = leg.in_sum.index(label)
    top = [int(np.argmax(forces.values[k]))]
    whole, drawn = forces.over_cycle()
    found = {
        "force_share_peak": (
            share_of(forces.values[:, top], k), share_of(forces.draws[..., top], k),
        ),
        "force_share_mean": (share_of(whole, k), share_of(drawn, k)),
        "force_peak": (forces.values[k, top], forces.draws[:, k, top]),
    }  # fmt: skip
    out = []
    for name, (value, draws) in found.items():
        if not np.isfinite(value[0]):
            out.append(not_measured(label, name, MEASURES[name], "no muscle of the leg is active"))
            continue
        low, high = (float(v) for v in around(value, interval(draws))[:, 0])
        known = bool(np.isfinite([low, high]).all())
        out.append(Measure(
            label, name, float(value[0]), MEASURES[name], leg.active[label].n, None,
            low if known else None, high if known else None, leg.status(label), leg.note(label),
        ))  # fmt: skip
    return out


def _cycle(label: int, leg: _Leg, percent: FloatArray, forces: Forces) -> pd.DataFrame:
    """Return the rows of one muscle; without MVC only the course of its force."""
    own = leg.active[label]
    course = np.maximum(own.mean, 0) * leg.factors.get(label, np.ones(len(percent)))
    top = course.max()
    out = pd.DataFrame({
        "label": label, "muscle": structure_of(label).key, "side": side_of(label),
        "percent": percent, "activation": own.mean,
        "share": np.nan, "share_low": np.nan, "share_high": np.nan,
        "force_n": np.nan, "force_low": np.nan, "force_high": np.nan,
        "of_peak": course / top if top > 0 else np.nan, "n": own.n, "status": leg.status(label),
    })  # fmt: skip
    if label in leg.in_sum:
        k = leg.in_sum.index(label)
        share, force = share_of(forces.values, k), forces.values[k]
        low, high = around(share, interval(share_of(forces.draws, k)))
        force_low, force_high = around(force, interval(forces.draws[:, k]))
        out = out.assign(share=share, share_low=low, share_high=high, force_n=force,
                         force_low=force_low, force_high=force_high)  # fmt: skip
    return out[list(COLUMNS)]
