"""One long table of what every muscle did in every stride, to compare conditions and follow drift.

Times are told on one branch: what begins just before a strike in one stride and just after it in
another differs by little, not by a whole cycle.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.cycles import circular_difference, circular_mean

COLUMNS = (
    "trial",
    "label",
    "muscle",
    "side",
    "phase",
    "stride",
    "at_s",
    "outcome",
    "value",
    "unit",
)
# Start of the columns of a table of recordings that hold the level of a factor.
FACTOR = "factor_"
# What amplitudes are relative to without MVC: the reference recording, or each its own.
OWN_PEAK = "peak of mean cycle"
ALONE = "peak of mean cycle of this recording"
_KEYS = ["trial", "label", "muscle", "side", "stride"]


def stride_values(onsets: pd.DataFrame, strides: pd.DataFrame) -> pd.DataFrame:
    """Return one row per recording, muscle, phase, stride and outcome.

    Parameters
    ----------
    onsets
        Table of bursts: trial, label, muscle, side, stride, phase, onset_s, offset_s,
        onset_percent, peak_percent, main.
    strides
        Table of strides: trial, label, muscle, side, stride, start_s, end_s, amplitude, peak, unit.

    Returns
    -------
    DataFrame
        `COLUMNS`. Outcomes of bursts: ``onset`` in ms from the foot strike that is nearer to the
        muscle's mean onset, negative before it; ``onset_percent``, ``peak_percent``; ``duration``
        in ms. Of strides, without a phase: ``amplitude`` (mean) and ``peak`` of the envelope.
        `at_s` is the start of the stride.
    """
    parts = [_of_strides(strides)]
    if len(onsets) and len(strides):
        parts.append(_of_bursts(onsets, strides))
    parts = [p for p in parts if len(p)] or parts[:1]
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(["label", "phase", "outcome", "trial", "stride"], ignore_index=True)


def _of_strides(strides: pd.DataFrame) -> pd.DataFrame:
    if strides.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    base = strides[[*_KEYS, "unit"]].assign(phase="", at_s=strides["start_s"])
    parts = [base.assign(outcome=name, value=strides[name]) for name in ("amplitude", "peak")]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _of_bursts(onsets: pd.DataFrame, strides: pd.DataFrame) -> pd.DataFrame:
    placed = onsets[onsets["stride"].notna()]
    phase = placed["phase"].fillna("")
    named = placed.assign(phase=phase.where(phase != "", "main"))
    named = named[(phase != "") | (placed["main"] == 1)]
    length = named["offset_s"] - named["onset_s"]
    named = named.assign(stride=named["stride"].astype(int), length=length)
    # Two bursts of one phase in a stride: the longer is the burst, the other a remnant.
    named = named.sort_values("length", kind="stable").drop_duplicates(
        [*_KEYS, "phase"], keep="last"
    )
    joined = named.merge(strides[[*_KEYS, "start_s", "end_s"]], on=_KEYS)
    parts = []
    for _, group in joined.groupby(["label", "phase"], sort=True):
        lasting = (group["end_s"] - group["start_s"]).to_numpy(float)
        onset = one_branch(group["onset_percent"].to_numpy(float))
        # From the strike at the end of the stride where the muscle begins nearer to that one.
        late = 100.0 if circular_mean(onset)[0] > 50 else 0.0
        late += 100.0 * np.floor((float(np.median(onset)) - late) / 100 + 0.5)
        values = {
            "onset": ((onset - late) / 100 * lasting * 1000, "ms"),
            "onset_percent": (onset, "percent"),
            "peak_percent": (one_branch(group["peak_percent"].to_numpy(float)), "percent"),
            "duration": (group["length"].to_numpy(float) * 1000, "ms"),
        }
        base = group[[*_KEYS, "phase"]].assign(at_s=group["start_s"])
        parts += [base.assign(outcome=n, value=v, unit=u) for n, (v, u) in values.items()]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def one_branch(percent: FloatArray) -> FloatArray:
    """Return times in percent of the cycle, each on the turn that is nearest to their mean."""
    known = percent[np.isfinite(percent)]
    if len(known) == 0:
        return percent
    mean = circular_mean(known)[0]
    return mean + circular_difference(percent, mean)
