"""Inversions of waves as their papers give them: no labels, no noise known, fixed filters.

Each takes wave images and returns |G*|, or rho c^2 where that is all it gives, Pa (I, J, K). MDEV:
Hirsch et al., Magn Reson Med 71:267-277, 2014 (gradients of the phasor, Butterworth low-pass at
100 /m, 2-D derivatives within slices). Curl: Sinkus et al., Magn Reson Imaging 23:159-165, 2005
(Gaussian of one voxel). LFE: Manduca et al., Med Image Anal 5:237-254, 2001 (lognormal filters an
octave apart). k-MDEV: Tzschaetzsch et al., Med Image Anal 30:1-10, 2016 (eight directions within
slices, phase gradients, weights |u|^4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from imaging.elastography.waves import WaveField, WaveImages, harmonic_field

Array = NDArray[Any]
_CUT_PER_M = 100.0
_CENTRES = (7.5, 15.0, 30.0, 60.0, 120.0)


def _complex(run: Callable[[Array], Array], values: Array) -> Array:
    return run(values.real) + 1j * run(values.imag)


def _second(values: Array, axis: int, spacing: float) -> Array:
    """Return the second derivative on three points."""

    def run(part: Array) -> Array:
        return ndimage.correlate1d(part, [1, -2, 1], axis, mode="nearest")

    return _complex(run, values) / spacing**2


def _spacing(images: WaveImages) -> Array:
    return np.linalg.norm(images.affine[:3, :3], axis=0) / 1000


def _inertia(images: WaveImages) -> float:
    return float(images.density * (2 * np.pi * images.frequency_hz) ** 2)


def _wave_numbers(shape: Sequence[int], spacing: Array) -> tuple[Array, list[Array]]:
    parts = [
        fft.fftfreq(n, h).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, (n, h) in enumerate(zip(shape, spacing, strict=True))
    ]
    return np.sqrt(sum(p**2 for p in parts)), parts


def mdev(every: Sequence[WaveImages]) -> Array:
    """Return |G*| of MDEV."""
    top, bottom = 0.0, 0.0
    for images in every:
        spacing = _spacing(images)
        plane = (*images.phase.shape[:2], 1)
        k, _ = _wave_numbers(plane, spacing)
        gain = 1 / (1 + (k / _CUT_PER_M) ** 6)
        for d, r in np.ndindex(images.phase.shape[3], images.phase.shape[5]):
            phasor = np.exp(1j * images.phase[..., d, :, r])
            phasor = _complex(lambda v: ndimage.gaussian_filter(v, (0.65, 0.65, 0, 0)), phasor)
            for axis in (0, 1):
                slope = np.gradient(phasor, spacing[axis], axis=axis)
                series = (phasor.conj() * slope).imag / np.maximum(np.abs(phasor) ** 2, 1e-6)
                u = fft.fft(series, axis=3)[..., 1] * (2 / series.shape[3])
                u = fft.ifft2(fft.fft2(u, axes=(0, 1)) * gain, axes=(0, 1))
                lap = sum(_second(u, a, spacing[a]) for a in (0, 1))
                top = top + _inertia(images) * np.abs(u)
                bottom = bottom + np.abs(lap)
    return np.asarray(top / np.maximum(bottom, 1e-12))


def _fields(every: Sequence[WaveImages]) -> list[WaveField]:
    return [harmonic_field(images) for images in every]


def curl(every: Sequence[WaveImages]) -> Array:
    """Return |G*| of least squares on the Helmholtz equation of the curl."""
    top, bottom = 0.0, 0.0
    for field in _fields(every):

        def smooth(v: Array) -> Array:
            return ndimage.gaussian_filter(v, (1, 1, 1, 0, 0))

        u = _complex(smooth, field.displacement)
        slopes = [np.gradient(u, h, axis=a) if u.shape[a] > 1 else np.zeros_like(u)
                  for a, h in enumerate(field.spacing_m)]  # fmt: skip
        gradient = np.einsum("wa,aijkcr->ijkwcr", field.rotation, np.stack(slopes))
        q = field.curl(gradient)
        lap: Array = np.zeros_like(q)
        for a, h in enumerate(field.spacing_m):
            if u.shape[a] >= 3:
                lap = lap + _second(q, a, h)
        top = top - field.inertia * (q * lap.conj()).sum((3, 4))
        bottom = bottom + (np.abs(lap) ** 2).sum((3, 4))
    return np.abs(top) / np.maximum(bottom, 1e-30)


def lfe(every: Sequence[WaveImages]) -> Array:
    """Return rho c^2 of local frequency estimation."""
    slowness, weight = 0.0, 0.0
    golden = (1 + 5**0.5) / 2
    half = [(0, 1, s * golden) for s in (1, -1)] + [(1, s * golden, 0) for s in (1, -1)]
    half += [(s * golden, 0, 1) for s in (1, -1)]
    ways = np.array([*half, *(tuple(-v for v in w) for w in half)]) / np.hypot(1, golden)
    fields = _fields(every)
    for field in fields:
        k, parts = _wave_numbers(field.valid.shape, field.spacing_m)
        octave = np.log(np.maximum(k, 1e-3))
        banks = [np.exp(-((octave - np.log(c)) ** 2) / (2 * np.log(2))) for c in _CENTRES]
        for c, r in np.ndindex(field.displacement.shape[3:]):
            spectrum = fft.fftn(field.displacement[..., c, r] * field.valid)
            for way in ways:
                along = sum(w * p for w, p in zip(way, parts, strict=True)) / np.maximum(k, 1e-3)
                beam = np.maximum(along, 0) ** 2
                waves = [np.abs(fft.ifftn(spectrum * beam * bank)) for bank in banks]
                for n, centre in enumerate(_CENTRES[:-1]):
                    number = np.sqrt(2.0) * centre * waves[n + 1] / np.maximum(waves[n], 1e-30)
                    trust = waves[n] * waves[n + 1]
                    slowness = slowness + trust * number / field.frequency_hz
                    weight = weight + trust
    slow = slowness / np.maximum(weight, 1e-30)
    return np.asarray(fields[0].density / np.maximum(slow, 1e-6) ** 2)


def k_mdev(every: Sequence[WaveImages]) -> Array:
    """Return rho c^2 of k-MDEV."""
    slowness, weight = 0.0, 0.0
    fields = _fields(every)
    for field in fields:
        plane = (*field.valid.shape[:2], 1)
        k, parts = _wave_numbers(plane, field.spacing_m)
        band = 1 / (1 + (k / _CUT_PER_M) ** 6) * (1 - np.exp(-((k / 15.0) ** 4)))
        for c, r in np.ndindex(field.displacement.shape[3:]):
            spectrum = fft.fft2(field.displacement[..., c, r] * field.valid, axes=(0, 1)) * band
            for turn in np.arange(8) * np.pi / 4:
                along = np.cos(turn) * parts[0] + np.sin(turn) * parts[1]
                beam = np.maximum(along / np.maximum(k, 1e-3), 0) ** 2
                wave = fft.ifft2(spectrum * beam, axes=(0, 1))
                size = np.abs(wave) ** 2
                square = sum(
                    (wave.conj() * np.gradient(wave, field.spacing_m[a], axis=a)).imag ** 2
                    for a in (0, 1)
                )
                number = np.sqrt(square) / np.maximum(size, 1e-30) / (2 * np.pi)
                slowness = slowness + size**2 * number / field.frequency_hz
                weight = weight + size**2
    slow = slowness / np.maximum(weight, 1e-30)
    return np.asarray(fields[0].density / np.maximum(slow, 1e-6) ** 2)


PUBLISHED: dict[str, tuple[str, Callable[[Sequence[WaveImages]], Array]]] = {
    "MDEV as published": ("magnitude", mdev),
    "curl as published": ("magnitude", curl),
    "LFE as published": ("shear_stiffness", lfe),
    "k-MDEV as published": ("shear_stiffness", k_mdev),
}
