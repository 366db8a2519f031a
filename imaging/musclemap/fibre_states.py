"""Factors of force-length and force-velocity over the cycle, from a model's fibre states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.errors import InputError
from imaging.formats.tsv import Kind, read_tsv
from imaging.musclemap.series import of_reference
from imaging.muscles import SIDE_CODES, label_of, side_of, single_keys, structure_of

_HOW = "Give the table of fibre states that pennate model writes, of the same recording"
_STATES: Mapping[str, Kind] = {
    "time_s": "number", "label": "whole", "force_length": "number", "force_velocity": "number",
}  # fmt: skip
_EVENTS: Mapping[str, Kind] = {"onset": "number", "trial_type": "text"}
# The motion was filtered and cut by others: a strike this far past its ends is within it.
_SLACK_S = 0.02


def read_states(path: Path) -> pd.DataFrame:
    """Read fibre states: time_s, label, force_length, force_velocity.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, with gaps, negative factors, or times that do not rise.
    """
    frame = read_tsv(path, _STATES, _HOW)
    columns = list(_STATES)
    if frame[columns].isna().any(axis=None):
        raise InputError("holds rows with gaps", path, _HOW)
    if (frame[["force_length", "force_velocity"]] < 0).any(axis=None):
        raise InputError("holds factors below 0", path, _HOW)
    if any((np.diff(rows["time_s"]) <= 0).any() for _, rows in frame.groupby("label")):
        raise InputError("holds times of a muscle that do not rise", path, _HOW)
    return frame[columns]


def read_strikes(path: Path, how: str, reference: str = "") -> dict[int, FloatArray]:
    """Return the times of foot strikes (s) of the reference recording by the code of the side."""
    frame = of_reference(read_tsv(path, _EVENTS, how), reference)
    out = {}
    for side, code in SIDE_CODES.items():
        own = frame.loc[frame["trial_type"] == f"{side}_foot_strike", "onset"]
        out[code] = np.sort(own.to_numpy(float))
    return out


def cycle_factors(
    states: pd.DataFrame,
    strikes: Mapping[int, FloatArray],
    labels: Sequence[int],
    percent: FloatArray,
) -> dict[int, FloatArray]:
    """Return force-length times force-velocity of each muscle over its own foot's cycle.

    Parameters
    ----------
    states
        Columns time_s, label, force_length, force_velocity; on the clock of the strikes.
    strikes
        Code of the side to times of its foot strikes, s.
    labels
        Muscles in the label map; a merged muscle has the mean of its parts.
    percent : (T,)
        Places in the cycle.

    Returns
    -------
    dict
        Label to (T,), mean over the strides that lie within the motion; muscles without states or
        without a whole stride are left out.
    """
    out = {}
    for label in labels:
        own = [label]
        if label not in set(states["label"]):
            keys = sorted(single_keys(structure_of(label).key))
            own = [label_of(key, side_of(label)) for key in keys]
        curves = [_over_strides(states, part, strikes.get(label // 100), percent) for part in own]
        known = [c for c in curves if c is not None]
        if known:
            out[label] = np.mean(known, axis=0)
    return out


def _over_strides(
    states: pd.DataFrame, label: int, strikes: FloatArray | None, percent: FloatArray
) -> FloatArray | None:
    rows = states[states["label"] == label]
    if rows.empty or strikes is None:
        return None
    times = rows["time_s"].to_numpy(float)
    factor = (rows["force_length"] * rows["force_velocity"]).to_numpy(float)
    whole = [
        np.interp(a + 0.01 * percent * (b - a), times, factor)
        for a, b in pairwise(strikes)
        if times[0] - _SLACK_S <= a and b <= times[-1] + _SLACK_S
    ]
    return np.mean(whole, axis=0) if whole else None
