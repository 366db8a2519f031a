"""When frames were taken, and at which angle of a joint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import ImageError, InputError

# Two rates of one file may differ by what rounding of milliseconds leaves.
_SAME_RATE = 0.02
_DAY_S = 86400.0


def times_at_rate(count: int, rate_hz: float) -> FloatArray:
    """Return the times (count,) of frames at an even rate, s, the first at 0."""
    return np.arange(count) / rate_hz


def times_from_increments(increments_ms: Sequence[float], count: int) -> FloatArray:
    """Return the times (count,) of frames from a FrameTimeVector (0018,1065), s.

    Parameters
    ----------
    increments_ms
        Since the frame before, in ms; that of the first frame is 0.
    count
        Number of frames.

    Raises
    ------
    ImageError
        Another number of increments than frames, or a time that does not rise.
    """
    if len(increments_ms) != count:
        raise ImageError(
            f"FrameTimeVector holds {len(increments_ms)} increments for {count} frames", None,
            "Export it again, or declare FrameRate",
        )  # fmt: skip
    times = np.cumsum(np.asarray(increments_ms, dtype=float)) / 1e3
    return rising(times - times[0], "FrameTimeVector")


def rising(times: FloatArray, name: str) -> FloatArray:
    """Return times as they are.

    Raises
    ------
    ImageError
        They are not finite or do not rise from frame to frame.
    """
    steps = np.diff(times)
    if not np.isfinite(times).all() or (steps <= 0).any():
        first = int(np.argmin(np.nan_to_num(steps, nan=-1.0))) + 1 if len(steps) else 0
        raise ImageError(
            f"{name} does not rise at frame {first}", None, "Export it again, or declare FrameRate"
        )
    return times


def across_midnight(starts_s: Sequence[float | None]) -> list[float | None]:
    """Return times of day, s, with those after midnight of an examination that runs past it later.

    Parameters
    ----------
    starts_s
        Of each file; None where it tells none. No examination lasts half a day.
    """
    known = [s for s in starts_s if s is not None]
    if not known or max(known) >= _DAY_S or max(known) - min(known) < _DAY_S / 2:
        return list(starts_s)
    return [s if s is None or s >= _DAY_S / 2 else s + _DAY_S for s in starts_s]


def same_rate(one_hz: float, other_hz: float) -> bool:
    """Tell whether two rates are one but for rounding."""
    return abs(one_hz - other_hz) <= _SAME_RATE * max(one_hz, other_hz)


def angles_at(x: FloatArray, angles_deg: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return the angle at wanted places, nan beyond the table.

    Parameters
    ----------
    x : (M,) array
        Times in s, or numbers of frames, rising.
    angles_deg : (M,) array
    wanted : (F,) array
        Likewise, in any order; nan gives nan.

    Raises
    ------
    InputError
        `x` does not rise.
    """
    if (np.diff(x) <= 0).any():
        raise InputError("times or frames do not rise from row to row", None, "Sort the table")
    return np.interp(wanted, x, angles_deg, left=np.nan, right=np.nan)
