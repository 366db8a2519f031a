"""Tables that run along something: EMG over the gait cycle, fascicles along a muscle, bursts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from imaging.errors import InputError
from imaging.formats.tsv import Kind, read_tsv
from imaging.muscles import is_recordable

_CYCLES: Mapping[str, Kind] = {
    "label": "whole", "muscle": "text", "side": "text", "percent": "number", "mean": "number",
    "sd": "number", "n": "whole", "unit": "text",
}  # fmt: skip
_PARTS: Mapping[str, Kind] = {
    "label": "whole", "muscle": "text", "side": "text", "part": "whole", "from_mm": "number",
    "to_mm": "number", "n": "whole", "length_mm": "number", "length_mm_sd": "number",
    "status": "text",
}  # fmt: skip
_BURSTS: Mapping[str, Kind] = {
    "label": "whole", "stride": "whole", "onset_percent": "number", "offset_percent": "number",
}  # fmt: skip


def read_cycles(path: Path, how: str, reference: str = "") -> pd.DataFrame:
    """Read mean EMG cycles: label, muscle, side, percent, mean, sd, n, unit.

    Parameters
    ----------
    path
        ``_activation.tsv`` of the function stage or of the map.
    how
        What a user should do where it cannot be used.
    reference
        Name of the recording that stands for the person; empty: the first of the table.

    Raises
    ------
    MissingFileError, InputError
        Not there, cut off, or not the same whole cycle for each muscle.
    """
    frame = of_reference(read_tsv(path, _CYCLES, how), reference)
    if frame["unit"].isna().any():
        raise InputError("holds rows without percent or unit", path, how)
    check_cycles(frame, path, how)
    return frame


def check_cycles(frame: pd.DataFrame, path: Path, how: str) -> None:
    """Check that each muscle is known and has the same whole cycle.

    Raises
    ------
    InputError
        It is not, or has not.
    """
    _check_labels(frame, path, how, is_recordable)
    if frame["percent"].isna().any():
        raise InputError("holds rows without percent or unit", path, how)
    cycles = [tuple(rows["percent"]) for _, rows in frame.groupby("label")]
    if any(c != cycles[0] or len(set(c)) < len(c) for c in cycles):
        raise InputError("does not hold the same whole cycle for each muscle", path, how)


_EFFECTS: Mapping[str, Kind] = {
    "task": "text", "factor": "text", "level": "text", "against": "text", "label": "whole",
    "muscle": "text", "phase": "text", "outcome": "text", "unit": "text", "effect": "number",
    "ci_low": "number", "ci_high": "number", "p_holm": "number",
}  # fmt: skip
_SYNERGIES: Mapping[str, Kind] = {
    "trial": "text", "side": "text", "part": "text", "synergy": "whole", "label": "whole",
    "muscle": "text", "percent": "whole", "value": "number", "ci_low": "number",
    "ci_high": "number",
}  # fmt: skip


def read_effects(path: Path, how: str) -> pd.DataFrame:
    """Read what conditions change; parameters and errors are those of :func:`read_cycles`."""
    return read_tsv(path, _EFFECTS, how)


def read_synergies(path: Path, how: str, reference: str = "") -> pd.DataFrame:
    """Read the synergies of the recording that stands for the person, see :func:`read_cycles`."""
    return of_reference(read_tsv(path, _SYNERGIES, how), reference)


def of_reference(frame: pd.DataFrame, reference: str = "") -> pd.DataFrame:
    """Return the rows of the recording that stands for the person, which may be none.

    Without its name it is the first one of the table.
    """
    if "trial" not in frame or frame.empty:
        return frame
    own = reference or frame["trial"].iloc[0]
    return frame[frame["trial"] == own].reset_index(drop=True)


def read_parts(path: Path, how: str) -> pd.DataFrame:
    """Read what fascicles are in parts of each muscle, from its distal to its proximal end.

    Parameters and errors are those of :func:`read_cycles`; each muscle must have every part.
    """
    frame = read_tsv(path, _PARTS, how)
    _check_labels(frame, path, how, lambda _: True)
    parts = [list(rows["part"]) for _, rows in frame.groupby("label")]
    if any(p != list(range(1, len(parts[0]) + 1)) for p in parts):
        raise InputError("does not hold every part of each muscle", path, how)
    return frame


def read_bursts(path: Path, how: str, reference: str = "") -> pd.DataFrame:
    """Read EMG bursts: label, stride, onset_percent, offset_percent and more.

    Parameters and errors are those of :func:`read_cycles`.
    """
    frame = of_reference(read_tsv(path, _BURSTS, how), reference)
    _check_labels(frame, path, how, is_recordable)
    return frame


def _check_labels(frame: pd.DataFrame, path: Path, how: str, known: Callable[[int], bool]) -> None:
    """Check that each row has a label, and one that is known."""
    labels = frame["label"]
    if labels.isna().any():
        raise InputError("holds rows without a label", path, how)
    strange = sorted(int(v) for v in labels.unique() if not known(int(v)))
    if strange:
        raise InputError(f"holds labels that are not in the catalogue: {strange}", path, how)
