"""The stage's tables, measures and notes from an analysis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function import asymmetry, sources
from imaging.function.analysis import Analysis, MuscleActivity
from imaging.function.cycles import PERCENT, circular_mean
from imaging.function.events import offs
from imaging.function.session import SessionAnalysis
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
    frames = [table(a).assign(trial=name) for name, a in session.analyses.items()]
    frames = [f for f in frames if len(f)] or frames[:1]
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"trial": []})
    return whole[["trial", *(c for c in whole.columns if c != "trial")]]


def events_table(analysis: Analysis) -> pd.DataFrame:
    """Return onset (s), duration, trial_type, source and agreement of every event used."""
    return sources.events_table(analysis.gait)


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
            "peak of mean cycle",
        )
        frames.append(pd.DataFrame(dict(zip(columns, values, strict=True))))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def onsets_table(analysis: Analysis) -> pd.DataFrame:
    """Return every burst: its stride, times in s and in percent of that stride."""
    rows = []
    for m in analysis.muscles:
        key, side = recorded_of(m.label).key, side_of(m.label)
        for b in m.bursts:
            times = (b.burst.onset_s, b.burst.offset_s, b.burst.peak_s)
            shares = (b.onset_percent, b.offset_percent, b.peak_percent)
            rows.append((m.label, key, side, b.stride, *times, *shares, int(b.main)))
    columns = ["label", "muscle", "side", "stride", "onset_s", "offset_s", "peak_s"]
    columns += ["onset_percent", "offset_percent", "peak_percent", "main"]
    return pd.DataFrame(rows, columns=columns)


def measures(analysis: Analysis) -> list[Measure]:
    """Return all figures: per muscle, left against right, of the walk, and what is missing."""
    rows: list[Measure] = []
    for activity in analysis.muscles:
        rows += _muscle(activity, analysis)
    present = {m.label for m in analysis.muscles}
    rows += _without_channel(present)
    rows += asymmetry.measures(analysis.muscles)
    rows += _walk(analysis)
    return rows


def _row(
    label: int, name: str, values: FloatArray, note: str, *, circular: bool = False
) -> Measure:
    """Return mean and SD over strides."""
    if circular:
        mean, sd = circular_mean(values)
    else:
        mean = float(values.mean())
        sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    spread = None if np.isnan(sd) else sd
    return Measure(label, name, mean, UNITS[name], n=len(values), sd=spread, note=note)


def _muscle(m: MuscleActivity, analysis: Analysis) -> list[Measure]:
    rows = [_no_mvc(m.label)]
    if m.mean is None:
        why = m.no_onsets
        return rows + [
            not_measured(m.label, n, UNITS[n], why) for n in (*BURST_MEASURES, "emg_peak_time")
        ]
    rows.append(
        _row(m.label, "emg_peak_time", m.peak_percent, "n strides; envelope", circular=True)
    )
    if m.no_onsets:
        return rows + [not_measured(m.label, n, UNITS[n], m.no_onsets) for n in BURST_MEASURES]
    main = [b for b in m.bursts if b.main]
    note = "n strides; burst at the peak of the mean cycle"
    onset = np.array([b.onset_percent for b in main])
    offset = np.array([b.offset_percent for b in main])
    duration = np.array([1000 * (b.burst.offset_s - b.burst.onset_s) for b in main])
    counts = np.unique([b.stride for b in m.bursts], return_counts=True)[1].astype(float)
    rows += [
        _row(m.label, "emg_onset", onset, note, circular=True),
        _row(m.label, "emg_offset", offset, note, circular=True),
        _row(m.label, "emg_burst_duration", duration, note),
        _row(m.label, "emg_bursts_per_stride", counts, "n strides with a burst"),
        _lead(m, analysis),
    ]
    return rows


def _lead(m: MuscleActivity, analysis: Analysis) -> Measure:
    """Return how long before foot strike the burst began that goes on through it."""
    strikes = analysis.strides["left" if side_of(m.label) == "left" else "right"][:, 1]
    leads = [
        1000 * (t - b.burst.onset_s)
        for b in m.bursts
        for t in strikes
        if b.burst.onset_s < t < b.burst.offset_s
    ]
    name = "emg_lead_foot_strike"
    if not leads:
        return not_measured(m.label, name, UNITS[name], "no burst goes on through a foot strike")
    return _row(m.label, name, np.array(leads), "n foot strikes held by a burst")


def _no_mvc(label: int) -> Measure:
    why = "no MVC recording: amplitude is relative to the peak of the muscle's own mean cycle"
    return not_measured(label, "emg_amplitude_mvc", UNITS["emg_amplitude_mvc"], why)


def _without_channel(present: set[int]) -> list[Measure]:
    """Return rows for every muscle that has no channel of its own."""
    rows = []
    for side in SIDES:
        for key in muscle_keys():
            label = label_of(key, side)
            if label in present:
                continue
            why = "no EMG channel"
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
        rows.append(_plain(f"stride_time_{side}", length, "s", "n strides"))
        lifts = offs(analysis.events, side)
        share = []
        for start, end in strides:
            inside = lifts[(lifts > start) & (lifts < end)]
            if len(inside) == 1:
                share.append(100 * (inside[0] - start) / (end - start))
        name = f"stance_{side}"
        if share:
            rows.append(_plain(name, np.array(share), "percent", "n strides; of the cycle"))
        else:
            rows.append(not_measured(0, name, "percent", f"no lift of the {side} foot"))
    return rows


def _plain(name: str, values: FloatArray, unit: str, note: str) -> Measure:
    sd = float(values.std(ddof=1)) if len(values) > 1 else None
    return Measure(0, name, float(values.mean()), unit, n=len(values), sd=sd, note=note)
