"""Weak form of the wave equation in transversely isotropic tissue: no second derivative of data.

With a test field w that has no divergence and vanishes outside a small part of one muscle,
rho omega^2 int u.w = int sigma(u):grad w: the pressure and whatever happens outside drop out. With
w = curl(psi e_c), psi a smooth bump, the left side is int psi (curl u)_c, so that data enter by
their first derivative only. The stress is linear in three moduli; every place of the bump and
every c gives one complex equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import box_around
from imaging.threads import threads

#: Symmetric pairs of axes in which stresses are kept.
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_ROW = {p: n for n, p in enumerate(_PAIRS)} | {(j, i): n for n, (i, j) in enumerate(_PAIRS)}
_SPACE = (-3, -2, -1)


@dataclass(frozen=True)
class Bump:
    """A product of cos^4 profiles along the array axes, on its voxels.

    Attributes
    ----------
    value : (A, B, C) array
        psi, 1 in the centre; odd sizes.
    second : (6, A, B, C) array
        Second derivatives in world axes, 1/m2: xx, yy, zz, xy, xz, yz.
    radii_m : (3,) array
        Half-width of the support along the array axes.
    """

    value: FloatArray
    second: FloatArray
    radii_m: FloatArray


def make_bump(radius_m: float, spacing_m: FloatArray, rotation: FloatArray) -> Bump:
    """Return a bump of a radius, of three voxels at least along every axis.

    Parameters
    ----------
    radius_m
        Half-width of the support.
    spacing_m : (3,) array
    rotation : (3, 3) array
        Array axes to world axes.
    """
    radii = np.maximum(radius_m, 3 * np.asarray(spacing_m, float))
    profiles = []
    for radius, h in zip(radii, spacing_m, strict=True):
        n = int(np.ceil(radius / h)) - 1
        a = np.pi / (2 * radius)
        c, s = np.cos(a * h * np.arange(-n, n + 1)), np.sin(a * h * np.arange(-n, n + 1))
        profiles.append((c**4, -4 * a * c**3 * s, a * a * (12 * c * c * s * s - 4 * c**4)))

    def product(orders: Sequence[int]) -> FloatArray:
        x, y, z = (profiles[axis][order] for axis, order in enumerate(orders))
        return np.asarray(x[:, None, None] * y[:, None] * z)

    eye = np.eye(3, dtype=int)
    second = np.array([[product(eye[i] + eye[j]) for j in range(3)] for i in range(3)])
    world = np.einsum("ai,bj,ijxyz->abxyz", rotation, rotation, second)
    return Bump(product((0, 0, 0)), np.stack([world[i, j] for i, j in _PAIRS]), radii)


def _spectrum(kernel: FloatArray, size: Sequence[int]) -> ComplexArray:
    """Return the spectrum of kernels (..., A, B, C) centred on the first voxel."""
    full = np.zeros((*kernel.shape[:-3], *size), np.float32)
    a, b, c = kernel.shape[-3:]
    full[..., :a, :b, :c] = kernel
    full = np.roll(full, [-(n // 2) for n in (a, b, c)], _SPACE)
    return fft.fftn(full, axes=_SPACE).astype(np.complex64)


def share_outside(region: BoolArray, bump: Bump) -> FloatArray:
    """Return for every voxel (I, J, K) how much of a bump there lies outside a region, 0 to 1.

    Weighed by the square of the bump's second derivatives, which multiply the stress.
    """
    energy = (bump.second**2).sum(0)
    energy /= energy.sum()
    size = [fft.next_fast_len(n + m) for n, m in zip(region.shape, energy.shape, strict=True)]
    inside = fft.ifftn(fft.fftn(region.astype(np.float32), size) * _spectrum(energy, size)).real
    return np.clip(1 - inside[tuple(slice(n) for n in region.shape)], 0, 1)


def basis_stresses(gradient: ComplexArray, fibre: FloatArray) -> ComplexArray:
    """Return the stress per unit of mu_perp, mu_par - mu_perp and E_par - 3 mu_perp.

    Parameters
    ----------
    gradient : (3, 3, I, J, K) array
        Derivative along world axis a of displacement component c.
    fibre : (3, I, J, K) array
        Unit vectors in world axes; their sign does not matter; 0 where unknown.

    Returns
    -------
    (3, 6, I, J, K) complex64 array
        2 e; 2 (A e + e A) - 4 (a.e a) A; (a.e a) A; with e the strain and A = a a^T.

    Notes
    -----
    Tweten et al., J Biomech 48:4002-4009, 2015.
    """
    g, a = gradient, fibre
    out = np.empty((3, 6, *g.shape[2:]), np.complex64)
    for n, (i, j) in enumerate(_PAIRS):
        out[0, n] = g[i, j] + g[j, i]
    along = [sum(out[0, _ROW[i, j]] * a[j] for j in range(3)) / 2 for i in range(3)]
    stretch = sum(along[i] * a[i] for i in range(3))
    for n, (i, j) in enumerate(_PAIRS):
        out[2, n] = stretch * (a[i] * a[j])
        out[1, n] = 2 * (a[i] * along[j] + a[j] * along[i]) - 4 * out[2, n]
    return out


def _profiles(places: BoolArray) -> list[BoolArray]:
    """Return per axis where it holds any place."""
    return [np.asarray(places.any(tuple(b for b in range(3) if b != a))) for a in range(3)]


class WeakForm:
    """Equations of one muscle for bumps at given places."""

    def __init__(self, bump: Bump, places: BoolArray):
        """Take a bump and the voxels (I, J, K) to centre it on."""
        self.places = places
        reach = [n // 2 for n in bump.value.shape]
        #: Part of the grid that the bumps cover: nothing else counts.
        self._window = box_around(places, reach)
        self._places = places[self._window]
        # Only a bump that reaches out of the grid could meet the data of the other side.
        out = (
            max(r - int(np.flatnonzero(used)[0]), r - int(np.flatnonzero(used[::-1])[0]), 0)
            for used, r in zip(_profiles(self._places), reach, strict=True)
        )
        self.size = [
            fft.next_fast_len(max(n + more, 2 * r + 1))
            for n, more, r in zip(self._places.shape, out, reach, strict=True)
        ]
        self._value = _spectrum(bump.value, self.size)
        self._second = _spectrum(bump.second, self.size)
        self._inside = (..., *(slice(n) for n in self._places.shape))

    def _forward(self, fields: ComplexArray) -> ComplexArray:
        found = fft.fftn(fields, self.size, axes=_SPACE, workers=threads())
        return np.asarray(found, np.complex64)

    def _at_places(self, spectrum: ComplexArray) -> ComplexArray:
        found = fft.ifftn(spectrum, axes=_SPACE, workers=threads(), overwrite_x=True)
        return np.asarray(found[self._inside][..., self._places])

    def _inertial(self, gradient: ComplexArray, inertia: float) -> ComplexArray:
        """Return the left sides (3, P), for a gradient (3, 3, ...) in the window."""
        g = gradient
        curl = np.stack([g[1, 2] - g[2, 1], g[2, 0] - g[0, 2], g[0, 1] - g[1, 0]])
        return np.complex64(inertia) * self._at_places(self._forward(curl) * self._value)

    def _elastic(self, stress: ComplexArray) -> ComplexArray:
        """Return the right sides (3, P) of one stress (6, ...) in the window."""
        s, h = self._forward(stress), self._second
        sides = np.empty((3, *self.size), np.complex64)
        for c in range(3):
            i, j = (c + 1) % 3, (c + 2) % 3
            sides[c] = sum(s[_ROW[i, m]] * h[_ROW[m, j]] for m in range(3))
            sides[c] -= sum(s[_ROW[j, m]] * h[_ROW[m, i]] for m in range(3))
        return self._at_places(sides)

    def rows(self, gradient: ComplexArray, fibre: FloatArray, inertia: float) -> ComplexArray:
        """Return the equations (P, 3, 4): three moduli's sides and the left side."""
        gradient, fibre = gradient[(..., *self._window)], fibre[(..., *self._window)]
        sides = [self._elastic(s) for s in basis_stresses(gradient, fibre)]
        sides.append(self._inertial(gradient, inertia))
        return np.asarray(np.transpose(np.stack(sides), (2, 1, 0)))


def normal_matrices(rows: ComplexArray) -> ComplexArray:
    """Return the normal matrices (P, 4, 4) of equations (P, 3, 4)."""
    return np.einsum("pck,pcl->pkl", rows.conj(), rows, optimize=True)
