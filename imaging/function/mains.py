"""Hum of the mains in EMG: how much of the power lies at 50 or 60 Hz and multiples of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import signal

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings
from imaging.function import emg
from imaging.function.channels import map_channels
from imaging.function.trials import Trial
from imaging.muscles import side_and_key

MAINS_HZ = (50.0, 60.0)
WIDTH_HZ, SEGMENT_S = 1.5, 1.0
# EMG alone has about a tenth of its power so near to a frequency and its multiples.
MOST_SHARE = 0.3


def share(row: FloatArray, rate_hz: float, band_hz: tuple[float, float], mains_hz: float) -> float:
    """Return the share of the power in a band that lies at the mains and its multiples.

    Parameters
    ----------
    row : (N,) array
        Raw EMG.
    """
    n = min(len(row), int(SEGMENT_S * rate_hz))
    if n == 0 or np.ptp(row) == 0:
        return 0.0
    frequency, power = signal.welch(row, rate_hz, nperseg=n)
    inside = (frequency >= band_hz[0]) & (frequency <= band_hz[1])
    away = np.abs(frequency - mains_hz * np.maximum(1, np.round(frequency / mains_hz)))
    whole = float(power[inside].sum())
    return float(power[inside & (away <= WIDTH_HZ)].sum()) / whole if whole > 0 else 0.0


def sentences(trials: Sequence[Trial], settings: Mapping[str, FunctionSettings]) -> list[str]:
    """Return one sentence on each recording whose channels hum; envelopes are passed over."""
    said = []
    for trial in trials:
        read, own = trial.recording, settings[trial.name]
        if read.enveloped:
            continue
        channels = map_channels(read.labels, read.targets, own.channels, own.side)
        if not channels.labels:
            continue
        band = emg.usable_band(own.band_hz, read.rate_hz)
        for mains in MAINS_HZ:
            loud = [
                label
                for name, label in channels.labels.items()
                if share(read.signals[read.labels.index(name)], read.rate_hz, band, mains)
                > MOST_SHARE
            ]
            wrong = "maxima" if trial.kind == "mvc" else "amplitudes"
            if loud:
                said.append(
                    f"More than {100 * MOST_SHARE:.0f} % of the power in {trial.name} is hum of "
                    f"the mains at {mains:g} Hz: {wrong} are too high. "
                    f"{', '.join(side_and_key(v) for v in sorted(loud))}."
                )
    return said
