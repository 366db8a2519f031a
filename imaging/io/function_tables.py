"""What the function stage wrote of every session, for comparisons across persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from imaging.errors import InputError
from imaging.formats.tsv import Kind, read_tsv
from imaging.function.stride_values import FACTOR

_HOW = "Run the function stage of this session again"
_TRIALS: Mapping[str, Kind] = {"trial": "text", "kind": "text"}
_ONSETS: Mapping[str, Kind] = {
    "trial": "text", "label": "whole", "muscle": "text", "side": "text", "stride": "whole",
    "phase": "text", "onset_s": "number", "offset_s": "number", "onset_percent": "number",
    "peak_percent": "number", "main": "whole",
}  # fmt: skip
_STRIDES: Mapping[str, Kind] = {
    "trial": "text", "label": "whole", "muscle": "text", "side": "text", "stride": "whole",
    "start_s": "number", "end_s": "number", "amplitude": "number", "peak": "number",
    "unit": "text",
}  # fmt: skip


def read_sessions(
    out: Path, wanted: Callable[[str], bool] = lambda prefix: True
) -> tuple[list[tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame]], list[str]]:
    """Read recordings, bursts and strides of every session below an output folder.

    Parameters
    ----------
    out
        The folder.
    wanted
        Tells of a prefix whether it is read.

    Returns
    -------
    list of (participant, trials, onsets, strides)
        In the order of names; sessions whose recordings have no condition are left out.
    list of str
        A sentence about each session that cannot be read.
    """
    found, problems = [], []
    for path in sorted(out.glob("sub-*/**/func/*_trials.tsv")):
        if any(part.startswith(".") for part in path.relative_to(out).parts):
            continue
        prefix = path.name.removesuffix("_trials.tsv")
        if not wanted(prefix):
            continue
        try:
            trials = _trials(path)
            if not any(str(c).startswith(FACTOR) for c in trials):
                continue
            onsets = read_tsv(path.with_name(f"{prefix}_onsets.tsv"), _ONSETS, _HOW)
            strides = read_tsv(path.with_name(f"{prefix}_strides.tsv"), _STRIDES, _HOW)
        except InputError as error:
            problems.append(f"Conditions of {prefix} are left out: {error}")
        else:
            found.append((prefix.split("_")[0], trials, onsets, strides))
    return found, problems


def _trials(path: Path) -> pd.DataFrame:
    """Read the table of recordings; levels are texts, also where all are numbers."""
    names = read_tsv(path, _TRIALS, _HOW).columns
    levels: dict[str, Kind] = {str(c): "text" for c in names if str(c).startswith(FACTOR)}
    return read_tsv(path, {**_TRIALS, **levels}, _HOW)
