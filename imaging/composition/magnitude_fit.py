"""Water and fat from the magnitudes of three gradient echoes or more.

The shape of the decay is compared with that of every fat fraction and R2* on a grid, which finds
the better of the two minima that magnitudes leave, and is refined between the grid's points.

Triay Bagur A, Hutton C, Irving B, Gyngell ML, Robson MD, Brady M. Magnitude-intrinsic water-fat
ambiguity can be resolved with multipeak fat modeling and a multipoint search method. Magn Reson Med
2019;82:460-475.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.composition.spectrum import fat_signal

FRACTIONS = np.linspace(0.0, 1.0, 101)
R2_STAR = np.array([0.0, 15.0, 30.0, 45.0, 60.0, 80.0, 110.0, 150.0, 200.0])
_CHUNK = 20_000
FEWEST_FOR_BOTH = 6
"""Echoes below which magnitudes do not tell which of water and fat is more: less fat is taken."""


def fat_fraction(
    magnitudes: NDArray[np.float32], echo_s: FloatArray, field_t: float, inside: BoolArray
) -> NDArray[np.float32]:
    """Return the share of fat (I, J, K), 0 to 1; NaN outside.

    With fewer than six echoes, at most one half: which of water and fat is more is not told then.

    Parameters
    ----------
    magnitudes : (I, J, K, N) array
        Three echoes or more.
    echo_s : (N,) array
        s.
    field_t
        T.
    inside : (I, J, K) bool array
        Where there is signal.
    """
    fractions = FRACTIONS if len(echo_s) >= FEWEST_FOR_BOTH else FRACTIONS[FRACTIONS <= 0.5]
    shapes = _shapes(np.asarray(echo_s, float), field_t, fractions)
    unit = shapes / np.linalg.norm(shapes, axis=-1, keepdims=True)
    flat = unit.reshape(-1, len(echo_s)).astype(np.float32)
    signal = magnitudes[inside].astype(np.float32)
    found = np.empty(len(signal))
    for start in range(0, len(signal), _CHUNK):
        part = signal[start : start + _CHUNK]
        fit = (part @ flat.T).reshape(len(part), len(fractions), len(R2_STAR)).max(axis=2)
        found[start : start + _CHUNK] = _between(fit, fractions)
    out = np.full(inside.shape, np.nan, np.float32)
    out[inside] = found
    return out


def _shapes(echo_s: FloatArray, field_t: float, fractions: FloatArray) -> FloatArray:
    """Return magnitudes (fractions, decays, N) of a unit of water and fat."""
    fat = fat_signal(echo_s, field_t)
    mixed = np.abs((1 - fractions)[:, None] + fractions[:, None] * fat)
    return np.asarray(mixed[:, None] * np.exp(-R2_STAR[:, None] * echo_s))


def _between(fit: FloatArray, fractions: FloatArray) -> FloatArray:
    """Return the fraction at the parabola through the best point and its neighbours."""
    best = fit.argmax(axis=1)
    inner = np.clip(best, 1, len(fractions) - 2)
    at = np.arange(len(fit))
    below, own, above = (fit[at, inner + k] for k in (-1, 0, 1))
    bend = below - 2 * own + above
    shift = np.where(bend < 0, 0.5 * (below - above) / np.minimum(bend, -1e-12), 0.0)
    step = fractions[1] - fractions[0]
    refined = fractions[inner] + step * np.clip(shift, -1.0, 1.0)
    return np.asarray(np.where(best == inner, refined, fractions[best]))
