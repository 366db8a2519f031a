"""Moments of an image under a kernel, and local polynomials from them, in compiled loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numba
import numpy as np

from imaging.arrays import BoolArray, FloatArray, IntArray

Powers = tuple[int, ...]
_RUN = 1024  # values worked on together: they stay in the fastest cache


def moments(
    image: FloatArray,
    kernels: Sequence[Sequence[FloatArray]],
    terms: Sequence[Powers],
    where: BoolArray | None = None,
) -> Iterator[tuple[Powers, FloatArray]]:
    """Yield the moments float32 of an image (I, J, K) or (I, J, K, N) for powers of x, y, z.

    Parameters
    ----------
    image : (I, J, K) or (I, J, K, N) array
        Beyond its border it counts as 0.
    kernels
        Per axis and power the taps (2 R + 1,).
    terms
        Powers, yielded in sorted order; what they have in common is done once, and forgotten when
        no other needs it.
    where : (I, J, K) bool array or None
        Voxels whose moments are wanted, those of others may be 0; none: all.
    """
    spans = [_spans(image.shape[:3], where, axis) for axis in range(3)]
    partial: dict[Powers, FloatArray] = {(): np.ascontiguousarray(image, np.float32)}
    for powers in sorted(terms):
        partial = {done: values for done, values in partial.items() if powers[: len(done)] == done}
        for axis, power in enumerate(powers):
            if powers[: axis + 1] not in partial:
                partial[powers[: axis + 1]] = _along(
                    partial[powers[:axis]], kernels[axis][power], axis, spans[axis]
                )
        yield powers, partial.pop(powers)


def _spans(shape: tuple[int, ...], where: BoolArray | None, axis: int) -> IntArray:
    """Return from where to where (A, 2) each line along an axis is wanted by any later axis."""
    lines, count = prod(shape[:axis]), shape[axis]
    if where is None:
        return np.tile([0, count], (lines, 1))
    wanted = np.any(where.reshape(lines, count, -1), axis=2)
    first, last = np.argmax(wanted, axis=1), count - np.argmax(wanted[:, ::-1], axis=1)
    return np.stack([first, np.where(np.any(wanted, axis=1), last, first)], axis=1)


def _along(image: FloatArray, taps: FloatArray, axis: int, spans: IntArray) -> FloatArray:
    """Return an image (I, J, K[, N]) correlated with taps (2 R + 1,) along an axis, in spans."""
    lines = image.reshape(prod(image.shape[:axis]), -1)
    out = np.zeros_like(image)
    stride = prod(image.shape[axis + 1 :])
    padded = np.zeros(-(-len(taps) // 4) * 4, np.float32)
    padded[: len(taps)] = taps
    _correlate(lines, padded, len(taps) // 2, stride, spans * stride, out.reshape(lines.shape))
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _correlate(lines, taps, radius, stride, spans, out):  # type: ignore[no-untyped-def]
    """Correlate lines (A, N * stride) whose neighbours are `stride` apart; taps in fours."""
    count, length = lines.shape
    before = radius * stride
    room = np.zeros(length + (len(taps) - 1) * stride, np.float32)
    for a in range(count):
        begin, end = spans[a]
        if begin == end:
            continue
        for x in range(max(begin - before, 0), min(end + before, length)):
            room[before + x] = lines[a, x]
        for first in range(begin, end, _RUN):
            total = out[a, first : min(first + _RUN, end)]
            for k in range(0, len(taps), 4):
                _add_four(taps[k : k + 4], room[first + k * stride :], stride, total)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_four(taps, room, stride, total):  # type: ignore[no-untyped-def]
    t0, t1, t2, t3 = taps[0], taps[1], taps[2], taps[3]
    r0, r1, r2, r3 = room, room[stride:], room[2 * stride :], room[3 * stride :]
    for x in range(len(total)):
        total[x] += t0 * r0[x] + t1 * r1[x] + t2 * r2[x] + t3 * r3[x]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_products(factors, image, places, total):  # type: ignore[no-untyped-def]
    """Add factors (P,) times an image's values (., N) at flat places (P,) to a total (P, N)."""
    for n in range(len(places)):
        for c in range(image.shape[1]):
            total[n, c] += factors[n] * image[places[n], c]


def first_rows(
    found: dict[Powers, FloatArray], basis: Sequence[Powers], ridge: float
) -> FloatArray:
    """Return the first rows (P, T) float32 of the inverses of normal equations.

    Parameters
    ----------
    found
        Moments (P,) for all sums of two of the powers of `basis`.
    basis : T terms
        The first is constant.
    ridge
        Added to the diagonal but for its first element.
    """
    names = sorted(found)
    which = np.array([[names.index(tuple(np.add(p, q).tolist())) for q in basis] for p in basis])
    stacked = np.stack([found[name] for name in names], axis=-1)
    out = np.empty((len(stacked), len(basis)), np.float32)
    _first_rows(stacked, which, ridge, out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _first_rows(values, which, ridge, out):  # type: ignore[no-untyped-def]
    """Elimination without pivots, constant first: the ridge keeps every other pivot above 0.

    Golub and Van Loan, Matrix computations, 2013, section 4.1.
    """
    count = len(which)
    m, right = np.empty((count, count)), np.empty(count)
    for n in range(len(values)):
        for a in range(count):
            right[a] = 1.0 if a == 0 else 0.0
            for b in range(a, count):
                m[a, b] = values[n, which[a, b]] + (ridge if a == b and a > 0 else 0.0)
        for c in range(count):
            for a in range(c + 1, count):
                share = m[c, a] / m[c, c]
                if share != 0.0:
                    for b in range(a, count):
                        m[a, b] -= share * m[c, b]
                    right[a] -= share * right[c]
        for a in range(count - 1, -1, -1):
            for b in range(a + 1, count):
                right[a] -= m[a, b] * right[b]
            right[a] /= m[a, a]
            out[n, a] = right[a]
