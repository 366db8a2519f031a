"""The stage's tables, measures and notes from an analysis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from imaging.function import agreement, asymmetry, timing
from imaging.function.amplitude import MVC
from imaging.function.analysis import (
    NOTHING,
    Analysis,
    MuscleActivity,
    foot_of,
    lift_percent,
)
from imaging.function.cycles import PERCENT
from imaging.function.intervals import Spread, measure, over_strides
from imaging.function.onsets import Burst
from imaging.function.session import SessionAnalysis
from imaging.function.stride_bursts import StrideBurst
from imaging.function.stride_values import FACTOR
from imaging.function.strides import SIDES
from imaging.measures import Measure, not_measured
from imaging.muscles import catalogue, label_of, muscle_keys, recorded_of, side_of

UNITS = {
    "emg_onset": "percent",
    "emg_offset": "percent",
    "emg_peak_time": "percent",
    "emg_burst_duration": "ms",
    "emg_bursts_per_stride": "1",
    "emg_lead_foot_strike": "ms",
    "emg_amplitude_mvc": "percent",
}
BURST_MEASURES = (
    "emg_onset",
    "emg_offset",
    "emg_burst_duration",
    "emg_bursts_per_stride",
    "emg_lead_foot_strike",
)


def over_trials(
    session: SessionAnalysis, table: Callable[[Analysis], pd.DataFrame]
) -> pd.DataFrame:
    """Return a table of every recording below each other, the reference first, with its name."""
    analyses = session.analyses or {"": NOTHING}
    frames = [table(a).assign(trial=name) for name, a in analyses.items()]
    whole = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
    return whole[["trial", *(c for c in whole.columns if c != "trial")]]


def trials_table(session: SessionAnalysis) -> pd.DataFrame:
    """Return one row per recording: what it is of, its strides and its levels of the factors."""
    factors = sorted({f for t in session.trials for f in t.conditions})
    rows = []
    for t in session.trials:
        strides = session.analyses[t.name].strides if t.name in session.analyses else {}
        row: dict[str, object] = {
            "trial": t.name,
            "kind": t.kind,
            "reference": int(t.name == session.reference),
            "duration_s": t.recording.end_s - t.recording.start_s,
        }
        row |= {f"strides_{side}": len(strides[side]) if strides else None for side in SIDES}
        rows.append(row | {f"{FACTOR}{f}": t.conditions.get(f) for f in factors})
    return pd.DataFrame(rows).astype({f"strides_{side}": "Int64" for side in SIDES})


def events_table(analysis: Analysis) -> pd.DataFrame:
    """Return onset (s), duration, trial_type, source and agreement of every event used."""
    return agreement.events_table(analysis.gait)


def activation_table(analysis: Analysis) -> pd.DataFrame:
    """Return the mean cycle of every muscle, long: one row per muscle and percent."""
    columns = ["label", "muscle", "side", "percent", "mean", "sd", "n", "unit"]
    frames = []
    for m in analysis.muscles:
        if m.mean is None:
            continue
        key, side = recorded_of(m.label).key, side_of(m.label)
        values = (
            m.label,
            key,
            side,
            PERCENT,
            m.mean.mean,
            m.mean.sd,
            m.mean.n,
            m.unit,
        )
        frames.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def onsets_table(analysis: Analysis) -> pd.DataFrame:
    """Return every burst: its stride and phase, times in s and in percent of that stride.

    `amplitude` is the mean of the envelope in the burst, in the unit of the muscle's amplitudes.
    Bursts that belong to no stride have neither phase nor percent.
    """
    rows: list[tuple[object, ...]] = []
    for m in analysis.muscles:
        head = (m.label, recorded_of(m.label).key, side_of(m.label))
        placed = {b.burst.onset_s: b for b in m.bursts}
        for burst in sorted([*(b.burst for b in m.bursts), *m.outside], key=lambda b: b.onset_s):
            rows.append((*head, *_burst_row(burst, placed.get(burst.onset_s), m)))
    columns = ["label", "muscle", "side", "stride", "phase", "main", "onset_percent"]
    columns += ["offset_percent", "peak_percent", "onset_s", "offset_s", "peak_s", "agreement_ms"]
    columns += ["confidence", "onset_sd_ms", "offset_sd_ms", "amplitude", "unit"]
    order = [*columns[:5], *columns[9:12], *columns[6:9], "main", *columns[12:]]
    frame = pd.DataFrame(rows, columns=columns).astype({"main": int, "stride": "Int64"})
    return frame[order]


def _burst_row(burst: Burst, placed: StrideBurst | None, m: MuscleActivity) -> tuple[object, ...]:
    """Return stride, phase, whether main, places, times, certainty, and amplitude with its unit."""
    place: tuple[object, ...] = (None, None, 0, None, None, None)
    if placed is not None:
        shares = (placed.onset_percent, placed.offset_percent, placed.peak_percent)
        place = (placed.stride, placed.phase or None, int(placed.main), *shares)
    times = (burst.onset_s, burst.offset_s, burst.peak_s)
    sure = (burst.agreement_ms, burst.confidence, burst.onset_sd_ms, burst.offset_sd_ms)
    scale = m.mean.peak if m.mean else np.nan
    amplitude = burst.strength / (burst.offset_s - burst.onset_s) / scale
    return (*place, *times, *sure, amplitude, m.unit)


def strides_table(analysis: Analysis) -> pd.DataFrame:
    """Return every stride of every muscle: its times (s) and amplitudes.

    Amplitude is the mean of the envelope over the stride, peak its maximum; both in `unit`.
    """
    columns = ["label", "muscle", "side", "stride", "start_s", "end_s", "toe_off_percent"]
    columns += ["peak_percent", "amplitude", "peak", "unit"]
    frames = []
    for m in analysis.muscles:
        if m.mean is None:
            continue
        side = foot_of(m.label)
        strides = analysis.strides[side]
        inside = m.per_stride[:, :-1]
        values = (
            m.label,
            recorded_of(m.label).key,
            side,
            np.arange(len(strides)),
            strides[:, 0],
            strides[:, 1],
            lift_percent(analysis, side),
            m.peak_percent,
            inside.mean(axis=1),
            inside.max(axis=1),
            m.unit,
        )
        frames.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def measures(session: SessionAnalysis) -> list[Measure]:
    """Return all figures of the reference recording.

    Per muscle, left against right, of the walk, and what is missing.
    """
    analysis = session.analyses.get(session.reference)
    if analysis is None:
        return _without_channel(set(), "no recording of walking or running")
    rows: list[Measure] = []
    for activity in analysis.muscles:
        rows += _muscle(activity, analysis)
    rows += _without_channel({m.label for m in analysis.muscles}, "no EMG channel")
    rows += asymmetry.measures(analysis.muscles)
    rows += _walk(analysis)
    return rows


def _row(label: int, name: str, found: Spread, note: str) -> Measure:
    return measure(label, name, found, UNITS[name], note)


def _muscle(m: MuscleActivity, analysis: Analysis) -> list[Measure]:
    rows = [_amplitude(m)]
    if m.mean is None:
        why = m.no_onsets
        return rows + [
            not_measured(m.label, n, UNITS[n], why) for n in (*BURST_MEASURES, "emg_peak_time")
        ]
    peak = over_strides(m.peak_percent, circular=True)
    rows.append(_row(m.label, "emg_peak_time", peak, "n strides; envelope"))
    if m.no_onsets:
        return rows + [not_measured(m.label, n, UNITS[n], m.no_onsets) for n in BURST_MEASURES]
    main = timing.main_bursts(m)
    phase = timing.main_phase(m) or "not the same in all strides"
    note = f"n strides; burst at the peak of the mean cycle: {phase}"
    counts = np.unique([b.stride for b in m.bursts], return_counts=True)[1].astype(float)
    rows += [
        _row(m.label, "emg_onset", timing.onsets(main), note),
        _row(m.label, "emg_offset", timing.offsets(main), note),
        _row(m.label, "emg_burst_duration", timing.durations(main), note),
        _row(m.label, "emg_bursts_per_stride", over_strides(counts), "n strides with a burst"),
        _lead(m, analysis),
    ]
    return rows


def _amplitude(m: MuscleActivity) -> Measure:
    """Return the peak of the mean cycle in percent of MVC."""
    name = "emg_amplitude_mvc"
    if m.mean is None:
        return not_measured(m.label, name, UNITS[name], m.no_onsets)
    if m.unit != MVC:
        why = f"{m.no_mvc}: amplitude is relative to the {m.unit}"
        return not_measured(m.label, name, UNITS[name], why)
    found = timing.peak_over_strides(m)
    percent = Spread(100 * found.mean, 100 * found.sd, found.n)
    return _row(m.label, name, percent, "n strides; largest mean over 500 ms at MVC is 100")


def _lead(m: MuscleActivity, analysis: Analysis) -> Measure:
    """Return how long before foot strike the burst began that goes on through it."""
    leads = timing.before_strike(m.bursts, analysis.strides[foot_of(m.label)][:, 1])
    name = "emg_lead_foot_strike"
    if len(leads) == 0:
        return not_measured(m.label, name, UNITS[name], "no burst goes on through a foot strike")
    return _row(m.label, name, over_strides(leads), "n foot strikes held by a burst")


def _without_channel(present: set[int], none: str) -> list[Measure]:
    """Return rows for every muscle that has no channel of its own; `none` says why."""
    rows = []
    for side in SIDES:
        for key in muscle_keys():
            label = label_of(key, side)
            if label in present:
                continue
            why = none
            group = next((k for k in _groups_with(key) if label_of(k, side) in present), None)
            if group is not None:
                why = f"no EMG channel of its own; recorded together as {group}"
            rows += [not_measured(label, name, unit, why) for name, unit in UNITS.items()]
    return rows


def _groups_with(key: str) -> list[str]:
    return [s.key for s in catalogue() if s.tissue == "group" and key in s.key.split("+")]


def _walk(analysis: Analysis) -> list[Measure]:
    """Return stride time and stance share of each foot; label 0."""
    rows = []
    for side in SIDES:
        strides = analysis.strides[side]
        if len(strides) == 0:
            why = f"no stride of the {side} foot"
            rows.append(not_measured(0, f"stride_time_{side}", "s", why))
            rows.append(not_measured(0, f"stance_{side}", "percent", why))
            continue
        length = strides[:, 1] - strides[:, 0]
        rows.append(measure(0, f"stride_time_{side}", over_strides(length), "s", "n strides"))
        share = lift_percent(analysis, side)
        share = share[np.isfinite(share)]
        name = f"stance_{side}"
        if len(share):
            found = over_strides(share)
            rows.append(measure(0, name, found, "percent", "n strides; of the cycle"))
        else:
            rows.append(not_measured(0, name, "percent", f"no lift of the {side} foot"))
    return rows
