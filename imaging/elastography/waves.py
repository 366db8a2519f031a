"""From wrapped phase to the harmonic displacement and its gradient: where every inversion starts.

From the gradient follow strain, divergence and curl.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import across_axis, box_around, slice_axes
from imaging.elastography.displacement import derivative, harmonics
from imaging.elastography.slice_jumps import slice_jumps, without_jumps
from imaging.elastography.spatial_noise import noise_gain, white_noise


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
    """First harmonic of the displacement at one frequency.

    Attributes
    ----------
    displacement : (I, J, K, C, R) complex64 array
        Component c for driver r, rad (displacement times the encoding gain, which no modulus
        depends on), up to a constant; 0 outside `valid`.
    still : (I, J, K, C, R, B) complex64 array
        The same in B frequency bins that hold no motion: noise, raised to that of the first.
    valid : (I, J, K) bool array
        Where there is a phase.
    components_in_world : bool
        True: C = 3 components along world x, y, z. False: one per encoding direction, fewer than
        three independent ones.
    spacing_m : (3,) array
        Voxel size along the axes of the array, metres.
    rotation : (3, 3) array
        Array axes to world axes.
    frequency_hz, density
        As in :class:`WaveImages`.
    share : (I, J, K) float32 array or None
        Part of the first harmonic in the power of the phase over one period, 0 to 1; the rest is
        noise, higher harmonics of the driver and motion that is not periodic.
    noise_gain : (D, R) array or None
        Noise of the first harmonic over that of the bins without motion, by which `still` was
        raised; see :func:`imaging.elastography.spatial_noise.noise_gain`.
    slice_jumps : (D, R, S) array or None
        Jumps of phase between slices that were taken out, rad; see
        :mod:`imaging.elastography.slice_jumps`.
    """

    displacement: ComplexArray
    still: ComplexArray
    valid: BoolArray
    components_in_world: bool
    spacing_m: FloatArray
    rotation: FloatArray
    frequency_hz: float
    density: float
    share: FloatArray | None = None
    noise_gain: FloatArray | None = None
    slice_jumps: FloatArray | None = None

    @cached_property
    def gradient(self) -> ComplexArray:
        """Derivative along world x, y, z of every component, (I, J, K, 3, C, R), rad/m."""
        return self.gradient_of(self.displacement)

    @cached_property
    def still_gradients(self) -> list[ComplexArray]:
        """Gradients, see :attr:`gradient`, of every bin without motion."""
        return [self.gradient_of(self.still[..., b]) for b in range(self.still.shape[-1])]

    def gradient_of(self, field: ComplexArray) -> ComplexArray:
        """Return the derivative (I, J, K, 3, ...) along world axes of a field (I, J, K, ...)."""
        out = np.zeros((*field.shape[:3], 3, *field.shape[3:]), np.complex64)
        if not self.valid.any():
            return out
        box = box_around(self.valid)  # around it there is no derivative
        for axis, spacing in enumerate(self.spacing_m):
            part = derivative(field[box], self.valid[box], axis, float(spacing))
            for world, share in enumerate(self.rotation[:, axis]):
                if abs(share) > 1e-6:
                    out[(*box, world)] += np.float32(share) * part
        return out

    @property
    def inertia(self) -> float:
        """Density times angular frequency squared, Pa/m2."""
        return self.density * (2 * np.pi * self.frequency_hz) ** 2

    def curl(self, gradient: ComplexArray) -> ComplexArray:
        """Return the curl (I, J, K, 3, ...) of a gradient (I, J, K, 3, 3, ...) in world axes."""
        g = gradient
        parts = [g[..., a, b, :] - g[..., b, a, :] for a, b in ((1, 2), (2, 0), (0, 1))]
        return np.stack(parts, axis=3)


def harmonic_field(images: WaveImages, *, noise_bins: int = 2) -> WaveField:
    """Return the first harmonic of the displacement.

    Parameters
    ----------
    images
        As acquired, three offsets or more; with three, noise is judged from neighbouring voxels.
    noise_bins
        How many of the bins without motion to keep.

    Notes
    -----
    Nothing is smoothed here: noise stays white, and every inversion chooses its own filter.
    """
    *shape, directions, offsets, drivers = images.phase.shape
    axes = images.affine[:3, :3]
    spacing_m = np.linalg.norm(axes, axis=0) / 1000
    rotation = axes / (1000 * spacing_m)
    in_world = int(np.linalg.matrix_rank(images.directions, tol=0.05)) == 3
    mixing = np.linalg.pinv(images.directions) if in_world else np.eye(directions)
    valid = images.weight > 0
    # Offset k is k/n of a period forward in time: exp(+i omega t) sits in bin 1. The higher the bin
    # the less a driver's higher harmonics reach it; that of Nyquist is real and comes last.
    others = sorted(range(2, offsets // 2 + 1), key=lambda b: (2 * b == offsets, -b))[:noise_bins]
    keep = [0, *(b - 1 for b in others)]
    # Power of the bins; at Nyquist half of an amplitude's is real.
    weights = np.array([0.5 if 2 * b == offsets else 1.0 for b in range(1, offsets // 2 + 1)])
    raw = np.empty((*shape, directions, drivers, len(keep)), np.complex64)
    wave, total = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for d in range(directions):
        for r in range(drivers):
            found = harmonics(images.phase[..., d, :, r], valid, offsets // 2)
            raw[..., d, r, :] = found[..., keep]
            power = found.real**2 + found.imag**2
            wave += power[..., 0]
            total += power @ weights.astype(np.float32)
    across = across_axis(shape, spacing_m)
    jumps = np.zeros((directions, drivers, shape[across]), np.float32)
    for d, r in np.ndindex(directions, drivers):
        jumps[d, r] = slice_jumps(raw[..., d, r, 0], valid, across)
        if jumps[d, r].any():
            raw[..., d, r, 0] = without_jumps(raw[..., d, r, 0], jumps[d, r], across)
    gain = np.ones((directions, drivers), np.float32)
    if others:
        gain = noise_gain(raw[..., 0], raw[..., 1:], valid, slice_axes(shape, spacing_m))
        raw[..., 1:] *= gain[..., None]
    turned = np.einsum("ijkdrn,cd->ijkcrn", raw, mixing.astype(np.float32), optimize=True)
    moving = np.ascontiguousarray(turned[..., 0])
    still = np.ascontiguousarray(turned[..., 1:])
    if not others:
        still = white_noise(moving, valid)[..., None]
        total += (np.abs(white_noise(raw[..., 0], valid)) ** 2).sum((3, 4))
    share = (wave / np.maximum(total, np.finfo(np.float32).tiny)).astype(np.float32)
    return WaveField(
        moving, still, valid,
        in_world, spacing_m, rotation, images.frequency_hz, images.density, share, gain, jumps,
    )  # fmt: skip
