"""Weighted linear least squares of many voxels side by side, in compiled loops.

Voxels are worked on in blocks: the last axis of every array here is the voxel of the block (a
lane), and every innermost loop runs over it, so that the processor takes several voxels with each
instruction. A lane never sees another one: what comes out for a voxel depends on its own samples
alone. Samples are padded to a multiple of four, taken four at a time; padding has no trust.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from imaging.arrays import FloatArray

PARAMETERS = 7
LANES = 64
_TRIANGLE = PARAMETERS * (PARAMETERS + 1) // 2
_UNROLL = 4
_FLOOR = 1e-3  # smallest signal taken as such, share of the voxel's largest
_LEAST_PIVOT = 1e-6  # what a parameter tells beyond the others, below which they are not apart
_MOST_LEVERAGE = 0.95  # of a sample that the others can still judge
_EXP_SHIFT = float(np.exp(-2.5))
_LN2 = float(np.log(2.0))
_MANTISSA, _ONE, _HALF_OCTAVE = 0x007FFFFF, 0x3F800000, 0x3F3504F3  # of a float32; sqrt(1/2)

lanewise: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


def arrange(design: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a design (N, 7) and the lower triangles (N, 28) of x x' of its rows, N padded."""
    padded = np.pad(design, ((0, -len(design) % _UNROLL), (0, 0)))
    row, column = np.tril_indices(PARAMETERS)
    return np.ascontiguousarray(padded), np.ascontiguousarray(padded[:, row] * padded[:, column])


class Block(NamedTuple):
    """Room for the voxels of a block (L lanes) with N padded samples each.

    Attributes
    ----------
    relative, logs, used : (N, L) arrays
        Signals in units of the voxel's largest, their logarithms, and trust in them.
    weights, predicted, leverage, far : (N, L) arrays
        Of the log signal; signals of the fit; shares that samples have in their own prediction;
        residuals.
    bits : (N, L) float32 array
        Signals as their logarithms are taken.
    normal, lower, inverse : (28, L), (7, 7, L), (7, 7, L) arrays
        Normal equations, their Cholesky factor with the inverse of its diagonal, its inverse.
    beta : (7, L) array
        Parameters.
    largest, usable, solved, rest : (L,) arrays
        Largest signal, number of samples used, 1 where the fit worked (else 0), room.
    """

    relative: FloatArray
    logs: FloatArray
    used: FloatArray
    weights: FloatArray
    predicted: FloatArray
    leverage: FloatArray
    far: FloatArray
    bits: FloatArray
    normal: FloatArray
    lower: FloatArray
    inverse: FloatArray
    beta: FloatArray
    largest: FloatArray
    usable: FloatArray
    solved: FloatArray
    rest: FloatArray


@lanewise
def new_block(samples):  # type: ignore[no-untyped-def]
    """Return room for a block with padded samples."""
    of_samples = np.zeros((7, samples, LANES))
    square = np.zeros((2, PARAMETERS, PARAMETERS, LANES))
    line = np.zeros((4, LANES))
    return Block(
        of_samples[0], of_samples[1], of_samples[2], of_samples[3], of_samples[4], of_samples[5],
        of_samples[6], np.zeros((samples, LANES), np.float32), np.zeros((_TRIANGLE, LANES)),
        square[0], square[1], np.zeros((PARAMETERS, LANES)), line[0], line[1], line[2], line[3],
    )  # fmt: skip


@lanewise
def load(signal, voxels, trust, rows, b):  # type: ignore[no-untyped-def]
    """Bring voxels into a block, one per lane: `rows` of trust, of `voxels`, these of signal."""
    samples = signal.shape[1]
    for x in range(LANES):
        v = voxels[rows[x]]
        top = np.float32(0.0)
        for n in range(samples):
            top = max(top, signal[v, n])
        b.largest[x] = top
        for n in range(samples):
            b.bits[n, x] = signal[v, n]
            b.used[n, x] = trust[rows[x], n] if trust.shape[1] else 1.0
    b.usable[:] = 0.0
    for n in range(samples):
        for x in range(LANES):
            good = b.bits[n, x] > _FLOOR * b.largest[x] and b.used[n, x] > 0
            b.used[n, x] = b.used[n, x] if good else 0.0
            b.relative[n, x] = b.bits[n, x] / b.largest[x] if good else 0.0
            b.usable[x] += 1.0 if good else 0.0
            b.bits[n, x] = b.relative[n, x] if good else 1.0
    _log(b.bits, b.logs)


@lanewise
def _log(values, out):  # type: ignore[no-untyped-def]
    """Write the logarithms of positive float32 values: exponent, and area hyperbolic tangent.

    Right to 1e-10; unlike a call for every sample, the loop takes several at once.
    """
    bits = values.view(np.int32)
    for n in range(len(out)):
        for x in range(LANES):
            shifted = bits[n, x] - np.int32(_HALF_OCTAVE)
            exponent = shifted >> np.int32(23)
            bits[n, x] = (shifted & np.int32(_MANTISSA)) + np.int32(_HALF_OCTAVE)
            out[n, x] = exponent
    for n in range(len(out)):
        for x in range(LANES):
            m = np.float64(values[n, x])
            s = (m - 1.0) / (m + 1.0)
            q = s * s
            series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11)))))
            out[n, x] = out[n, x] * _LN2 + 2.0 * s * series


@lanewise
def factor(outer, b):  # type: ignore[no-untyped-def]
    """Write the Cholesky factor of X' W X; note where the parameters cannot be told apart."""
    normal, lower, rest, w = b.normal, b.lower, b.rest, b.weights
    normal[:] = 0.0
    for n in range(0, len(outer), _UNROLL):
        for m in range(_TRIANGLE):
            o0, o1, o2, o3 = outer[n, m], outer[n + 1, m], outer[n + 2, m], outer[n + 3, m]
            for x in range(LANES):
                normal[m, x] += (
                    o0 * w[n, x] + o1 * w[n + 1, x] + o2 * w[n + 2, x] + o3 * w[n + 3, x]
                )
    m = 0
    for j in range(PARAMETERS):
        for k in range(j + 1):
            for x in range(LANES):
                rest[x] = normal[m, x]
            for i in range(k):
                for x in range(LANES):
                    rest[x] -= lower[j, i, x] * lower[k, i, x]
            if k < j:
                for x in range(LANES):
                    lower[j, k, x] = rest[x] * lower[k, k, x]
            else:
                for x in range(LANES):
                    apart = rest[x] > _LEAST_PIVOT * normal[m, x]
                    b.solved[x] = b.solved[x] if apart else 0.0
                    lower[j, j, x] = 1.0 / np.sqrt(rest[x] if apart else 1.0)
            m += 1


@lanewise
def solve(model, b):  # type: ignore[no-untyped-def]
    """Write the weighted least squares solution."""
    design, outer = model
    beta, lower, w, y = b.beta, b.lower, b.weights, b.logs
    factor(outer, b)
    beta[:] = 0.0
    for n in range(len(design)):
        for x in range(LANES):
            b.rest[x] = w[n, x] * y[n, x]
        for j in range(PARAMETERS):
            d = design[n, j]
            for x in range(LANES):
                beta[j, x] += d * b.rest[x]
    for j in range(PARAMETERS):
        for k in range(j):
            for x in range(LANES):
                beta[j, x] -= lower[j, k, x] * beta[k, x]
        for x in range(LANES):
            beta[j, x] *= lower[j, j, x]
    for j in range(PARAMETERS - 1, -1, -1):
        for k in range(j + 1, PARAMETERS):
            for x in range(LANES):
                beta[j, x] -= lower[k, j, x] * beta[k, x]
        for x in range(LANES):
            beta[j, x] *= lower[j, j, x]


@lanewise
def predict(design, beta, predicted):  # type: ignore[no-untyped-def]
    """Write the predicted signals, in units of the voxel's largest.

    exp by an eighth of its argument and three squarings, right to 1e-7.
    """
    for n in range(len(predicted)):
        d1, d2, d3 = design[n, 1], design[n, 2], design[n, 3]
        d4, d5, d6 = design[n, 4], design[n, 5], design[n, 6]
        for x in range(LANES):
            total = beta[0, x] + d1 * beta[1, x] + d2 * beta[2, x] + d3 * beta[3, x]
            total += d4 * beta[4, x] + d5 * beta[5, x] + d6 * beta[6, x]
            z = min(max(total, -6.0), 1.0) / 8.0 + 0.3125
            series = 1.0 + z * (1 / 7) * (1.0 + z * (1 / 8))
            series = 1.0 + z * (1 / 5) * (1.0 + z * (1 / 6) * series)
            series = 1.0 + z * (1 / 3) * (1.0 + z * (1 / 4) * series)
            series = 1.0 + z * (1.0 + z * (1 / 2) * series)
            squared = series * series
            squared *= squared
            predicted[n, x] = _EXP_SHIFT * squared * squared


@lanewise
def weigh(b):  # type: ignore[no-untyped-def]
    """Write the weights of the log signal: the squared signal that is predicted."""
    for n in range(len(b.used)):
        for x in range(LANES):
            b.weights[n, x] = b.used[n, x] * b.predicted[n, x] * b.predicted[n, x]


@lanewise
def leverages(outer, b):  # type: ignore[no-untyped-def]
    """Write w x' (X' W X)^-1 x of every sample, at most 1."""
    lower, inverse, rest, leverage, e = b.lower, b.inverse, b.rest, b.leverage, b.normal
    for j in range(PARAMETERS):
        for x in range(LANES):
            inverse[j, j, x] = lower[j, j, x]
        for k in range(j):
            rest[:] = 0.0
            for i in range(k, j):
                for x in range(LANES):
                    rest[x] -= lower[j, i, x] * inverse[i, k, x]
            for x in range(LANES):
                inverse[j, k, x] = rest[x] * lower[j, j, x]
    m = 0
    for j in range(PARAMETERS):
        for k in range(j + 1):
            rest[:] = 0.0
            for i in range(j, PARAMETERS):
                for x in range(LANES):
                    rest[x] += inverse[i, j, x] * inverse[i, k, x]
            for x in range(LANES):
                e[m, x] = rest[x] if j == k else 2.0 * rest[x]
            m += 1
    leverage[:] = 0.0
    for n in range(len(leverage)):
        for m in range(0, _TRIANGLE, _UNROLL):
            o0, o1, o2, o3 = outer[n, m], outer[n, m + 1], outer[n, m + 2], outer[n, m + 3]
            for x in range(LANES):
                leverage[n, x] += (
                    o0 * e[m, x] + o1 * e[m + 1, x] + o2 * e[m + 2, x] + o3 * e[m + 3, x]
                )
    for n in range(len(leverage)):
        for x in range(LANES):
            leverage[n, x] = min(b.weights[n, x] * leverage[n, x], 1.0)


@lanewise
def distances(sign, b):  # type: ignore[no-untyped-def]
    """Write residuals as large as the noise behind them; -1 where the others cannot judge.

    `sign` is -1 for samples that took part in the fit (residuals shrink with leverage) and 1 for
    those to be judged by the others (the prediction's own error adds).
    """
    for n in range(len(b.far)):
        for x in range(LANES):
            left = abs(b.relative[n, x] - b.predicted[n, x])
            judged = b.used[n, x] > 0 and b.leverage[n, x] < _MOST_LEVERAGE
            free = 1.0 + sign * b.leverage[n, x]
            b.far[n, x] = left / np.sqrt(free if judged else 1.0) if judged else -1.0


@lanewise
def sort_samples(values):  # type: ignore[no-untyped-def]
    """Sort values (N, L) of every lane in place: Batcher's network (Knuth, volume 3, 5.2.2 M)."""
    count, top = len(values), 1
    while 2 * top < count:
        top *= 2
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            for i in range(count - d):
                if i & p == r:
                    for x in range(LANES):
                        low, high = values[i, x], values[i + d, x]
                        values[i, x] = min(low, high)
                        values[i + d, x] = max(low, high)
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
