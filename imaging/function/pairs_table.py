"""How pairs of muscles of a leg work together in every recording of a session."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function import coherence, coordination
from imaging.function.analysis import Analysis, MuscleActivity
from imaging.function.recording import Foot, Recording
from imaging.function.serial import mean_of
from imaging.function.session import SessionAnalysis
from imaging.function.stride_values import one_branch
from imaging.function.strides import SIDES
from imaging.muscles import recorded_of, side_of

COLUMNS = (
    "trial", "side", "first", "second", "measure", "unit", "value", "sd", "ci_low", "ci_high",
    "n", "limit", "note",
)  # fmt: skip
FEWEST_STRIDES = 3
CROSS_TALK = "neighbours: a sensor may hear both, so coherence may be cross-talk"


def pair_values(session: SessionAnalysis) -> pd.DataFrame:
    """Return what every pair did in every stride, as rows of the table of stride values.

    Outcomes: ``cocontraction_rudolph`` and ``cocontraction_falconer_winter`` of antagonists,
    ``lag`` of the envelopes and ``onset_delay`` of the main bursts, in percent of the cycle, of
    muscles that follow each other: positive where the second is later. Label 0, muscle ``TA-SOL``.
    """
    parts = []
    for trial, analysis in session.analyses.items():
        for side, a, b, names in _present(analysis):
            strides = analysis.strides[side]
            for outcome, unit, values in _of_strides(a, b, names):
                what = {
                    "trial": trial, "label": 0, "muscle": "-".join(names), "side": side,
                    "phase": "", "stride": np.arange(len(values)), "at_s": strides[:, 0],
                    "outcome": outcome, "value": values, "unit": unit,
                }  # fmt: skip
                parts.append(pd.DataFrame(what))
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    timed = whole[whole["outcome"].isin(["lag", "onset_delay"])]
    for _, rows in timed.groupby(["side", "muscle", "outcome"]):
        # −49 in one stride and 50 in the next are neighbours; the mean lies within half a cycle.
        turned = one_branch(rows["value"].to_numpy(float))
        known = turned[np.isfinite(turned)]
        back = 100 * np.round(known.mean() / 100) if len(known) else 0.0
        whole.loc[rows.index, "value"] = turned - back
    return whole


def _present(
    analysis: Analysis,
) -> Iterator[tuple[Foot, MuscleActivity, MuscleActivity, tuple[str, str]]]:
    """Yield side and activities of every pair of the table whose muscles both have strides."""
    listed = dict.fromkeys(pair for kind in coordination.KINDS for pair in coordination.pairs(kind))
    for side in SIDES:
        own = {
            recorded_of(m.label).key: m
            for m in analysis.muscles
            if side_of(m.label) == side and len(m.per_stride)
        }
        for first, second in listed:
            if first in own and second in own:
                yield side, own[first], own[second], (first, second)


def _of_strides(
    a: MuscleActivity, b: MuscleActivity, names: tuple[str, str]
) -> Iterator[tuple[str, str, FloatArray]]:
    if names in coordination.pairs("antagonist"):
        rudolph = coordination.rudolph(a.per_stride, b.per_stride)
        yield "cocontraction_rudolph", "1", rudolph
        common = coordination.falconer_winter(a.per_stride, b.per_stride)
        yield "cocontraction_falconer_winter", "percent", common
    if names in coordination.pairs("sequence"):
        yield "lag", "percent", coordination.lags(a.per_stride, b.per_stride)
        if a.bursts and b.bursts:
            yield "onset_delay", "percent", _main_onsets(b) - _main_onsets(a)


def _main_onsets(activity: MuscleActivity) -> FloatArray:
    """Return the onset of the main burst of every stride, percent; NaN without one."""
    found = np.full(len(activity.per_stride), np.nan)
    for burst in activity.bursts:
        if burst.main:
            found[burst.stride] = burst.onset_percent
    return found


def pairs_table(session: SessionAnalysis, values: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return co-contraction, lag and coherence of every pair; one row each.

    Parameters
    ----------
    session
        Of all recordings.
    values
        From :func:`pair_values`.
    seed
        Of the random phases behind the limit of coherence.

    Returns
    -------
    DataFrame
        `COLUMNS`. Means over strides with SD and 95 % interval; a positive lag: the second follows
        the first. Coherence with `limit`, which 95 % of the values of unrelated signals do not
        reach.
    """
    rows: list[dict[str, object]] = []
    if len(values):
        keys = ["trial", "side", "muscle", "outcome", "unit"]
        for what, group in values.groupby(keys, sort=False):
            trial, side, pair, outcome, unit = what
            first, second = str(pair).split("-")
            base = {"trial": trial, "side": side, "first": first, "second": second}
            row = {**base, "measure": outcome, "unit": unit}
            rows.append({**row, **_mean(group["value"].to_numpy(float))})
    recordings = {t.name: t.recording for t in session.trials}
    for trial, analysis in session.analyses.items():
        rows += [{"trial": trial, **r} for r in _coherent(analysis, recordings[trial], seed)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean(values: FloatArray) -> dict[str, object]:
    known = values[np.isfinite(values)]
    if len(known) < FEWEST_STRIDES:
        return {"n": len(known), "note": f"{len(known)} strides, {FEWEST_STRIDES} needed"}
    mean = mean_of(known)
    low, high = mean.interval
    sd = float(known.std(ddof=1))
    missing = len(values) - len(known)
    note = f"none in {missing} strides" if missing else ""
    return {
        "value": mean.value,
        "sd": sd,
        "ci_low": low,
        "ci_high": high,
        "n": mean.n,
        "note": note,
    }


def _coherent(analysis: Analysis, recording: Recording, seed: int) -> list[dict[str, object]]:
    present = list(_present(analysis))
    if recording.enveloped or not present or recording.rate_hz < 2 * coherence.HIGHEST_HZ:
        return []
    channels = list(dict.fromkeys(m.channel for _, a, b, _ in present for m in (a, b)))
    signals = recording.signals[[recording.labels.index(name) for name in channels]]
    spectra, frequencies = coherence.spectra(signals, recording.rate_hz, recording.pieces)
    windows = spectra.shape[1]
    rows: list[dict[str, object]] = []
    for side, a, b, names in present:
        base: dict[str, object] = {"side": side, "first": names[0], "second": names[1]}
        if windows < coherence.FEWEST_WINDOWS:
            note = f"{windows} windows of 1 s, {coherence.FEWEST_WINDOWS} needed"
            row = {"measure": "coherence", "unit": "1", "n": windows, "note": note}
            rows.append({**base, **row})
            continue
        one, other = (spectra[channels.index(m.channel)] for m in (a, b))
        note = CROSS_TALK if coordination.are_neighbours(*names) else ""
        for band, c in coherence.coherence(one, other, frequencies, seed).items():
            rows.append(
                {
                    **base, "measure": f"coherence_{band}", "unit": "1", "value": c.value,
                    "ci_low": c.low, "ci_high": c.high, "n": c.n, "limit": c.limit, "note": note,
                }
            )  # fmt: skip
    return rows
