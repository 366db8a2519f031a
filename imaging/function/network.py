"""Network of a session: synergies, coordination, what conditions change, and fatigue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.config import FunctionSettings
from imaging.function import emg, fatigue, summary, synergy_table
from imaging.function.channels import map_channels
from imaging.function.conditions import compare
from imaging.function.pairs_table import pair_values, pairs_table
from imaging.function.serial import Estimate
from imaging.function.session import SessionAnalysis
from imaging.function.stride_values import stride_values
from imaging.function.trials import Trial
from imaging.measures import Measure, not_measured
from imaging.muscles import recorded_of, side_of


@dataclass(frozen=True)
class Network:
    """Tables of a session, one row per figure, and the figures of its reference recording."""

    synergies: pd.DataFrame
    coordination: pd.DataFrame
    conditions: pd.DataFrame
    fatigue: pd.DataFrame
    measures: tuple[Measure, ...]


def network_of(session: SessionAnalysis, settings: FunctionSettings) -> Network:
    """Return how the muscles of a session work together, and what changes it.

    Parameters
    ----------
    session
        Of all recordings.
    settings
        `synergy_criterion` and `seed` are used, and the band of the EMG.
    """
    sets = synergy_table.session_synergies(session, settings.synergy_criterion, settings.seed)
    of_pairs = pair_values(session)
    values = stride_values(
        summary.over_trials(session, summary.onsets_table),
        summary.over_trials(session, summary.strides_table),
    )
    everything = pd.concat([f for f in (values, of_pairs) if len(f)] or [values], ignore_index=True)
    given = {t.name: dict(t.conditions) for t in session.trials if t.name in session.analyses}
    kinds = {t.name: t.kind for t in session.trials}
    holds = _holds(session.trials, settings)
    drift = fatigue.drift(everything)
    worn = pd.concat([f for f in (drift, holds) if len(f)] or [drift], ignore_index=True)
    return Network(
        synergy_table.synergy_table(sets),
        pairs_table(session, of_pairs, settings.seed),
        compare(everything, given, kinds),
        worn,
        (*synergy_table.measures(session, sets), *_hold_measures(holds)),
    )


def _holds(trials: Sequence[Trial], settings: FunctionSettings) -> pd.DataFrame:
    """Return the slopes of median frequency and amplitude of every muscle in every hold."""
    rows: list[dict[str, object]] = []
    for trial in trials:
        recording = trial.recording
        if trial.kind != "hold" or recording.enveloped:
            continue
        named = {k: v for k, v in settings.channels.items() if k in recording.labels}
        mapped = map_channels(recording.labels, recording.targets, named, settings.side).labels
        piece = max(recording.pieces, key=lambda p: p.stop - p.start)
        band = emg.usable_band(settings.band_hz, recording.rate_hz)
        for channel, label in sorted(mapped.items(), key=lambda item: item[1]):
            raw = recording.signals[recording.labels.index(channel), piece]
            found = fatigue.contraction(
                emg.band_pass(raw, recording.rate_hz, settings.band_hz), recording.rate_hz, band
            )
            base = {
                "trial": trial.name,
                "label": label,
                "muscle": recorded_of(label).key,
                "side": side_of(label),
                "phase": "",
                "unit": "percent/min",
                "n": len(found.at_s),
            }
            slopes = {
                "median_frequency": (fatigue.frequency_slope(found), found.median_hz),
                "amplitude": (fatigue.amplitude_slope(found), found.rms),
            }
            for outcome, (slope, series) in slopes.items():
                rows.append({**base, "outcome": outcome, **_told(slope, series)})
    return pd.DataFrame(rows, columns=list(fatigue.COLUMNS))


def _told(slope: Estimate | None, values: np.ndarray) -> dict[str, object]:
    if slope is None:
        return {"note": f"{len(values)} s of contraction, {fatigue.FEWEST_WINDOWS} needed"}
    low, high = slope.interval
    found = {"slope": slope.value, "ci_low": low, "ci_high": high, "p": slope.p}
    return {**found, "start": float(values[0]), "note": "windows of 1 s"}


def _hold_measures(holds: pd.DataFrame) -> list[Measure]:
    """Return the slope of the median frequency of every muscle that one hold recorded."""
    rows = []
    name, unit = "emg_median_frequency_slope", "percent/min"
    for label, own in holds[holds["outcome"] == "median_frequency"].groupby("label"):
        number = int(str(label))
        if len(own) > 1:
            why = f"{len(own)} sustained contractions; see the table of fatigue"
            rows.append(not_measured(number, name, unit, why))
            continue
        row = own.iloc[0]
        if not np.isfinite(row["slope"]):
            rows.append(not_measured(number, name, unit, str(row["note"])))
            continue
        low, high = float(row["ci_low"]), float(row["ci_high"])
        rows.append(
            Measure(
                number, name, float(row["slope"]), unit, n=int(row["n"]), ci_low=low,
                ci_high=high, note="n windows of 1 s of one sustained contraction",
            )
        )  # fmt: skip
    return rows
