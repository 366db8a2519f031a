"""From wrapped phase to the harmonic gradient of displacement: what every inversion starts from.

Taking the gradient of exp(i phase) makes unwrapping needless, and from the gradient follow strain,
divergence and curl.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

FloatArray = NDArray[np.floating[Any]]
ComplexArray = NDArray[np.complexfloating[Any]]
BoolArray = NDArray[np.bool_]

#: Offsets below this leave no frequency bin that holds noise alone.
MIN_OFFSETS = 4


@dataclass(frozen=True)
class WaveImages:
    """Wave images of one frequency, as acquired.

    Attributes
    ----------
    phase : (I, J, K, D, n, R) array
        Radians, wrapped or not; direction, offset, driver. Phase = Re(U exp(+2 pi i k/n)).
    weight : (I, J, K) array
        Trust in the phase, 0 outside tissue (the magnitude image, or ones).
    affine : (4, 4) array
        Voxel indices to world RAS+ mm; axes orthogonal.
    directions : (D, 3) array
        Unit encoding directions in world axes.
    frequency_hz, density
        Of the vibration (Hz) and of tissue (kg/m3).
    """

    phase: FloatArray
    weight: FloatArray
    affine: FloatArray
    directions: FloatArray
    frequency_hz: float
    density: float


@dataclass(frozen=True)
class WaveField:
    """First harmonic of the displacement gradient at one frequency.

    Attributes
    ----------
    gradient : (I, J, K, 3, C, R) complex64 array
        Derivative along world x, y, z of component c for driver r, rad/m (displacement times the
        encoding gain, which no modulus depends on).
    noise : (I, J, K, 3, C, R, B) complex64 array
        The same in the B frequency bins that hold no motion.
    components_in_world : bool
        True: C = 3 components along world x, y, z. False: one per encoding direction, fewer than
        three independent ones.
    spacing_m : (3,) array
        Voxel size along the axes of the array, metres.
    rotation : (3, 3) array
        Array axes to world axes.
    frequency_hz, density
        As in :class:`WaveImages`.
    """

    gradient: ComplexArray
    noise: ComplexArray
    components_in_world: bool
    spacing_m: FloatArray
    rotation: FloatArray
    frequency_hz: float
    density: float

    @property
    def inertia(self) -> float:
        """Density times angular frequency squared, Pa/m2."""
        return self.density * (2 * np.pi * self.frequency_hz) ** 2

    def curl(self, gradient: ComplexArray) -> ComplexArray:
        """Return the curl (I, J, K, 3, ...) of a gradient (I, J, K, 3, 3, ...) in world axes."""
        g = gradient
        parts = [g[..., a, b, :] - g[..., b, a, :] for a, b in ((1, 2), (2, 0), (0, 1))]
        return np.stack(parts, axis=3)


def phase_gradient(phasor: ComplexArray, weight: FloatArray, spacing_m: FloatArray) -> FloatArray:
    """Return the gradient of a phase along the array axes, without unwrapping it.

    Parameters
    ----------
    phasor : (I, J, K) complex array
        exp(i phase), smoothed or not.
    weight : (I, J, K) array
        0 where there is no phase.
    spacing_m : (3,) array

    Returns
    -------
    (3, I, J, K) float32 array
        rad/m; Im(conj(p) dp)/|p|^2 by central differences, one-sided at the border of the weight.
    """
    out = np.zeros((3, *phasor.shape), np.float32)
    valid = (weight > 0) & (np.abs(phasor) > 0)
    unit = np.where(valid, phasor / np.maximum(np.abs(phasor), 1e-12), 0)
    for axis, h in enumerate(spacing_m):
        if phasor.shape[axis] < 2:
            continue
        p, ok = np.moveaxis(unit, axis, 0), np.moveaxis(valid, axis, 0)
        # Angle between neighbours: exact for any phase step below pi, unlike a difference quotient.
        step = np.angle(p[1:] * np.conj(p[:-1])) / h
        both = ok[1:] & ok[:-1]
        total = np.zeros(p.shape, np.float32)
        count = np.zeros(p.shape, np.float32)
        total[:-1] += np.where(both, step, 0)
        total[1:] += np.where(both, step, 0)
        count[:-1] += both
        count[1:] += both
        np.moveaxis(out[axis], axis, 0)[...] = total / np.maximum(count, 1)
    return out


def smooth_phasor(phasor: ComplexArray, sigma: float) -> ComplexArray:
    """Blur exp(i phase) with a Gaussian, sigma in voxels, in every plane of the first two axes."""
    if sigma == 0:
        return phasor
    blur = (sigma, sigma, 0.0)
    real = ndimage.gaussian_filter(phasor.real, blur, mode="nearest")
    return real + 1j * ndimage.gaussian_filter(phasor.imag, blur, mode="nearest")


def harmonic_field(images: WaveImages, *, smoothing_voxels: float = 0.65) -> WaveField:
    """Return the first harmonic of the displacement gradient.

    Parameters
    ----------
    images
        As acquired, four offsets or more.
    smoothing_voxels
        Gaussian sigma on exp(i phase) before the derivative, in plane.

    Notes
    -----
    Gradient of the phase without unwrapping, as in MDEV: Hirsch et al., Magn Reson Med 2014.
    """
    *shape, directions, offsets, drivers = images.phase.shape
    axes = images.affine[:3, :3]
    spacing_m = np.linalg.norm(axes, axis=0) / 1000
    rotation = axes / (1000 * spacing_m)
    in_world = int(np.linalg.matrix_rank(images.directions, tol=0.05)) == 3
    mixing = np.linalg.pinv(images.directions) if in_world else np.eye(directions)
    bins = [1, *range(2, offsets // 2 + 1)]
    raw = np.empty((*shape, 3, directions, drivers, len(bins)), np.complex64)
    weight = images.weight.astype(np.float32)
    for d in range(directions):
        for r in range(drivers):
            series = np.empty((offsets, 3, *shape), np.float32)
            for n in range(offsets):
                phasor = weight * np.exp(1j * images.phase[..., d, n, r])
                smooth = smooth_phasor(phasor.astype(np.complex64), smoothing_voxels)
                series[n] = phase_gradient(smooth, weight, spacing_m)
            # Offset k is k/n of a period forward in time: exp(+i omega t) sits in bin 1.
            spectrum = fft.fft(series, axis=0)[bins] * (2 / offsets)
            raw[..., d, r, :] = np.moveaxis(spectrum, (0, 1), (-1, -2))
    # The gradient's index turns to world axes, the encoding's index to world components.
    turned = np.einsum("ab,ijkbdrn,cd->ijkacrn", rotation, raw, mixing, optimize=True)
    turned = turned.astype(np.complex64)
    return WaveField(
        turned[..., 0], turned[..., 1:], in_world, spacing_m, rotation,
        images.frequency_hz, images.density,
    )  # fmt: skip
