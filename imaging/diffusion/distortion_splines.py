"""Smooth displacements along one axis: tensor products of cubic B-splines and their slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from scipy import sparse

from imaging.arrays import FloatArray

Thinning = tuple[slice, ...]  # of the first two axes


@dataclass(frozen=True)
class Field:
    """Displacement (I, J, K) in mm along the last axis, and its slope along that axis."""

    shift: FloatArray
    slope: FloatArray

    def times(self, factor: float) -> Field:
        """Return the displacement of another readout."""
        return Field(factor * self.shift, factor * self.slope)

    def plus(self, other: Field) -> Field:
        """Return the sum of two displacements."""
        return Field(self.shift + other.shift, self.slope + other.slope)


class Splines:
    """Cubic B-splines on a grid; sparse products, so that threads cannot change a bit."""

    def __init__(
        self,
        shape: tuple[int, ...],
        spacing: FloatArray,
        knots_mm: float,
        thin: Thinning,
        slope_sd: float,
    ):
        lines = (*thin, slice(None))
        pairs = [_basis(n, h, knots_mm, s) for n, h, s in zip(shape, spacing, lines, strict=True)]
        self._across = [pairs[0][0], pairs[1][0]]
        self._along, self._change = pairs[2]
        # Every place lies under four neighbouring splines.
        self._first = self._along.indices[::4].astype(np.int64)
        self._taps = np.stack([b.data.reshape(-1, 4) for b in (self._along, self._change)])
        self.shape = tuple(b.shape[1] for b, _ in pairs)
        self._precision = 1 / (slope_sd * knots_mm) ** 2

    def field(self, c: FloatArray) -> Field:
        """Return the field of coefficients."""
        lines = _expand(self._across, c)
        return Field(_product(self._along, lines, 2), _product(self._change, lines, 2))

    def back(self, by_value: FloatArray, by_slope: FloatArray) -> FloatArray:
        """Return the transpose of value and slope, added."""
        along = _product(self._along.T, by_value, 2) + _product(self._change.T, by_slope, 2)
        return _expand([b.T for b in self._across], along)

    def normal(self, by_value: FloatArray, by_slope: FloatArray, weight: FloatArray) -> Normal:
        """Return the normal matrix of residuals with these derivatives by value and slope."""
        bands = np.zeros((*weight.shape[:2], self.shape[2], 4))
        _add_bands(self._first, self._taps, by_value, by_slope, weight, bands)
        return Normal(self, bands)

    def across(self, c: FloatArray) -> FloatArray:
        """Return coefficients (lines, lines, knots) along each line of those of the field."""
        return _expand(self._across, c)

    def back_across(self, lines: FloatArray, *, squared: bool = False) -> FloatArray:
        """Return the transpose of :meth:`across`; also of its elements squared."""
        return _expand([(b.multiply(b) if squared else b).T for b in self._across], lines)

    def own_prior(self) -> float:
        """Return the diagonal of the prior's matrix, but for the rim."""
        return 6 * self._precision

    def prior(self, c: FloatArray) -> FloatArray:
        """Return the gradient of the prior: differences of neighbours are small."""
        out = 1e-3 * c
        for axis in range(3):
            steps = np.diff(c, axis=axis)
            none = [(0, 0)] * 3
            none[axis] = (1, 1)
            out = out - np.diff(np.pad(steps, none), axis=axis)
        return self._precision * out


@dataclass(frozen=True)
class Normal:
    """Normal matrix of coefficients, as one banded matrix for each line.

    Splines along a line overlap with three neighbours only, so that a product costs seven
    multiplications per knot instead of sixteen per voxel.
    """

    splines: Splines
    bands: FloatArray  # (lines, lines, knots, 4), the diagonal first

    def times(self, c: FloatArray) -> FloatArray:
        """Return the product with coefficients, the prior added."""
        lines = self.splines.across(c)
        out = np.empty_like(lines)
        _times_bands(self.bands, lines, out)
        return self.splines.back_across(out) + self.splines.prior(c)

    def diagonal(self) -> FloatArray:
        """Return its diagonal."""
        own = np.ascontiguousarray(self.bands[..., 0])
        return self.splines.back_across(own, squared=True) + self.splines.own_prior()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_bands(first, taps, by_value, by_slope, weight, bands):  # type: ignore[no-untyped-def]
    for i in range(len(weight)):
        for j in range(weight.shape[1]):
            line = bands[i, j]
            for k in range(weight.shape[2]):
                w, a, s = weight[i, j, k], by_value[i, j, k], by_slope[i, j, k]
                if w == 0.0:
                    continue
                base = first[k]
                for m in range(4):
                    own = w * (a * taps[0, k, m] + s * taps[1, k, m])
                    for n in range(m, 4):
                        line[base + m, n - m] += own * (a * taps[0, k, n] + s * taps[1, k, n])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _times_bands(bands, lines, out):  # type: ignore[no-untyped-def]
    knots = lines.shape[2]
    for i in range(len(lines)):
        for j in range(lines.shape[1]):
            for m in range(knots):
                total = bands[i, j, m, 0] * lines[i, j, m]
                for d in range(1, 4):
                    if m + d < knots:
                        total += bands[i, j, m, d] * lines[i, j, m + d]
                    if m >= d:
                        total += bands[i, j, m - d, d] * lines[i, j, m - d]
                out[i, j, m] = total


def _expand(matrices: list[Any], array: FloatArray) -> FloatArray:
    """Apply one sparse matrix to each of the first axes."""
    for axis, matrix in enumerate(matrices):
        array = _product(matrix, array, axis)
    return array


def _product(matrix: Any, array: FloatArray, axis: int) -> FloatArray:
    """Apply a sparse matrix (M, N) to one axis."""
    moved = np.moveaxis(array, axis, 0)
    flat = matrix @ np.ascontiguousarray(moved).reshape(moved.shape[0], -1)
    return np.ascontiguousarray(np.moveaxis(flat.reshape(-1, *moved.shape[1:]), 0, axis))


def _basis(n: int, spacing: float, knots_mm: float, lines: slice) -> tuple[Any, Any]:
    """Return values and derivatives per mm (lines, knots) of the splines along one axis."""
    places = np.arange(n) * spacing / knots_mm
    knots = int(places[-1]) + 4
    at = places[lines]
    base = np.floor(at).astype(int)
    t = at - base
    u = 1 - t
    values = [u**3 / 6, 2 / 3 - t**2 * (2 - t) / 2, 2 / 3 - u**2 * (2 - u) / 2, t**3 / 6]
    slopes = [-(u**2) / 2, t * (1.5 * t - 2), -u * (1.5 * u - 2), t**2 / 2]
    rows = np.repeat(np.arange(len(at)), 4)
    columns = (base[:, None] + np.arange(4)).ravel()
    place = ((rows, columns), (len(at), knots))
    value, slope = (
        sparse.csr_matrix((np.stack(v, axis=1).ravel(), place[0]), shape=place[1])
        for v in (values, slopes)
    )
    return value, slope / knots_mm
