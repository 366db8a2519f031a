"""Maximal and sustained contractions of the phantom's muscles, with known amplitude and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.arrays import FloatArray
from imaging.phantom.walking import BURSTS, Channel, Walk, muscle_noise

RATE_HZ = 1000.0
RAMP_S, REST_S = 0.3, 1.0
BASELINE_SHARE = 0.02
# Muscles that are asked for together, one group after the other.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("TA",),
    ("GM", "GL", "SOL", "PL"),
    ("RF", "VL"),
    ("BF", "ST"),
    ("GMED", "GMAX"),
)
# Mean burst of level walking in percent of the maximum: left, right.
EFFORT_PERCENT: Mapping[str, tuple[float, float]] = {
    "TA": (38.0, 38.0),
    "GM": (60.0, 48.0),
    "GL": (45.0, 45.0),
    "SOL": (52.0, 57.0),
    "PL": (35.0, 35.0),
    "GMED": (33.0, 33.0),
    "GMAX": (22.0, 22.0),
    "RF": (18.0, 18.0),
    "VL": (25.0, 30.0),
    "BF": (28.0, 28.0),
    "ST": (24.0, 24.0),
}
HOLD_SHARE = 0.4
FREQUENCY_PERCENT_PER_MIN = -45.0
_FINE = 4


@dataclass(frozen=True)
class Effort:
    """A recording without steps: `emg` (C, N) in V, one row per channel."""

    rate_hz: float
    channels: tuple[Channel, ...]
    emg: FloatArray

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.emg.shape[1] / self.rate_hz


def effort_percent(channel: Channel) -> float:
    """Return the mean burst of a channel in walking, percent of its maximum."""
    muscle, side = channel
    return EFFORT_PERCENT[muscle][0 if side == "left" else 1]


def maximal(rng: np.random.Generator, trial: Walk, contraction_s: float = 3.0) -> Effort:
    """Return maximal contractions of all channels of a walk, group after group, both sides."""
    each = contraction_s + REST_S
    n = int(round((REST_S + each * len(GROUPS)) * RATE_HZ))
    time = np.arange(n) / RATE_HZ
    rows = []
    for channel, scale in zip(trial.channels, trial.scale, strict=True):
        group = next(i for i, muscles in enumerate(GROUPS) if channel[0] in muscles)
        start = REST_S + group * each
        gain = np.clip(np.minimum(time - start, start + contraction_s - time) / RAMP_S, 0, 1)
        noise = muscle_noise(rng, n, RATE_HZ)
        top = scale / (effort_percent(channel) / 100)
        rows.append(top * (gain * noise[0] + BASELINE_SHARE * noise[1]))
    return Effort(RATE_HZ, trial.channels, np.array(rows))


def sustained(
    rng: np.random.Generator,
    trial: Walk,
    contraction_s: float = 20.0,
    muscles: Sequence[str] = tuple(BURSTS),
) -> Effort:
    """Return a sustained contraction of the calf's channels whose spectrum moves downwards.

    All frequencies fall together, by `FREQUENCY_PERCENT_PER_MIN` of their start.
    """
    n = int(round((2 * REST_S + contraction_s) * RATE_HZ))
    time = np.arange(n) / RATE_HZ
    gain = np.clip(np.minimum(time - REST_S, n / RATE_HZ - REST_S - time) / RAMP_S, 0, 1)
    fall = FREQUENCY_PERCENT_PER_MIN / 100 / 60
    warped = time + 0.5 * fall * np.maximum(time - REST_S, 0) ** 2
    fine = np.arange(_FINE * n) / (_FINE * RATE_HZ)
    rows, channels = [], []
    for channel, scale in zip(trial.channels, trial.scale, strict=True):
        if channel[0] not in muscles:
            continue
        slowed = np.interp(warped, fine, muscle_noise(rng, _FINE * n, _FINE * RATE_HZ)[0])
        top = scale / (effort_percent(channel) / 100)
        rest = BASELINE_SHARE * muscle_noise(rng, n, RATE_HZ)[1]
        rows.append(top * (HOLD_SHARE * gain * slowed + rest))
        channels.append(channel)
    return Effort(RATE_HZ, tuple(channels), np.array(rows))
