"""Times of samples: even, with gaps, or not to be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.errors import RecordingError

SLOWEST_HZ, FASTEST_HZ = 20.0, 50_000.0
_LONGEST_S = 6 * 3600.0
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Clock:
    """Where the samples of a file lie on an even clock.

    Attributes
    ----------
    rate_hz, start_s : float
        Sampling rate, and time of the first sample.
    places : (N,) array of int
        Place of every sample on the clock; without gaps 0, 1, 2 ...
    """

    rate_hz: float
    start_s: float
    places: np.ndarray

    @property
    def n(self) -> int:
        """Samples of the clock, gaps included."""
        return int(self.places[-1]) + 1

    def spread(self, rows: FloatArray, fill: float = np.nan) -> FloatArray:
        """Return rows (..., N) on the clock (..., n), `fill` where nothing was recorded."""
        if self.n == rows.shape[-1]:
            return rows
        wide = np.full((*rows.shape[:-1], self.n), fill)
        wide[..., self.places] = rows
        return wide


def even_clock(times_s: FloatArray, path: Path) -> Clock:
    """Find the even clock that times lie on.

    Times may be rounded when written; a step much longer than the others is a gap.

    Parameters
    ----------
    times_s : (N,) array
        s, as written.

    Raises
    ------
    RecordingError
        Fewer than two times, not finite, not rising, a rate that no signal of a movement has, or
        steps that are not even.
    """
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        raise RecordingError("has times that are not numbers", path, "Export it again")
    steps = np.diff(times_s)
    grain = _grain(times_s)
    if (steps < -grain / 2).any() or times_s[-1] <= times_s[0]:
        at = int(np.argmin(steps)) + 2
        raise RecordingError(
            f"has times that do not rise, at sample {at}", path, "Export one recording per file"
        )
    step = _step(times_s, steps, grain)
    rate = 1 / step
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise RecordingError(
            f"has times that give {rate:.4g} samples per second, which no such recording has",
            path,
            "Name the unit of its time column, as time [ms], or give times in s",
        )
    # Over a gap the clock may go on between two samples: each piece starts on the nearest place.
    edges = np.concatenate([[0], np.flatnonzero(steps > 1.5 * step + grain) + 1])
    first = np.repeat(edges, np.diff(np.append(edges, len(times_s))))
    places = np.round((times_s[first] - times_s[0]) / step) + np.arange(len(times_s)) - first
    away = np.abs(times_s - times_s[0] - places * step)
    if (np.diff(places) < 1).any() or float(away.max()) > 0.75 * step + 2 * grain:
        raise RecordingError(
            f"has uneven times: steps of {1000 * steps.min():.3g} to {1000 * steps.max():.3g} ms",
            path,
            "Export it at one sampling rate",
        )
    if places[-1] * step > _LONGEST_S:
        raise RecordingError("has times spread over hours", path, "Give the part with one trial")
    whole = round(rate)
    exact = abs(rate - whole) <= rate * max(grain / (len(times_s) * step), 1e-9)
    return Clock(float(whole) if exact else rate, float(times_s[0]), places.astype(np.intp))


def _step(times_s: FloatArray, steps: FloatArray, grain: float) -> float:
    """Return the step between samples: the mean of those that are no gap."""
    middle = float(np.median(steps))
    if middle <= grain:  # several samples share a time as written
        return float(times_s[-1] - times_s[0]) / len(steps)
    plain = steps <= 1.5 * middle + grain
    return float(steps[plain].mean())


def _grain(times_s: FloatArray) -> float:
    """Return what times are rounded to: a power of ten, s."""
    some = times_s[:: max(1, len(times_s) // 1000)]
    for digits in range(_MOST_DIGITS):
        if np.abs(some - np.round(some, digits)).max() < 1e-10 * max(1.0, np.abs(some).max()):
            return float(10.0**-digits)
    return 0.0
