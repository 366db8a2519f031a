"""What EMG signals are, as their unit and their values tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import RecordingError

MICROVOLTS = "uV"
_TO_MICROVOLTS = {"v": 1e6, "mv": 1e3, "uv": 1.0, "nv": 1e-3}
_PREFIXES = {"micro": "u", "milli": "m", "nano": "n", "": ""}
ENVELOPE_HZ = 20.0
ENVELOPE_SHARE = 0.01
# Rectified EMG crowds near zero, which raw EMG around the middle of a converter's range does not.
RECTIFIED_LOW = 0.5
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
    """Whether signals are envelopes of EMG already: never negative, and smooth.

    Smooth means that at most 1 % of the power, the mean aside, lies above 20 Hz, of every channel
    that is not flat. Looked at is the first minute.

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
    if len(part) == 0 or (part.min(axis=1) < -0.02 * part.max(axis=1)).any():
        return False
    power = np.abs(np.fft.rfft(part - part.mean(axis=1, keepdims=True), axis=1)) ** 2
    high = np.fft.rfftfreq(part.shape[1], 1 / rate_hz) > ENVELOPE_HZ
    if (power[:, high].sum(axis=1) <= ENVELOPE_SHARE * power.sum(axis=1)).all():
        return True
    low = np.quantile(part, 0.1, axis=1)
    if (low < RECTIFIED_LOW * part.mean(axis=1)).all():
        raise RecordingError(
            "holds rectified EMG, which is neither raw nor an envelope", None, "Export the raw EMG"
        )
    return False


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
    bad = np.asarray(~np.isfinite(signals))
    lost = bad.all(axis=0)
    own = (bad & ~lost).any(axis=1)
    keep = [i for i in range(len(names)) if not own[i]]
    if not keep:
        return [], list(names), ()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], bad[keep].any(axis=0), [False]])))
    missing = tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))
    return keep, [names[i] for i in range(len(names)) if own[i]], missing
