"""Steady shear waves in soft tissue: incompressible, transversely isotropic, lossy, heterogeneous.

Time convention: displacement = Re(U exp(+i omega t)), so a lossy modulus has a positive imaginary
part. The medium is periodic; a sponge near the borders keeps waves from coming round.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft
from scipy.sparse.linalg import LinearOperator, gmres

from imaging.arrays import ComplexArray, FloatArray
from imaging.errors import ComputationError

_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_AXES = (-3, -2, -1)


def sponge(shape: Sequence[int], width: Sequence[int], strength: float = 1.0) -> FloatArray:
    """Return a damping layer that grows as the square of the depth into it.

    Parameters
    ----------
    shape
        Number of voxels along the three axes.
    width
        Thickness of the layer at both ends of each axis, voxels; 0 for none.
    strength
        Largest value, as a share of the inertia.

    Returns
    -------
    (I, J, K) float32 array
    """
    out = np.zeros(tuple(shape), np.float32)
    for axis, (n, w) in enumerate(zip(shape, width, strict=True)):
        if w == 0:
            continue
        edge = np.minimum(np.arange(n), np.arange(n)[::-1])
        layer = np.clip((w - edge) / w, 0, 1) ** 2
        view = [1, 1, 1]
        view[axis] = n
        out = np.maximum(out, layer.reshape(view).astype(np.float32))
    return strength * out


class _Medium:
    """The operator u -> P[-rho omega^2 (1 - i sponge) u - div sigma(u)] on Fourier coefficients."""

    def __init__(
        self,
        mu_perp: ComplexArray,
        mu_par: ComplexArray,
        e_par: ComplexArray,
        directions: FloatArray | None,
        inertia: float,
        damping: FloatArray,
        spacing_m: FloatArray,
        workers: int,
    ):
        self.shape = mu_perp.shape
        self.workers = workers
        waves = [2 * np.pi * fft.fftfreq(n, h) for n, h in zip(self.shape, spacing_m, strict=True)]
        for wave, n in zip(waves, self.shape, strict=True):
            if n % 2 == 0:  # an odd derivative of the Nyquist wave is undefined
                wave[n // 2] = 0.0
        self.k = [
            w.astype(np.float32).reshape([-1 if a == b else 1 for b in range(3)])
            for a, w in enumerate(waves)
        ]
        k2 = sum(k**2 for k in self.k)
        self.inverse_k2 = np.where(k2 > 0, 1 / np.maximum(k2, 1e-12), 0).astype(np.float32)
        self.inertia = np.float32(inertia)
        self.damping = (1j * inertia * damping).astype(np.complex64) if damping.any() else None
        self.mu = mu_perp.astype(np.complex64)
        self.shear = (mu_par - mu_perp).astype(np.complex64)
        self.stretch = (e_par - 3 * mu_perp).astype(np.complex64)
        self.a = None
        if directions is not None and (self.shear.any() or self.stretch.any()):
            self.a = np.moveaxis(directions, -1, 0).astype(np.float32)
        # Near the modulus of most of the medium: half the iterations of a mean with stiff bone.
        mu0 = 1.2 * complex(np.median(mu_perp.real), np.median(mu_perp.imag))
        loss = 1 - 1j * max(float(damping.mean()), 0.05)
        self.precondition = (1 / (mu0 * k2 - inertia * loss)).astype(np.complex64)

    def project(self, v: ComplexArray) -> ComplexArray:
        """Remove the part of Fourier coefficients (3, I, J, K) that has divergence."""
        along = sum(self.k[a] * v[a] for a in range(3)) * self.inverse_k2
        for a in range(3):
            v[a] -= self.k[a] * along
        return v

    def _inverse(self, v: ComplexArray) -> ComplexArray:
        return fft.ifftn(v, axes=_AXES, workers=self.workers, overwrite_x=True)

    def _forward(self, v: ComplexArray) -> ComplexArray:
        return fft.fftn(v, axes=_AXES, workers=self.workers, overwrite_x=True)

    def _stress(self, strain: ComplexArray) -> ComplexArray:
        """Deviatoric stress (6, I, J, K) of a strain in the order of `_PAIRS`."""
        stress = 2 * self.mu * strain
        if self.a is None:
            return stress
        a = self.a
        row = {p: n for n, p in enumerate(_PAIRS)} | {(j, i): n for n, (i, j) in enumerate(_PAIRS)}
        b = [sum(strain[row[i, j]] * a[j] for j in range(3)) for i in range(3)]
        i4 = sum(a[i] * b[i] for i in range(3))
        along = (self.stretch - 4 * self.shear) * i4
        for n, (i, j) in enumerate(_PAIRS):
            stress[n] += 2 * self.shear * (a[i] * b[j] + a[j] * b[i]) + along * (a[i] * a[j])
        return stress

    def apply(self, v: ComplexArray) -> ComplexArray:
        """Apply the operator to Fourier coefficients (3, I, J, K)."""
        k = self.k
        strain = np.empty((6, *self.shape), np.complex64)
        for n, (i, j) in enumerate(_PAIRS):
            strain[n] = 0.5j * (k[i] * v[j] + k[j] * v[i])
        stress = self._forward(self._stress(self._inverse(strain)))
        out = -self.inertia * v
        for n, (i, j) in enumerate(_PAIRS):
            out[i] -= 1j * k[j] * stress[n]
            if i != j:
                out[j] -= 1j * k[i] * stress[n]
        if self.damping is not None:
            out += self._forward(self.damping * self._inverse(v.copy()))
        return self.project(out)


def solve_waves(
    mu_perp: ComplexArray,
    mu_par: ComplexArray,
    e_par: ComplexArray,
    force: FloatArray,
    *,
    frequency_hz: float,
    spacing_m: FloatArray,
    directions: FloatArray | None = None,
    density: float = 1000.0,
    damping: FloatArray | None = None,
    tolerance: float = 1e-4,
    workers: int = 2,
) -> ComplexArray:
    """Solve for the steady displacement of an incompressible lossy medium under a body force.

    The pressure is removed by projecting on fields without divergence; the rest is solved in
    Fourier space by GMRES, preconditioned with a homogeneous medium (Lippmann-Schwinger type,
    Moulinec and Suquet, Comput Methods Appl Mech Eng 157:69-94, 1998). The transversely isotropic
    law has the three moduli of Tweten et al., J Biomech 48:4002-4009, 2015.

    Parameters
    ----------
    mu_perp, mu_par, e_par : (I, J, K) complex array
        Shear moduli across and along the fibre and tensile modulus along it, Pa. An isotropic
        medium has ``mu_par = mu_perp`` and ``e_par = 3 mu_perp``.
    force : (I, J, K, 3) array
        Body force, N/m3, along the axes of the array.
    frequency_hz, density
        Of the vibration (Hz) and the medium (kg/m3).
    spacing_m : (3,) array
        Voxel size in metres.
    directions : (I, J, K, 3) array, optional
        Unit fibre directions along the axes of the array.
    damping : (I, J, K) array, optional
        Sponge, as a share of the inertia (see :func:`sponge`).
    tolerance
        Relative residual at which the solver stops.
    workers
        Threads of the FFT.

    Returns
    -------
    (I, J, K, 3) complex64 array
        Displacement in metres.

    Raises
    ------
    ComputationError
        GMRES does not reach the tolerance.
    """
    shape = mu_perp.shape
    inertia = density * (2 * np.pi * frequency_hz) ** 2
    damping = np.zeros(shape, np.float32) if damping is None else damping
    medium = _Medium(
        mu_perp, mu_par, e_par, directions, inertia, damping, np.asarray(spacing_m), workers
    )
    field = np.moveaxis(force, -1, 0).astype(np.complex64)
    source = medium.project(medium._forward(field))
    scale = float(np.linalg.norm(source))
    if scale == 0.0:
        return np.zeros((*shape, 3), np.complex64)

    def operator(flat: ComplexArray) -> ComplexArray:
        v = medium.precondition * flat.reshape(3, *shape)
        return medium.apply(v).ravel()

    size = source.size
    system = LinearOperator((size, size), matvec=operator, dtype=np.complex64)  # type: ignore[call-arg]
    # Scaled by the size of the operator, not by its inverse, so that float32 does not underflow.
    rhs = (source / np.float32(scale)).ravel()
    found, status = gmres(system, rhs, rtol=tolerance, restart=40, maxiter=6)
    if status != 0:
        raise ComputationError(
            "the wave solver did not converge: the surroundings may be too soft or loss-free"
        )
    v = np.float32(scale) * medium.precondition * found.reshape(3, *shape).astype(np.complex64)
    return np.moveaxis(medium._inverse(medium.project(v)), 0, -1)
