"""Shares of tissue classes in voxels, kept sparse, and the signal of each class from them.

A voxel holds a handful of the 81 classes: sparse shares take a tenth of the memory, and the normal
equations of the signals a hundredth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from imaging.arrays import BoolArray, FloatArray, IntArray

VALUES, EXTREMES = 9, 3  # classes of value and of each extreme
CLASSES = VALUES * EXTREMES**2
_RIDGE = 1e-4
_MOST = 64  # classes of a voxel that is probed at eight places


@dataclass(frozen=True)
class TissueShares:
    """Shares of classes in the voxels of a grid.

    Attributes
    ----------
    shape
        Of the grid.
    starts : (P + 1,) int array
        Where the classes of each voxel, in C order, begin.
    classes : int array
        Classes, voxel after voxel.
    values : float32 array
        Their shares; outside of the anatomical image its value counts as 0.
    """

    shape: tuple[int, ...]
    starts: IntArray
    classes: IntArray
    values: FloatArray

    def volumes(self, voxels: IntArray) -> FloatArray:
        """Return how many of these voxels (V,) each class fills, (C,)."""
        total: FloatArray = np.zeros(CLASSES)
        _add_volumes(self.starts, self.classes, self.values, voxels, total)
        return total

    def signals(self, measured: FloatArray, voxels: IntArray, known: BoolArray) -> FloatArray:
        """Return one signal per class (C,) from values (V,) in voxels (V,), robustly.

        Classes that are not `known` (C,) have the signal 0.
        """
        trust = np.ones(len(measured))
        out: FloatArray = np.zeros(CLASSES)
        for _ in range(3):
            normal, right = np.zeros((CLASSES, CLASSES)), np.zeros(CLASSES)
            _add_normal(
                self.starts, self.classes, self.values, voxels, measured, trust, normal, right
            )
            normal, right = normal[known][:, known], right[known]
            normal[np.diag_indices_from(normal)] += _RIDGE * np.trace(normal) / len(normal)
            out[known] = np.linalg.solve(normal, right)
            rest = measured - self._of(out, voxels)
            trust = np.square(1 / (1 + np.square(rest / max(2 * float(rest.std()), 1e-9))))
        return out

    def image(self, signals: FloatArray) -> FloatArray:
        """Return the image (I, J, K) of signals (C,)."""
        return self._of(signals, np.arange(len(self.starts) - 1)).reshape(self.shape)

    def _of(self, signals: FloatArray, voxels: IntArray) -> FloatArray:
        out = np.empty(len(voxels))
        _mix(self.starts, self.classes, self.values, voxels, signals, out)
        return out


def fill_shares(
    part: FloatArray,
    least: FloatArray,
    most: FloatArray,
    high: float,
    matrix: FloatArray,
    order: list[int],
    shape: tuple[int, ...],
    steps: FloatArray,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return starts, classes and values of :class:`TissueShares`.

    Parameters
    ----------
    part, least, most : (X, Y, Z) float32 arrays
        Image, and its extremes nearby.
    high
        Value of the last class.
    matrix : (4, 4) array
        Voxels of the grid to those of `part`.
    order
        Which axis of the grid each axis of `shape` is.
    shape
        Of the grid of the shares.
    steps : (N, 3) array
        Places within a voxel of the grid at which it is probed.
    """
    axes = np.ascontiguousarray(matrix[:3, :3][:, order])
    first = matrix[:3, 3] + steps @ matrix[:3, :3].T
    starts, kinds, values = [np.zeros(1, np.int64)], [], []
    for i in range(shape[0]):  # one plane after the other, so that room is small
        room_k = np.empty(shape[1] * shape[2] * _MOST, np.int64)
        room_v = np.empty(len(room_k), np.float32)
        counts = np.empty(shape[1] * shape[2], np.int64)
        used = _fill(
            part, least, most, high, axes, first + i * axes[:, 0], shape[1], shape[2],
            counts, room_k, room_v,
        )  # fmt: skip
        starts.append(counts)
        kinds.append(room_k[:used].astype(np.int16))
        values.append(room_v[:used].copy())
    return np.cumsum(np.concatenate(starts)), np.concatenate(kinds), np.concatenate(values)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _two(value, high, count):  # type: ignore[no-untyped-def]
    """Return the lower of the two classes of a value, and its share in the upper one."""
    place = min(max(value / high, 0.0), 1.0) * (count - 1)
    low = min(int(place), count - 2)
    return low, place - low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(part, least, most, high, axes, first, js, ks, counts, kinds, values):  # type: ignore[no-untyped-def]
    dense = np.zeros(CLASSES, np.float32)
    nx, ny, nz = part.shape
    used = 0
    for j in range(js):
        for k in range(ks):
            dense[:] = 0.0
            for n in range(len(first)):
                x = first[n, 0] + axes[0, 1] * j + axes[0, 2] * k
                y = first[n, 1] + axes[1, 1] * j + axes[1, 2] * k
                z = first[n, 2] + axes[2, 1] * j + axes[2, 2] * k
                value = 0.0
                low_near, high_near = 0.0, 0.0
                if 0 <= x <= nx - 1 and 0 <= y <= ny - 1 and 0 <= z <= nz - 1:
                    a, b, c = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
                    a, b, c = max(a, 0), max(b, 0), max(c, 0)
                    u, v, w = x - a, y - b, z - c
                    for p in range(2):
                        for q in range(2):
                            for r in range(2):
                                share = (u if p else 1 - u) * (v if q else 1 - v)
                                share *= w if r else 1 - w
                                if share > 0:
                                    value += share * part[a + p, b + q, c + r]
                    a, b, c = int(x + 0.5), int(y + 0.5), int(z + 0.5)
                    low_near, high_near = least[a, b, c], most[a, b, c]
                own, up = _two(value, high, VALUES)
                one, one_up = _two(low_near, high, EXTREMES)
                two, two_up = _two(high_near, high, EXTREMES)
                for p in range(2):
                    for q in range(2):
                        for r in range(2):
                            share = (up if p else 1 - up) * (one_up if q else 1 - one_up)
                            share *= two_up if r else 1 - two_up
                            if share > 0:
                                kind = ((own + p) * EXTREMES + one + q) * EXTREMES + two + r
                                dense[kind] += share / len(first)
            before = used
            for kind in range(CLASSES):
                if dense[kind] > 0:
                    kinds[used], values[used] = kind, dense[kind]
                    used += 1
            counts[j * ks + k] = used - before
    return used


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_volumes(starts, kinds, values, voxels, total):  # type: ignore[no-untyped-def]
    for p in voxels:
        for m in range(starts[p], starts[p + 1]):
            total[kinds[m]] += values[m]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_normal(starts, kinds, values, voxels, measured, trust, normal, right):  # type: ignore[no-untyped-def]
    for n in range(len(voxels)):
        first, last = starts[voxels[n]], starts[voxels[n] + 1]
        for a in range(first, last):
            own = trust[n] * values[a]
            right[kinds[a]] += own * measured[n]
            for b in range(first, last):
                normal[kinds[a], kinds[b]] += own * values[b]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mix(starts, kinds, values, voxels, signals, out):  # type: ignore[no-untyped-def]
    for n in range(len(voxels)):
        total = 0.0
        for m in range(starts[voxels[n]], starts[voxels[n] + 1]):
            total += values[m] * signals[kinds[m]]
        out[n] = total
