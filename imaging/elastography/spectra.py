"""Spectra of wave fields inside a mask: where signal meets noise, and the low-pass that follows.

Across slices fields go on mirrored beyond the first and the last (cosine transform), so that a
slab of few slices loses none of them to a window; within slices they end with the mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft, ndimage

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import across_axis
from imaging.threads import threads

# Soft edge of the mask within slices, voxels, so that its border does not pass for short waves.
_EDGE_VOXELS = 2.5
_PAD = 6
# Waves longer than this are no shear waves of muscle, but motion of the whole leg.
_LOWEST_PER_M = 8.0
_GOLDEN = (1 + 5**0.5) / 2
_HALF = np.array(
    [(0, 1, s * _GOLDEN) for s in (1, -1)]
    + [(1, s * _GOLDEN, 0) for s in (1, -1)]
    + [(s * _GOLDEN, 0, 1) for s in (1, -1)]
) / np.hypot(1, _GOLDEN)  # fmt: skip
_WAYS = np.vstack([_HALF, -_HALF])


@dataclass(frozen=True)
class Spectrum:
    """Power of a field by wave number, averaged over its components.

    Attributes
    ----------
    wave_number : (N,) array
        Middle of the shells, cycles per metre.
    power, noise : (N,) array
        Mean power of the field and of its noise, rad2 per mode.
    cutoff_per_m : float
        Beyond it a low-pass removes more noise than signal.
    """

    wave_number: FloatArray
    power: FloatArray
    noise: FloatArray
    cutoff_per_m: float


def wave_numbers(
    size: Sequence[int], spacing_m: FloatArray, axes: Sequence[int], across: int | None = None
) -> FloatArray:
    """Return the square of the wave number (cycles per metre) over some axes.

    Of the axis `across` the numbers are those of a cosine transform.
    """
    k2 = np.zeros((1, 1, 1), np.float32)
    for axis in axes:
        n, h = size[axis], float(spacing_m[axis])
        wave = np.arange(n) / (2 * n * h) if axis == across else fft.fftfreq(n, h)
        k2 = k2 + (wave.astype(np.float32) ** 2).reshape([-1 if a == axis else 1 for a in range(3)])
    return k2


def _sizes(shape: Sequence[int], across: int, pad: int) -> list[int]:
    return [n if a == across else fft.next_fast_len(n + pad) for a, n in enumerate(shape)]


def _forward(values: ComplexArray, size: Sequence[int], across: int, along: bool) -> ComplexArray:
    found = np.asarray(values, np.complex64)
    for axis in range(3):
        if axis != across:
            found = fft.fft(found, size[axis], axis, workers=threads())
    return np.asarray(fft.dct(found, axis=across, norm="ortho") if along else found)


def _back(spectrum: ComplexArray, shape: Sequence[int], across: int, along: bool) -> ComplexArray:
    found = fft.idct(spectrum, axis=across, norm="ortho") if along else spectrum
    for axis in range(3):
        if axis != across:
            found = fft.ifft(found, axis=axis, workers=threads())
    return np.asarray(found[tuple(slice(n) for n in shape)])


def spectrum(
    fields: ComplexArray,
    noise: ComplexArray,
    mask: BoolArray,
    spacing_m: FloatArray,
    axes: Sequence[int],
) -> Spectrum:
    """Return the spectrum of fields, and the wave number at which signal falls to noise (Wiener).

    Parameters
    ----------
    fields : (I, J, K, ...) array
    noise : (I, J, K, ...) array
        Of the size of the noise in `fields`.
    mask : (I, J, K) bool array
    spacing_m : (3,) array
    axes
        Array axes along which waves are resolved: the two of the slice, or all three.

    Returns
    -------
    Spectrum
        Its cut-off lies between 1.3 times the wave number that holds most power and that of two
        voxels.
    """
    across = across_axis(mask.shape, spacing_m)
    along = across in axes
    size = _sizes(mask.shape, across, 0)
    k = np.sqrt(np.broadcast_to(wave_numbers(size, spacing_m, axes, across), size))
    within = [a for a in axes if a != across]
    limit = 0.5 / max(float(spacing_m[a]) for a in axes)
    width = max(1 / (size[a] * float(spacing_m[a])) for a in within)
    shell = np.minimum((k / width).astype(int), int(limit / width) + 1).ravel()
    sigma = [0.0 if a == across else _EDGE_VOXELS for a in range(3)]
    soft = ndimage.gaussian_filter(mask.astype(np.float32), sigma, mode="constant")
    soft = np.clip(2 * soft - 1, 0, 1) ** 2
    count = np.maximum(np.bincount(shell), 1)

    def power_of(values: ComplexArray) -> FloatArray:
        flat = values.reshape(*mask.shape, -1)
        power = np.zeros(count.size)
        for f in range(flat.shape[3]):
            part = np.abs(_forward(flat[..., f] * soft, size, across, along)) ** 2
            power += np.bincount(shell, part.ravel(), count.size)
        return np.asarray(power / flat.shape[3] / count)

    power, alone = power_of(fields), power_of(noise)
    signal = (power - alone) * count
    peak = int(np.argmax(signal[1:-1])) + 1 if count.size > 2 else 1
    weak = np.nonzero((power - alone)[peak:-1] < alone[peak:-1])[0]
    found = (peak + int(weak[0])) * width if weak.size else limit
    cutoff = float(np.clip(found, min(1.3 * (peak + 1) * width, limit), limit))
    middle = (np.arange(count.size) + 0.5) * width
    return Spectrum(middle[:-1], power[:-1], alone[:-1], cutoff)


def low_pass(
    fields: ComplexArray,
    mask: BoolArray,
    spacing_m: FloatArray,
    cutoff_per_m: float,
    axes: Sequence[int],
) -> ComplexArray:
    """Butterworth low-pass (sixth order) of fields (I, J, K, ...) inside a mask.

    What lies outside the mask has no weight (normalised convolution), so that air does not leak in.
    """
    across = across_axis(mask.shape, spacing_m)
    along = across in axes
    size = _sizes(mask.shape, across, _PAD)
    ratio = wave_numbers(size, spacing_m, axes, across) / np.float32(cutoff_per_m**2)
    gain = (1 / np.sqrt(1 + ratio**6)).astype(np.float32)

    def run(values: Any) -> ComplexArray:
        return _back(_forward(values, size, across, along) * gain, mask.shape, across, along)

    weight = np.maximum(run(mask.astype(np.complex64)).real, 0.1)
    flat = fields.reshape(*mask.shape, -1)
    out = np.zeros(flat.shape, np.complex64)
    for f in range(flat.shape[3]):
        out[..., f] = np.where(mask, run(flat[..., f] * mask) / weight, 0)
    return out.reshape(fields.shape)


def directional(
    field: ComplexArray,
    mask: BoolArray,
    spacing_m: FloatArray,
    cutoff_per_m: float,
    axes: Sequence[int],
) -> Iterator[ComplexArray]:
    """Part a field (I, J, K) into waves of single directions, one after the other.

    Directions lie in the slice (eight) or in space (twelve, to the corners of an icosahedron);
    the share of a direction falls as the squared cosine, and those of all sum to the whole.
    """
    across = across_axis(mask.shape, spacing_m)
    # A wave of one direction is complex in space: across slices it cannot be mirrored.
    size = [fft.next_fast_len(n + (_PAD if a in axes else 0)) if a in axes else n
            for a, n in enumerate(mask.shape)]  # fmt: skip
    k = np.sqrt(np.broadcast_to(wave_numbers(size, spacing_m, axes), size))
    band = (1 / np.sqrt(1 + (k / cutoff_per_m) ** 12)).astype(np.float32)
    band *= (k > 0) / np.sqrt(1 + (_LOWEST_PER_M / np.maximum(k, 1e-3)) ** 8)
    part = [size[a] for a in axes]
    whole = fft.fftn(field * mask, part, axes=axes, workers=threads()) * band
    ways = _WAYS if across in axes else _turns(axes)
    parts = [
        fft.fftfreq(n, float(h)).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, (n, h) in enumerate(zip(size, spacing_m, strict=True))
    ]
    inside = tuple(slice(n) for n in mask.shape)
    beams = [
        np.maximum(sum(way[a] * parts[a] for a in axes) / np.maximum(k, 1e-3), 0).astype(np.float32)
        for way in ways
    ]
    total = np.maximum(sum(b**2 for b in beams), 1e-3)
    for beam in beams:
        yield fft.ifftn(whole * (beam**2 / total), axes=axes, workers=threads())[inside]


def _turns(axes: Sequence[int]) -> FloatArray:
    """Return eight directions (8, 3) within a plane of two axes."""
    angle = np.arange(8) * np.pi / 4
    out = np.zeros((8, 3))
    out[:, axes[0]], out[:, axes[1]] = np.cos(angle), np.sin(angle)
    return out
