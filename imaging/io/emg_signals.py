"""What EMG signals are, as their unit and their values tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import FloatArray
from imaging.errors import RecordingError

MICROVOLTS = "uV"
_TO_MICROVOLTS = {"v": 1e6, "mv": 1e3, "uv": 1.0, "nv": 1e-3}
_PREFIXES = {"micro": "u", "milli": "m", "nano": "n", "": ""}
ENVELOPE_HZ = 20.0
ENVELOPE_SHARE = 0.01
# What an envelope holds above that falls off; raw EMG on a large drift has its power there.
FALL_HZ, FALL_SHARE, NEGLIGIBLE = 60.0, 0.5, 1e-6
RINGING = 0.1
# Rectified EMG touches zero, which raw EMG around the middle of a converter's range does not.
RECTIFIED_LOW, WINDOW_S = 0.2, 0.1
_LONGEST_LOOK_S = 60.0


def factor_to_microvolts(unit: str) -> float | None:
    """Return what a signal is multiplied by to be in microvolts; None for any other unit.

    Examples
    --------
    >>> [factor_to_microvolts(u) for u in ("mV", "µV", "Volts", "MV", "%", "")]
    [1000.0, 1.0, 1000000.0, None, None, None]
    """
    text = unit.strip().strip("[]()").replace("µ", "u").replace("μ", "u")
    if text[:1] == "M" and len(text) == 2:  # megavolts are no EMG
        return None
    text = text.lower()
    if word := re.fullmatch(r"(micro|milli|nano|)-?volts?", text):
        text = f"{_PREFIXES[word.group(1)]}v"
    return _TO_MICROVOLTS.get(text)


def in_microvolts(
    names: Sequence[str], signals: FloatArray, units: Sequence[str]
) -> tuple[FloatArray, dict[str, str], tuple[str, ...]]:
    """Bring signals whose unit is known to microvolts.

    Parameters
    ----------
    names
        Of the channels.
    signals : (C, N) array
        In the units of the file; not changed.
    units
        As the file says, one per channel; empty where it does not.

    Returns
    -------
    signals : (C, N) array
    known : dict of name to str
        The channels that are in microvolts now.
    warnings : tuple of str
    """
    factors = [factor_to_microvolts(unit) for unit in units]
    known = {n: MICROVOLTS for n, f in zip(names, factors, strict=True) if f is not None}
    if any(f not in (None, 1.0) for f in factors):
        column = np.array([1.0 if f is None else f for f in factors])[:, None]
        signals = signals * column
    kept = len(factors) - sum(f is not None for f in factors)
    said = f"The unit of {kept} of {len(factors)} channels is not told or no voltage; kept."
    return signals, known, (said,) if kept else ()


def is_envelope(signals: FloatArray, rate_hz: float) -> bool:
    """Whether signals are envelopes of EMG already: not negative beyond ringing, and smooth.

    Smooth means that at most 1 % of the power, the mean aside, lies above 20 Hz, and most of that
    below 60 Hz, of every channel that is not flat. Looked at is the first minute.

    Parameters
    ----------
    signals : (C, N) array
    rate_hz
        Sampling rate.

    Raises
    ------
    RecordingError
        Never negative, but not smooth: rectified, so that neither raw EMG nor its envelope can be
        had.
    """
    part = signals[:, : int(_LONGEST_LOOK_S * rate_hz)]
    part = part[np.ptp(part, axis=1) > 0]
    if len(part) == 0 or (part.min(axis=1) < -RINGING * part.max(axis=1)).any():
        return False
    centred = part - part.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(part.shape[1]), axis=1)) ** 2
    frequency = np.fft.rfftfreq(part.shape[1], 1 / rate_hz)
    whole = power.sum(axis=1)
    high = power[:, frequency > ENVELOPE_HZ].sum(axis=1)
    far = power[:, frequency > FALL_HZ].sum(axis=1)
    falls = (far <= FALL_SHARE * high) | (high <= NEGLIGIBLE * whole)
    if ((high <= ENVELOPE_SHARE * whole) & falls).all():
        return True
    if _is_rectified(part, int(WINDOW_S * rate_hz)):
        raise RecordingError(
            "holds rectified EMG, which is neither raw nor an envelope", None, "Export the raw EMG"
        )
    return False


def _is_rectified(part: FloatArray, n: int) -> bool:
    """Whether signals touch zero again and again without crossing it, in windows of n samples."""
    if (part < 0).any() or part.shape[1] < n:
        return False
    windows = part[:, : part.shape[1] // n * n].reshape(len(part), -1, n)
    low, middle = windows.min(axis=2), windows.mean(axis=2)
    return bool((np.median(low - RECTIFIED_LOW * middle, axis=1) < 0).all())


def finite_channels(
    names: Sequence[str], signals: FloatArray
) -> tuple[list[int], list[str], tuple[tuple[int, int], ...]]:
    """Return the channels that can be used, names of the others, and what none of them holds.

    Parameters
    ----------
    signals : (C, N) array
        NaN where nothing was recorded.

    Returns
    -------
    keep : list of int
    left_out : list of str
        Channels that lack samples which others have.
    missing : tuple of (int, int)
        First sample and first after it of every stretch that no channel holds.
    """
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(signals))
    lost = bad.all(axis=0)
    own = (bad & ~lost).any(axis=1)
    keep = [i for i in range(len(names)) if not own[i]]
    if not keep:
        return [], list(names), ()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad[keep].any(axis=0), [False]])))
    missing = tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))
    return keep, [names[i] for i in range(len(names)) if own[i]], missing
