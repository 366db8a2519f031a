"""Weak form of the wave equation, tested by fields without divergence and of compact support.

For a test field v = curl(psi e_i), with psi a bump, the equation of motion of an incompressible
medium, div(2 G strain) - grad p + rho omega^2 u = 0, becomes

    integral of 2 G strain(u) : grad v  =  rho omega^2  integral of u . v

in which there is no pressure, no derivative of the modulus G and none of the strain: G may vary
as it likes, and noise is integrated rather than differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.interpolate import BSpline

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.threads import threads

_PAIRS = ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))
_CYCLIC = ((0, 1, 2, 1), (1, 2, 0, 1), (2, 0, 1, 1), (0, 2, 1, -1), (2, 1, 0, -1), (1, 0, 2, -1))
_IMAGE = (-3, -2, -1)


def bump(scale: float, order: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Return offsets and values of a derivative of a quintic B-spline, knots `scale` apart."""
    spline = BSpline.basis_element(np.arange(-3.0, 4.0) * scale, extrapolate=False)
    half = int(np.ceil(3 * scale)) - 1
    offsets = np.arange(-half, half + 1)
    values = spline.derivative(order)(offsets.astype(float)) if order else spline(offsets)
    return offsets, np.nan_to_num(np.asarray(values))


class TestFields:
    """The test fields around every voxel of a grid.

    Parameters
    ----------
    shape
        Of the grid.
    spacing_m : (3,) array
        Voxel size, metres.
    widths_m : (3,) array
        Distance of the knots of psi along every axis, metres; its support is six of them wide. At
        least one voxel.
    """

    __test__ = False

    def __init__(self, shape: Sequence[int], spacing_m: FloatArray, widths_m: FloatArray):
        self.shape = tuple(shape)
        self.size = [fft.next_fast_len(n) for n in self.shape]
        self.reach: list[int] = []
        spectra: list[list[NDArray[Any]]] = []
        for axis, (n, h, width) in enumerate(zip(self.size, spacing_m, widths_m, strict=True)):
            scale = max(float(width / h), 1.0)
            line = []
            for order in range(3):
                offsets, values = bump(scale, order)
                kernel = np.zeros(n)
                np.add.at(kernel, offsets % n, values / float(h) ** order)
                view = [-1 if a == axis else 1 for a in range(3)]
                line.append(np.conj(fft.fft(kernel)).reshape(view))
            self.reach.append(int(offsets[-1]))
            spectra.append(line)
        self._spectra = spectra
        # Entry (pair, i): how stress of a pair of axes works on the test field of axis i.
        kernels = {(n, i): self._pair(*pair, i) for n, pair in enumerate(_PAIRS) for i in range(3)}
        work = {key: k for key, k in kernels.items() if k is not None}
        count = float(np.prod(self.size))
        self._power = [
            sum(float((k**2).sum()) / count for (pair, _), k in work.items() if pair == n)
            for n in range(len(_PAIRS))
        ]
        # They are real, and multiply real and imaginary parts side by side.
        self._work = {key: np.repeat(k, 2, axis=-1) for key, k in work.items()}

    def _derivative(self, *axes: int) -> NDArray[Any]:
        orders = [axes.count(a) for a in range(3)]
        x, y, z = (self._spectra[a][orders[a]] for a in range(3))
        return np.asarray(x * y * z)

    def _pair(self, a: int, b: int, i: int) -> FloatArray | None:
        total: Any = 0.0
        for p, j, row, sign in _CYCLIC:
            if row != i:
                continue
            if p == a:
                total = total + sign * self._derivative(b, j)
            if p == b and a != b:
                total = total + sign * self._derivative(a, j)
        if np.isscalar(total):
            return None
        return np.asarray(2 * total.real, np.float32)

    def fits(self, region: BoolArray) -> BoolArray:
        """Return the centres whose test fields lie inside a region."""
        out = np.pad(region, 1)  # the edge of the array is a border
        for axis, reach in enumerate(self.reach):
            line = np.ones([2 * reach + 1 if a == axis else 1 for a in range(3)], bool)
            out = ndimage.binary_erosion(out, line)
        return np.asarray(out[1:-1, 1:-1, 1:-1])

    def _fft(self, values: NDArray[Any]) -> ComplexArray:
        found = np.asarray(values, np.complex64)
        for axis in reversed(_IMAGE):  # padded first where lines are contiguous
            found = fft.fft(found, self.size[axis], axis, workers=threads())
        return np.asarray(found)

    def _back(self, spectrum: NDArray[Any]) -> ComplexArray:
        found = spectrum
        for axis in _IMAGE:
            found = fft.ifft(found, axis=axis, workers=threads(), overwrite_x=True)
            found = found[(..., slice(self.shape[axis]), *[slice(None)] * (-1 - axis))]
        return np.asarray(found)

    def _mix(self, spectra: ComplexArray, count: int, pair_first: bool) -> ComplexArray:
        """Return `count` sums of spectra by the kernels, from pairs to axes or back."""
        parts = np.ascontiguousarray(spectra).view(np.float32)
        out = np.zeros((count, *parts.shape[1:]), np.float32)
        part = np.empty(parts.shape[1:], np.float32)
        for (n, i), kernel in self._work.items():
            source, target = (n, i) if pair_first else (i, n)
            out[target] += np.multiply(kernel, parts[source], out=part)
        return out.view(np.complex64)

    def inertia(self, displacement: ComplexArray) -> ComplexArray:
        """Return the integral of u . v (3, I, J, K) per voxel, for u (3, I, J, K) in array axes."""
        u = self._fft(displacement)
        out = np.zeros_like(u)
        for a, j, i, sign in _CYCLIC:
            out[i] += sign * u[a] * self._derivative(j).astype(np.complex64)
        return self._back(out)

    def stiffness(self, strain: ComplexArray, modulus: ComplexArray) -> ComplexArray:
        """Return the integral of 2 G strain : grad v (3, I, J, K) per voxel.

        `strain` (5, I, J, K) as :func:`deviator` gives it.
        """
        return self._back(self._mix(self._fft(strain * modulus), 3, pair_first=True))

    def adjoint(self, strain: ComplexArray, rows: ComplexArray) -> ComplexArray:
        """Return the adjoint (I, J, K) of :meth:`stiffness` at rows (3, I, J, K)."""
        found = self._back(self._mix(self._fft(rows), len(_PAIRS), pair_first=False))
        return np.asarray((strain.conj() * found).sum(0))

    def coverage(self, centres: BoolArray) -> FloatArray:
        """Return what share of all test fields that reach a voxel (I, J, K) stand at `centres`.

        Each counts by the square of its weight there, as in the normal equations.
        """
        power = np.zeros(self.size, np.float32)
        for kernel in self._work.values():
            power += np.abs(fft.ifftn(kernel[..., ::2], workers=threads())).astype(np.float32) ** 2
        near = fft.fftn(np.asarray(centres, np.float32), self.size, workers=threads())
        # A test field at c weighs the voxel x by its kernel at c - x; the kernel's power is even.
        found = fft.ifftn(near * fft.fftn(power, workers=threads()), workers=threads()).real
        found = found[tuple(slice(n) for n in self.shape)] / float(power.sum())
        return np.asarray(np.clip(found, 0, 1), np.float32)

    def diagonal(self, strain: ComplexArray, weight: FloatArray) -> FloatArray:
        """Return about the diagonal (I, J, K) of the normal equations, without mixed terms."""
        around = ndimage.uniform_filter(weight, [2 * r + 1 for r in self.reach], mode="constant")
        power = sum(self._power[n] * np.abs(strain[n]) ** 2 for n in range(len(_PAIRS)))
        return np.asarray(around * power, np.float32)


def deviator(gradient: ComplexArray) -> ComplexArray:
    """Return what of the strain is used: xx - zz, yy - zz, xy, xz, yz as (5, I, J, K).

    Parameters
    ----------
    gradient : (I, J, K, 3, 3) complex array
        Derivative along array axis a of component b.
    """
    g = gradient
    parts = [
        g[..., 0, 0] - g[..., 2, 2],
        g[..., 1, 1] - g[..., 2, 2],
        *((g[..., a, b] + g[..., b, a]) / 2 for a, b in _PAIRS[2:]),
    ]
    return np.stack(parts).astype(np.complex64)
