"""Load shared by architecture: force of each muscle over the cycle, and its share of the leg's.

Force = activation x PCSA x specific tension x cosine of pennation, times the factors of force-length
and force-velocity where a model gives them (Zajac, Crit Rev Biomed Eng 1989;17:359-411; without
them they are taken as 1). Shares are over the muscles of one leg that have EMG relative to maximal
voluntary contraction (MVC): without it amplitudes of two muscles cannot be compared. A muscle
without a channel is not measured; it is no part of the sum, never 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.measures import Measure, Status, not_measured
from imaging.musclemap.cross_section import Area, cross_sections
from imaging.muscles import side_and_key, side_of, structure_of

MEASURES = {
    "force_share_peak": "percent", "force_share_mean": "percent", "force_peak": "N",
}  # fmt: skip
ASSUMPTIONS = (
    "Modelled, not measured: EMG amplitude relative to MVC is taken as activation, without delay "
    "between EMG and force; passive force is left out"
)
NO_FACTORS = "force-length and force-velocity taken as 1"
_COLUMNS = (
    "label", "muscle", "side", "percent", "activation", "share", "share_low", "share_high",
    "force_n", "force_low", "force_high", "of_peak", "n", "status",
)  # fmt: skip
_DRAWS = 2000
_LIMITS = (2.5, 97.5)


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
        found = (m for m in self.measures if m.measure == "force_peak" and m.value is not None)
        return {m.label: float(m.value) for m in found if m.value is not None}


@dataclass(frozen=True)
class _Activity:
    """Mean cycle of a muscle: mean and its standard error (T,), percent; n strides."""

    mean: FloatArray
    error: FloatArray
    n: int
    mvc: bool


def share_load(
    measures: Sequence[Measure],
    curves: pd.DataFrame,
    present: Sequence[int],
    *,
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
        Labels of the muscles in the label map.
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
    factors = factors or {}
    areas, unknown = cross_sections(measures, present)
    active = _activities(curves)
    percent = np.sort(curves["percent"].unique().astype(float))
    rng = np.random.default_rng(seed)
    frames, rows, said = [], [], []
    for side in sorted({label // 100 for label in present}):
        labels = [label for label in present if label // 100 == side]
        why = {v: _why_not(v, areas, unknown, active) for v in labels}
        in_sum = [v for v in labels if not why[v]]
        forces = _Forces.draw(in_sum, areas, active, factors, percent, tension_n_cm2, rng)
        status: dict[int, Status] = {v: "assumed" if v in of_parts else "modelled" for v in in_sum}
        rows += [_missing(v, name, why[v]) for v in labels if why[v] for name in MEASURES]
        for label in in_sum:
            note = _note(label, labels, in_sum, status[label], areas[label], factors, tension_n_cm2)
            rows += forces.measures(label, status[label], note)
        recorded = [v for v in labels if v in active and v in areas]
        frames += [_cycle(v, active[v], percent, forces, factors, status) for v in recorded]
        rows += without_emg(labels, areas, active, unknown, rng)
        said += _sentences(labels, in_sum, active, areas, rows)
    kept = [f for f in frames if len(f)]
    table = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(_COLUMNS))
    return Load(table, rows, said)


@dataclass(frozen=True)
class _Forces:
    """Force of the muscles in the sum of one leg: values (M, T) in N, and draws (R, M, T)."""

    labels: Sequence[int]
    percent: FloatArray
    n: Sequence[int]
    values: FloatArray
    draws: FloatArray

    @classmethod
    def draw(
        cls,
        labels: Sequence[int],
        areas: Mapping[int, Area],
        active: Mapping[int, _Activity],
        factors: Mapping[int, FloatArray],
        percent: FloatArray,
        tension: float,
        rng: np.random.Generator,
    ) -> _Forces:
        """Return forces, and what they may as well have been by the errors of what they rest on.

        A mean cycle errs as a whole, by Student's t with one degree of freedom less than strides;
        muscles err independently.
        """
        values = np.empty((len(labels), len(percent)))
        draws = np.empty((_DRAWS, len(labels), len(percent)))
        for k, label in enumerate(labels):
            own, area = active[label], areas[label]
            factor = 0.01 * tension * factors.get(label, np.ones(len(percent)))
            values[k] = factor * np.maximum(own.mean, 0) * area.effective_cm2
            t = rng.standard_t(own.n - 1, _DRAWS) if own.n > 1 else np.full(_DRAWS, np.nan)
            drawn = np.maximum(own.mean + t[:, None] * own.error, 0)
            draws[:, k] = factor * drawn * area.draws(rng, _DRAWS)[:, None]
        return cls(labels, percent, [active[v].n for v in labels], values, draws)

    def shares(self, label: int) -> tuple[FloatArray, FloatArray]:
        """Return share (T,) and interval (2, T) in percent; NaN where no muscle is active."""
        k = self.labels.index(label)
        return _percent_of(self.values, k), _interval(_percent_of(self.draws, k))

    def measures(self, label: int, status: Status, note: str) -> list[Measure]:
        """Return share at the peak of the muscle's force and over the cycle, and that peak."""
        k = self.labels.index(label)
        top = int(np.argmax(self.values[k]))
        over_cycle = np.trapezoid(self.values, self.percent, axis=-1)[:, None]
        drawn = np.trapezoid(self.draws, self.percent, axis=-1)[..., None]
        found = {
            "force_share_peak": (
                _percent_of(self.values[:, [top]], k), _percent_of(self.draws[..., [top]], k)
            ),
            "force_share_mean": (_percent_of(over_cycle, k), _percent_of(drawn, k)),
            "force_peak": (self.values[k, [top]], self.draws[:, k, [top]]),
        }  # fmt: skip
        out = []
        for name, (value, draws) in found.items():
            if not np.isfinite(value[0]):
                out.append(_missing(label, name, "no muscle of the leg is active"))
                continue
            low, high = _around(value, _interval(draws))[:, 0]
            limits = (float(low), float(high)) if np.isfinite([low, high]).all() else (None, None)
            out.append(Measure(
                label, name, float(value[0]), MEASURES[name], self.n[k], None, *limits, status, note
            ))  # fmt: skip
        return out


def _percent_of(forces: FloatArray, k: int) -> FloatArray:
    """Return the share of muscle `k` (axis -2) in the sum over muscles, percent."""
    total = forces.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(100.0 * forces[..., k, :] / np.where(total > 0, total, np.nan))


def _interval(draws: FloatArray) -> FloatArray:
    """Return the 95 % interval (2, T) of draws (R, T); NaN where too few of them have a value."""
    enough = np.isfinite(draws).mean(axis=0) > 0.9
    out = np.full((2, draws.shape[1]), np.nan)
    if enough.any():
        out[:, enough] = np.nanpercentile(draws[:, enough], _LIMITS, axis=0)
    return out


def _around(value: FloatArray, limits: FloatArray) -> FloatArray:
    """Return limits (2, T) that hold the value, whatever the skew of the draws."""
    return np.stack([np.minimum(limits[0], value), np.maximum(limits[1], value)])


def _activities(curves: pd.DataFrame) -> dict[int, _Activity]:
    """Return the mean cycle of each muscle that has one without a gap."""
    out = {}
    for label, rows in curves.groupby("label"):
        rows = rows.sort_values("percent")
        mean, n = rows["mean"].to_numpy(float), rows["n"].min()
        if not np.isfinite(mean).all():
            continue
        strides = 1 if pd.isna(n) else int(n)
        error = rows["sd"].to_numpy(float) / np.sqrt(max(strides, 1))
        if not np.isfinite(error).all():
            strides = 1
        mvc = bool(rows["unit"].astype(str).str.contains("MVC").all())
        out[int(str(label))] = _Activity(mean, error, strides, mvc)
    return out


def _why_not(
    label: int,
    areas: Mapping[int, Area],
    unknown: Mapping[int, str],
    active: Mapping[int, _Activity],
) -> str:
    """Return why a muscle's force is not known; empty where it is."""
    if label not in active:
        return "no EMG of this muscle"
    if label not in areas:
        return unknown[label]
    if not active[label].mvc:
        return "no MVC: its amplitude cannot be compared with that of other muscles"
    return ""


def _cycle(
    label: int,
    own: _Activity,
    percent: FloatArray,
    forces: _Forces,
    factors: Mapping[int, FloatArray],
    status: Mapping[int, Status],
) -> pd.DataFrame:
    """Return the rows of one muscle; without MVC only the course of its force."""
    course = np.maximum(own.mean, 0) * factors.get(label, np.ones(len(percent)))
    top = course.max()
    out = pd.DataFrame({
        "label": label, "muscle": structure_of(label).key, "side": side_of(label),
        "percent": percent, "activation": own.mean,
        "of_peak": course / top if top > 0 else np.nan, "n": own.n,
        "status": status.get(label, "not_measured"),
    })  # fmt: skip
    if label in status:
        k = forces.labels.index(label)
        share, limits = forces.shares(label)
        low, high = _around(share, limits)
        force = forces.values[k]
        force_low, force_high = _around(force, _interval(forces.draws[:, k]))
        out = out.assign(share=share, share_low=low, share_high=high, force_n=force,
                         force_low=force_low, force_high=force_high)  # fmt: skip
    return out.reindex(columns=list(_COLUMNS))


def without_emg(
    labels: Sequence[int],
    areas: Mapping[int, Area],
    recorded: Collection[int],
    unknown: Mapping[int, str],
    rng: np.random.Generator,
) -> list[Measure]:
    """Return which share of the PCSA of the leg, and of its calf, has no EMG.

    The calf: superficial and deep posterior compartments.
    """
    out = []
    calf = [v for v in labels if "posterior" in structure_of(v).compartment]
    for place, part in (("leg", labels), ("calf", calf)):
        if not part:
            continue
        name = f"pcsa_without_emg_{place}_{side_of(labels[0])}"
        counted = [v for v in part if v in areas]
        left_out = [structure_of(v).key for v in part if v not in areas]
        not_counted = f"; not counted: {', '.join(left_out)}" if left_out else ""
        if not counted:
            why = "no muscle with a PCSA" + not_counted
            out.append(not_measured(0, name, "percent", why))
            continue
        silent = np.array([v not in recorded for v in counted])
        cm2 = np.array([areas[v].pcsa_cm2 for v in counted])
        drawn = np.stack([areas[v].draws_of_pcsa(rng, _DRAWS) for v in counted], axis=1)
        value = 100 * cm2[silent].sum() / cm2.sum()
        shares = 100 * drawn[:, silent].sum(axis=1) / drawn.sum(axis=1)
        known = bool(np.isfinite(shares).all())
        low, high = np.percentile(shares, _LIMITS) if known else (None, None)
        names = ", ".join(structure_of(v).key for v, s in zip(counted, silent, strict=True) if s)
        note = f"n muscles; without EMG: {names or 'none'}{not_counted}"
        out.append(Measure(0, name, float(value), "percent", len(counted), None,
                           None if low is None else min(float(low), float(value)),
                           None if high is None else max(float(high), float(value)), note=note,
                           ))  # fmt: skip
    return out


def _missing(label: int, name: str, why: str) -> Measure:
    return not_measured(label, name, MEASURES[name], why)


def _note(
    label: int,
    labels: Iterable[int],
    in_sum: Sequence[int],
    status: Status,
    area: Area,
    factors: Mapping[int, FloatArray],
    tension: float,
) -> str:
    """Return what a figure of force rests on."""
    others = [structure_of(v).key for v in labels if v not in in_sum]
    parts = [
        "n strides",
        f"of {', '.join(structure_of(v).key for v in in_sum)}",
        f"without {', '.join(others)}" if others else "",
        area.note,
        f"{tension:g} N/cm2",
        "force-length and force-velocity given" if label in factors else NO_FACTORS,
        "EMG of a part of the muscle" if status == "assumed" else "",
    ]
    return "; ".join(p for p in parts if p)


def _sentences(
    labels: Sequence[int],
    in_sum: Sequence[int],
    active: Mapping[int, _Activity],
    areas: Mapping[int, Area],
    rows: Iterable[Measure],
) -> list[str]:
    """Return what a reader of the shares of one leg must know."""
    side = side_of(labels[0])
    leg = "the leg" if side == "undecided" else f"the {side} leg"
    recorded = [v for v in labels if v in active and v in areas]
    if not recorded:
        return []
    said = []
    if not any(active[v].mvc for v in recorded):
        said.append(
            f"Force shares between muscles of {leg} are not measured: without MVC recordings EMG "
            "amplitudes of two muscles cannot be compared."
        )
    else:
        no_mvc = [side_and_key(v) for v in recorded if v not in in_sum]
        if no_mvc:
            said.append(f"No force without MVC: {', '.join(no_mvc)}.")
        above = [side_and_key(v) for v in in_sum if active[v].mean.max() > 100]
        if above:
            said.append(f"EMG above MVC, whose force is then too large: {', '.join(above)}.")
    found = {m.measure: m for m in rows}
    shares = [
        f"{m.value:.0f} % of that of the {place}"
        for place in ("calf", "leg")
        if (m := found.get(f"pcsa_without_emg_{place}_{side}")) is not None and m.value is not None
    ]
    missing = [structure_of(v).key for v in labels if v not in active]
    if missing and shares:
        said.append(
            f"Muscles of {leg} without EMG ({', '.join(missing)}) are no part of force shares; of "
            f"the PCSA: {', '.join(shares)}."
        )
    return said
