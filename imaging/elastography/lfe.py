"""Local frequency estimation: wave number from the ratio of neighbouring octave filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import (
    Box,
    box_around,
    local_mean,
    within,
)
from imaging.elastography.helmholtz import slab_of
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import MIN_CONFIDENCE
from imaging.elastography.notes import LFE_CITATIONS
from imaging.elastography.spectra import wave_numbers
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA
from imaging.threads import threads

# Octaves, cycles per metre: waves of 8 to 133 mm.
_CENTRES = (7.5, 15.0, 30.0, 60.0, 120.0)
# With this width the ratio of two filters an octave apart is linear in the wave number.
_WIDTH = 1 / (2 * np.log(2))
_GOLDEN = (1 + 5**0.5) / 2
_WAYS = np.array(
    [(0, 1, s * _GOLDEN) for s in (1, -1)]
    + [(1, s * _GOLDEN, 0) for s in (1, -1)]
    + [(s * _GOLDEN, 0, 1) for s in (1, -1)]
) / np.hypot(1, _GOLDEN)  # fmt: skip


def local_frequency(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    window_voxels: float = 1.5,
) -> Inversion:
    """Return the shear stiffness rho c^2 from the local wave number of the curl.

    A bank of lognormal quadrature filters, an octave apart, in twelve directions: the ratio of two
    neighbouring ones is linear in the wave number. It is taken from their powers, summed over
    directions, components, drivers and a small window, less the power of noise (a ratio of
    coherent products favours the lower octave, hence too stiff). Pairs of filters and frequencies
    are averaged as wave number over frequency. Attenuation is taken as none.

    Parameters
    ----------
    fields
        One per frequency, on one grid.
    mask : (I, J, K) bool array
        Tissue.
    labels : (I, J, K) int array, optional
        The window does not cross their borders. Filters are wider than a muscle and do.
    window_voxels
        Sigma of the window.

    Raises
    ------
    ComputationError
        The mask is empty.

    Notes
    -----
    Knutsson et al., Proc IEEE ICIP 1:36-40, 1994; Manduca et al., Med Image Anal 5:237-254, 2001.
    """
    if not mask.any():
        raise ComputationError("no voxel is left to invert")
    axes = slab_of(mask.shape, fields[0].spacing_m).filtered
    curl = len(axes) == 3 and all(f.components_in_world for f in fields)
    slowness, weight = np.zeros(mask.shape), np.zeros(mask.shape)
    signal, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    both = [
        (f.curl(f.gradient), f.curl(f.still_gradients[0])) if curl
        else (f.displacement, f.still[..., 0]) for f in fields
    ]  # fmt: skip
    sums = _bank([q for pair in both for q in pair], mask, fields[0].spacing_m, axes)
    for field, (power, cross), (power_0, cross_0) in zip(
        fields, sums[::2], sums[1::2], strict=True
    ):
        power_0, cross_0 = (np.stack([local_mean(v, mask) for v in p]) for p in (power_0, cross_0))
        power, cross = (
            np.stack([within(v, mask, labels, window_voxels) for v in p])
            for p in (power - power_0, cross - cross_0)
        )
        for n, centre in enumerate(_CENTRES[:-1]):
            middle = np.sqrt(2.0) * centre
            number = middle * np.sqrt(np.maximum(power[n + 1], 0) / np.maximum(power[n], 1e-30))
            # A pair knows wave numbers about its own octave.
            near = (number > 0.5 * middle) & (number < 2 * middle)
            trust = np.where(near, np.maximum(cross[n], 0), 0)
            slowness += trust * number / field.frequency_hz
            weight += trust
            signal += np.maximum(cross[n], 0)
            noise += np.maximum(cross_0[n], 0)
    confidence = np.clip(1 - noise / np.maximum(signal + noise, 1e-30), 0, 1)
    slow = slowness / np.maximum(weight, 1e-30)
    found = np.where(slow > 0, fields[0].density / np.maximum(slow, 1e-6) ** 2, 0)
    valid = mask & (confidence >= MIN_CONFIDENCE) & (found > 0) & (found < PLAUSIBLE_PA[1])

    def kept(values: FloatArray) -> FloatArray:
        return np.where(valid, values, 0).astype(np.float32)

    what = "curl of the displacement" if curl else "displacement"
    return Inversion(
        "lfe",
        f"local frequency estimation on the {what}, lognormal filters an octave apart in 12 "
        "directions, isotropic, no attenuation",
        {
            "stiffness": QuantityMap(kept(found), "Pa", "shear_stiffness"),
            "confidence": QuantityMap(kept(confidence), "1", "confidence"),
        },
        valid,
        citations=LFE_CITATIONS,
        facts={"octaves_per_m": list(_CENTRES), "filtered": what, "dimensions": len(axes)},
    )


def _bank(
    moving: Sequence[ComplexArray], mask: BoolArray, spacing_m: FloatArray, axes: Sequence[int]
) -> list[tuple[FloatArray, FloatArray]]:
    """Return power of fields (I, J, K, C, R) in every filter (filters, I, J, K), and with the next.

    Both are 0 outside the box of the mask.
    """
    box = box_around(mask)
    size = [fft.next_fast_len(n + 8) for n in mask.shape]
    k = np.sqrt(np.broadcast_to(wave_numbers(size, spacing_m, axes), size))
    octave = np.log(np.maximum(k, 1e-3))
    radial = [np.exp(-_WIDTH * (octave - np.log(c)) ** 2).astype(np.float32) for c in _CENTRES]
    parts = [
        fft.fftfreq(n, float(h)).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, (n, h) in enumerate(zip(size, spacing_m, strict=True))
    ]
    spectra = [_spectra(q, mask, size) for q in moving]
    # Real and imaginary parts side by side.
    shape = (*(s.stop - s.start for s in box[:2]), 2 * (box[2].stop - box[2].start))
    power = np.zeros((len(moving), len(_CENTRES), *shape), np.float32)
    cross = np.zeros((len(moving), len(_CENTRES) - 1, *shape), np.float32)
    for way in np.vstack([_WAYS, -_WAYS]):
        along = sum(way[a] * parts[a] for a in axes) / np.maximum(k, 1e-3)
        beam = (np.maximum(along, 0) ** 2).astype(np.float32)
        gains = [np.repeat(beam * gain, 2, axis=-1) for gain in radial]
        for q, spectrum in ((q, one) for q, many in enumerate(spectra) for one in many):
            before: FloatArray | None = None
            for n, gain in enumerate(gains):
                here = _back((spectrum.view(np.float32) * gain).view(np.complex64), box)
                power[q, n] += here * here
                if before is not None:
                    cross[q, n - 1] += here * before
                before = here
    return [
        (_on_grid(p, mask, box), _on_grid(c, mask, box)) for p, c in zip(power, cross, strict=True)
    ]


def _spectra(q: ComplexArray, mask: BoolArray, size: Sequence[int]) -> ComplexArray:
    """Return the spectra (C R, ...) of a field (I, J, K, C, R) inside a mask."""
    flat = np.moveaxis((q * mask[..., None, None]).reshape(*mask.shape, -1), 3, 0)
    return np.asarray(fft.fftn(flat, size, axes=(1, 2, 3), workers=threads()))


def _back(spectrum: ComplexArray, box: Box) -> FloatArray:
    """Return the field of a spectrum in a box, real and imaginary parts side by side."""
    for axis, part in enumerate(box):
        found = fft.ifft(spectrum, axis=axis, workers=threads(), overwrite_x=True)
        spectrum = found[(*(slice(None),) * axis, part)]
    return np.ascontiguousarray(spectrum).view(np.float32)


def _on_grid(sums: FloatArray, mask: BoolArray, box: Box) -> FloatArray:
    """Return sums over real and imaginary parts (n, ...) in a box, on the grid of a mask."""
    out = np.zeros((len(sums), *mask.shape), np.float32)
    out[(slice(None), *box)] = sums.reshape(*sums.shape[:3], -1, 2).sum(4)
    return out
