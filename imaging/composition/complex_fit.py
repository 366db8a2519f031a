"""Water and fat from echoes with their phase: the field map first, then water and fat.

At each voxel the field is searched on a grid, then R2*, water and fat following by least squares
(variable projection). Where water and fat could change places the residual has two minima; the one
nearer to the smooth field of the surroundings is taken.

Hernando D, Haldar JP, Sutton BP, et al. Joint estimation of water/fat images and field
inhomogeneity map. Magn Reson Med 2008;59:571-580. Reeder SB, Pineda AR, Wen Z, et al. Iterative
decomposition of water and fat with echo asymmetry and least-squares estimation (IDEAL). Magn Reson
Med 2005;54:636-644.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.composition.spectrum import fat_signal

FIELD_STEPS = 64
R2_STAR = np.array([0.0, 20.0, 40.0, 70.0, 120.0, 200.0])
USUAL_R2_STAR = 40.0  # of muscle at 3 T, 1/s, while the field is searched
SMOOTH_MM = 8.0
ROUNDS = 6
_CHUNK = 20_000


@dataclass(frozen=True)
class WaterFat:
    """What was found at each voxel.

    Attributes
    ----------
    fraction : (I, J, K) float32 array
        Share of fat in the signal of both, 0 to 1 but for noise; NaN outside.
    field_hz : (I, J, K) float32 array
        Off-resonance, Hz; NaN where it is not known.
    r2_star : (I, J, K) float32 array
        1/s; NaN where it is not known.
    residual : (I, J, K) float32 array
        Root mean square of signal minus model, share of the signal.
    """

    fraction: NDArray[np.float32]
    field_hz: NDArray[np.float32]
    r2_star: NDArray[np.float32]
    residual: NDArray[np.float32]


def water_fat(
    echoes: NDArray[np.complex64],
    echo_s: FloatArray,
    field_t: float,
    inside: BoolArray,
    spacing: FloatArray,
) -> WaterFat:
    """Separate water and fat.

    Parameters
    ----------
    echoes : (I, J, K, N) complex array
        Three echoes or more.
    echo_s : (N,) array
        Echo times, s.
    field_t
        Field strength, T.
    inside : (I, J, K) bool array
        Where there is signal.
    spacing : (3,) array
        mm.
    """
    model = _Model(echo_s, field_t)
    signal = echoes[inside].astype(np.complex64)
    chunks = (signal[i : i + _CHUNK] for i in range(0, len(signal), _CHUNK))
    minima = _joined([_minima(model.cost(chunk), model) for chunk in chunks])
    field = _smooth_choice(minima, model, inside, np.abs(signal).sum(1), spacing)
    water, fat, decay, rest = model.solve(signal, field)
    out = {
        "fraction": _fraction(water, fat),
        "field_hz": field,
        "r2_star": decay,
        "residual": rest,
    }
    return WaterFat(**{name: _on_grid(values, inside) for name, values in out.items()})


def _on_grid(values: FloatArray, inside: BoolArray) -> NDArray[np.float32]:
    image = np.full(inside.shape, np.nan, np.float32)
    image[inside] = values
    return image


def _fraction(water: NDArray[np.complex128], fat: NDArray[np.complex128]) -> FloatArray:
    """Return the share of fat.

    The smaller part counts along the phase of the larger, so that noise of what is absent
    averages to 0.
    """
    larger = np.where(np.abs(water) >= np.abs(fat), water, fat)
    turn = np.conj(larger) / np.maximum(np.abs(larger), 1e-12)
    w, f = (water * turn).real, (fat * turn).real
    return np.asarray(f / np.maximum(w + f, 1e-12))


class _Model:
    """Water, fat, field and R2* at given echo times."""

    def __init__(self, echo_s: FloatArray, field_t: float):
        self.times = np.asarray(echo_s, float)
        self.basis = np.stack([np.ones(len(echo_s)), fat_signal(self.times, field_t)], axis=1)
        self.period = 1.0 / float(np.min(np.diff(np.sort(self.times))))
        self.fields = (np.arange(FIELD_STEPS) / FIELD_STEPS - 0.5) * self.period

    def cost(self, signal: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Return the residual (V, fields), share of the signal's power."""
        power = np.maximum((np.abs(signal) ** 2).sum(axis=1), 1e-20)
        q, _ = np.linalg.qr(self._rows(USUAL_R2_STAR))
        kept = q.conj().astype(np.complex64)
        out = np.empty((len(signal), FIELD_STEPS), np.float32)
        for k, field in enumerate(self.fields):
            back = np.exp(-2j * np.pi * field * self.times).astype(np.complex64)
            out[:, k] = 1.0 - (np.abs(signal @ (back[:, None] * kept)) ** 2).sum(axis=1) / power
        return out

    def solve(
        self, signal: NDArray[np.complex64], field: FloatArray
    ) -> tuple[NDArray[np.complex128], NDArray[np.complex128], FloatArray, FloatArray]:
        """Return water, fat, R2* (V,) and the residual, share of the signal's amplitude."""
        turned = signal * np.exp(-2j * np.pi * field[:, None] * self.times)
        size = np.sqrt(np.maximum((np.abs(turned) ** 2).mean(axis=1), 1e-20))
        parts = np.zeros((len(signal), 2), complex)
        best, decay = np.full(len(signal), np.inf), np.zeros(len(signal))
        for value in R2_STAR:
            rows = self._rows(value)
            found = turned @ np.linalg.pinv(rows).T
            rest = np.sqrt((np.abs(turned - found @ rows.T) ** 2).mean(axis=1)) / size
            better = rest < best
            parts[better], best[better], decay[better] = found[better], rest[better], value
        return parts[:, 0], parts[:, 1], decay, best

    def _rows(self, decay: float) -> NDArray[np.complex128]:
        return np.asarray(self.basis * np.exp(-decay * self.times)[:, None])


@dataclass(frozen=True)
class _Minima:
    """Minima of the cost of each voxel, as many columns as the voxel with most of them has.

    Attributes
    ----------
    step : (V, M) int16 array
        Which of the fields; -1 where a voxel has no more of them.
    field_hz : (V, M) float64 array
        Where the parabola through a minimum and its neighbours is lowest, Hz.
    """

    step: NDArray[np.int16]
    field_hz: FloatArray


def _minima(cost: NDArray[np.float32], model: _Model) -> _Minima:
    """Return the minima of costs (V, fields)."""
    before, after = np.roll(cost, 1, 1), np.roll(cost, -1, 1)
    lowest = (cost <= before) & (cost <= after)
    # A minimum far above the best one is none.
    lowest &= cost <= cost.min(axis=1, keepdims=True) + 0.02
    voxel, step = np.nonzero(lowest)
    count = np.bincount(voxel, minlength=len(cost))
    column = np.arange(len(voxel)) - np.repeat(np.cumsum(count) - count, count)
    below, own, above = before[lowest], cost[lowest], after[lowest]
    bend = below - 2 * own + above
    shift = np.where(bend > 0, 0.5 * (below - above) / np.maximum(bend, 1e-12), 0.0)
    field = model.fields[step] + model.period / FIELD_STEPS * np.clip(shift, -0.5, 0.5)
    shape = len(cost), int(count.max(initial=1))
    out = _Minima(np.full(shape, -1, np.int16), np.zeros(shape))
    out.step[voxel, column] = step
    out.field_hz[voxel, column] = field
    return out


def _joined(parts: Sequence[_Minima]) -> _Minima:
    """Put the minima of parts of the voxels below each other."""
    most = max(p.step.shape[1] for p in parts)
    wide = [((0, 0), (0, most - p.step.shape[1])) for p in parts]
    return _Minima(
        np.concatenate(
            [np.pad(p.step, w, constant_values=-1) for p, w in zip(parts, wide, strict=True)]
        ),
        np.concatenate([np.pad(p.field_hz, w) for p, w in zip(parts, wide, strict=True)]),
    )


def _smooth_choice(
    minima: _Minima,
    model: _Model,
    inside: BoolArray,
    weight: FloatArray,
    spacing: FloatArray,
) -> FloatArray:
    """Return the field (V,), Hz, at those minima of the cost that are smooth over voxels."""
    turns = np.exp(2j * np.pi * model.fields / model.period)
    every = turns[minima.step]
    missing = minima.step < 0
    around = np.zeros(inside.shape)
    expected = np.ones(len(every), complex)
    rows = np.arange(len(every))
    chosen = np.zeros(len(every), np.intp)
    sigma = SMOOTH_MM / np.asarray(spacing)
    for turn in range(ROUNDS):
        near = every.real * expected.real[:, None] + every.imag * expected.imag[:, None]
        near[missing] = -np.inf
        chosen = near.argmax(axis=1)
        if turn == ROUNDS - 1:
            break
        found = weight * every[rows, chosen]
        parts = []
        for part in (found.real, found.imag):
            around[inside] = part
            parts.append(ndimage.gaussian_filter(around, sigma)[inside])
        expected = parts[0] + 1j * parts[1]
        expected[expected == 0] = 1.0
    return minima.field_hz[rows, chosen]
