"""Curves packed as points (P, 3) and offsets (F + 1,): measured and resampled in compiled loops."""

from __future__ import annotations

import numba
import numpy as np

from imaging.arrays import FloatArray, IntArray


@numba.njit(cache=True, nogil=True)
def lengths(points, offsets):  # type: ignore[no-untyped-def]
    """Return arc lengths (F,) of curves packed as points (P, 3) and offsets (F + 1,)."""
    out = np.zeros(len(offsets) - 1)
    for f in range(len(out)):
        for n in range(offsets[f], offsets[f + 1] - 1):
            squared = 0.0
            for a in range(3):
                squared += (float(points[n + 1, a]) - float(points[n, a])) ** 2
            out[f] += np.sqrt(squared)
    return out


@numba.njit(cache=True, nogil=True)
def resample(points, offsets, length, spacing):  # type: ignore[no-untyped-def]
    """Resample packed curves to even steps of about `spacing`; return new points and offsets."""
    new_offsets = np.zeros(len(offsets), np.int64)
    for f in range(len(length)):
        new_offsets[f + 1] = new_offsets[f] + max(int(np.ceil(length[f] / spacing)), 1) + 1
    out = np.empty((new_offsets[-1], 3), np.float32)
    for f in range(len(length)):
        count = new_offsets[f + 1] - new_offsets[f]
        step = length[f] / (count - 1)
        n, done = offsets[f], 0.0
        last = offsets[f + 1] - 1
        out[new_offsets[f]] = points[n]
        for m in range(1, count - 1):
            while True:
                size = 0.0
                for a in range(3):
                    size += (float(points[n + 1, a]) - float(points[n, a])) ** 2
                size = np.sqrt(size)
                if done + size >= m * step or n + 1 >= last:
                    break
                done += size
                n += 1
            share = min((m * step - done) / size, 1.0) if size > 0 else 0.0
            for a in range(3):
                p, q = float(points[n, a]), float(points[n + 1, a])
                out[new_offsets[f] + m, a] = p + share * (q - p)
        out[new_offsets[f + 1] - 1] = points[last]
    return out, new_offsets


@numba.njit(cache=True, nogil=True)
def even_places(points, offsets, length, count):  # type: ignore[no-untyped-def]
    """Return packed curves at `count` even places of arc length each: (F, count, 3) float64."""
    out = np.empty((len(length), count, 3))
    for f in range(len(length)):
        n, last, done = offsets[f], offsets[f + 1] - 1, 0.0
        for m in range(count):
            want = length[f] * m / (count - 1)
            while True:
                size = 0.0
                for a in range(3):
                    size += (float(points[n + 1, a]) - float(points[n, a])) ** 2
                size = np.sqrt(size)
                if done + size >= want or n + 1 >= last:
                    break
                done += size
                n += 1
            share = min((want - done) / size, 1.0) if size > 0 else 0.0
            for a in range(3):
                p, q = float(points[n, a]), float(points[n + 1, a])
                out[f, m, a] = p + share * (q - p)
    return out


def mean_per_curve(values: FloatArray, offsets: IntArray) -> FloatArray:
    """Return the mean (F,) of point values (P,) over each packed curve."""
    if len(offsets) == 1:
        return np.zeros(0)
    return np.add.reduceat(values.astype(float), offsets[:-1]) / np.diff(offsets)
