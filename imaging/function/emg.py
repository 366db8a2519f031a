"""Band-pass, envelope and Teager–Kaiser energy of surface EMG."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import signal

from imaging.arrays import FloatArray
from imaging.errors import RecordingError

ORDER = 4
ENERGY_SMOOTHING_HZ = 50.0
# Fewer samples do not carry a filter; no stride fits into them.
FEWEST_SAMPLES = 64


def usable_band(band_hz: tuple[float, float], rate_hz: float) -> tuple[float, float]:
    """Return the band-pass limits, the upper one clamped below the Nyquist frequency.

    Raises
    ------
    RecordingError
        Sampled too slowly for the band.
    """
    low, high = band_hz[0], min(band_hz[1], 0.45 * rate_hz)
    if low <= 0 or high <= 2 * low:
        raise RecordingError(
            f"EMG sampled at {rate_hz:g} Hz cannot be band-passed to {band_hz} Hz",
            None,
            "Give raw EMG, sampled at 500 Hz or more, or another band",
        )
    return low, high


def by_piece(
    step: Callable[[FloatArray], FloatArray], rows: FloatArray, pieces: Sequence[slice]
) -> FloatArray:
    """Filter what was recorded in one piece by itself; 0 between the pieces.

    Parameters
    ----------
    step
        A filter along the last axis.
    rows : (..., N) array
        The signals.
    pieces
        Samples without a gap.
    """
    filtered = np.zeros_like(rows)
    for piece in pieces:
        if piece.stop - piece.start >= FEWEST_SAMPLES:
            filtered[..., piece] = step(rows[..., piece])
    return filtered


def band_pass(raw: FloatArray, rate_hz: float, band_hz: tuple[float, float]) -> FloatArray:
    """Band-pass raw EMG along its last axis: Butterworth of order 4, zero phase.

    Merletti R. Standards for reporting EMG data. J Electromyogr Kinesiol 1999;9(1):III-IV.
    """
    sos = signal.butter(ORDER, usable_band(band_hz, rate_hz), "bandpass", fs=rate_hz, output="sos")
    centred = raw - np.mean(raw, axis=-1, keepdims=True)
    return np.asarray(signal.sosfiltfilt(sos, centred, axis=-1), dtype=float)


def envelope(filtered: FloatArray, rate_hz: float, cutoff_hz: float) -> FloatArray:
    """Rectify band-passed EMG and low-pass it (Butterworth of order 4, zero phase), >= 0."""
    sos = signal.butter(ORDER, cutoff_hz, "lowpass", fs=rate_hz, output="sos")
    return np.maximum(signal.sosfiltfilt(sos, np.abs(filtered), axis=-1), 0.0)


def energy(filtered: FloatArray, rate_hz: float) -> FloatArray:
    """Return the smoothed Teager–Kaiser energy of band-passed EMG, unit squared.

    x[n]² − x[n−1]·x[n+1], rectified, low-passed at 50 Hz with zero phase.

    Solnik S, Rider P, Steinweg K, DeVita P, Hortobágyi T. Teager-Kaiser energy operator signal
    conditioning improves EMG onset detection. Eur J Appl Physiol 2010;110:489-498.
    """
    raw = np.zeros_like(filtered)
    raw[..., 1:-1] = filtered[..., 1:-1] ** 2 - filtered[..., :-2] * filtered[..., 2:]
    raw[..., 0], raw[..., -1] = raw[..., 1], raw[..., -2]
    cutoff = min(ENERGY_SMOOTHING_HZ, 0.4 * rate_hz)
    sos = signal.butter(2, cutoff, "lowpass", fs=rate_hz, output="sos")
    return np.maximum(signal.sosfiltfilt(sos, np.abs(raw), axis=-1), 0.0)
