"""Multifrequency dual elasto-visco inversion (MDEV) of harmonic wave fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from imaging.elastography.stiffness import PLAUSIBLE_PA
from imaging.elastography.waves import BoolArray, ComplexArray, FloatArray, WaveField
from imaging.errors import ComputationError

Components = Literal["curl", "gradient"]

# Second derivative on five points, exact to the fourth order: on waves of six voxels it is 2 % low
# where the usual three points are 9 % low.
_SECOND = np.array([-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12], np.float32)
REACH = 2
#: Below this share of signal above noise a voxel holds no stiffness.
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Stiffness:
    """Result of an inversion on the grid of the waves.

    Attributes
    ----------
    magnitude : (I, J, K) float32 array
        |G*|, Pa; 0 outside `mask`.
    loss_angle : (I, J, K) float32 array
        Angle of G*, rad, 0 (elastic) to pi/2 (viscous).
    confidence : (I, J, K) float32 array
        Share of the power in the Laplacian, around the voxel, that is not noise, 0 to 1.
    mask : (I, J, K) bool array
        Where the derivatives are supported by data.
    components : str
        ``curl`` or ``gradient``.
    dimensions : int
        2 or 3: of the Laplacian.
    """

    magnitude: FloatArray
    loss_angle: FloatArray
    confidence: FloatArray
    mask: BoolArray
    components: Components
    dimensions: int


def laplacian_axes(shape: Sequence[int], spacing_m: FloatArray) -> tuple[int, ...]:
    """Choose the axes of the Laplacian: all three, or the two of the slice plane.

    Across slices a second derivative needs five slices, and is meaningless where a slice is more
    than two and a half voxels thick. Leaving it out takes waves that run across slices for stiffer
    than they are.
    """
    coarse = int(np.argmax(np.asarray(spacing_m) * 1e6 - np.asarray(shape)))
    spacing = np.asarray(spacing_m)
    thick = spacing[coarse] > 2.5 * np.delete(spacing, coarse).mean()
    thin = int(np.argmin(shape))
    if shape[thin] < 2 * REACH + 1:
        return tuple(a for a in range(3) if a != thin)
    return tuple(a for a in range(3) if a != coarse) if thick else (0, 1, 2)


def low_pass(
    fields: ComplexArray, mask: BoolArray, spacing_m: FloatArray, cutoff_per_m: float, axes: Any
) -> ComplexArray:
    """Butterworth low-pass (first order) of fields (I, J, K, ...) inside a mask.

    What lies outside the mask has no weight (normalised convolution), so that air does not leak in.
    """
    size = [fft.next_fast_len(n + 6) for n in mask.shape]
    k2 = np.zeros((1, 1, 1))
    for axis in axes:
        wave = fft.fftfreq(size[axis], spacing_m[axis])
        k2 = k2 + (wave**2).reshape([-1 if a == axis else 1 for a in range(3)])
    gain = (1 / np.sqrt(1 + k2 / cutoff_per_m**2)).astype(np.float32)
    inside = tuple(slice(n) for n in mask.shape)

    def run(values: ComplexArray) -> ComplexArray:
        return fft.ifftn(fft.fftn(values, size, workers=2) * gain, workers=2)[inside]

    weight = np.maximum(run(mask.astype(np.complex64)).real, 0.1)
    flat = fields.reshape(*mask.shape, -1)
    out = np.zeros(flat.shape, np.complex64)
    for f in range(flat.shape[3]):
        out[..., f] = np.where(mask, run(flat[..., f] * mask) / weight, 0)
    return out.reshape(fields.shape)


def laplacian(fields: ComplexArray, spacing_m: FloatArray, axes: Sequence[int]) -> ComplexArray:
    """Return the Laplacian of fields (I, J, K, ...), per m2, over some of the array axes."""
    out = np.zeros_like(fields)
    for axis in axes:
        kernel = _SECOND / np.float32(spacing_m[axis] ** 2)
        out += ndimage.correlate1d(fields.real, kernel, axis, mode="nearest")
        out += 1j * ndimage.correlate1d(fields.imag, kernel, axis, mode="nearest")
    return out


def supported(mask: BoolArray, axes: Sequence[int]) -> BoolArray:
    """Return the voxels whose derivative stencil lies inside the mask and the field of view."""
    out = mask.copy()
    for axis in axes:
        line = np.ones([2 * REACH + 1 if a == axis else 1 for a in range(3)], bool)
        out &= ndimage.binary_erosion(mask, line, border_value=0)
    return out


def mdev(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    components: Components | None = None,
    cutoff_per_m: float = 100.0,
) -> Stiffness:
    """Invert one or several frequencies to one map of the complex shear modulus.

    |G*| = sum(rho omega^2 |q|) / sum(|Lap q|) over frequencies, where |.| is the norm over drivers
    and components of q, and loss angle = |arg(-sum(q conj(Lap q)))|. The medium is taken as locally
    homogeneous and isotropic. The power of noise in q and in its Laplacian is known from the
    frequency bins without motion and is taken off; left in, it would make |G*| too low.

    Parameters
    ----------
    fields
        One per frequency, on one grid.
    mask : (I, J, K) bool array
        Tissue.
    components
        q: ``curl`` of the displacement, free of compression and pressure, which needs three
        encoding directions and a 3-D Laplacian; or all ``gradient`` components. Default: the curl
        where possible.
    cutoff_per_m
        Butterworth low-pass, cycles per metre.

    Raises
    ------
    ComputationError
        No voxel has a complete stencil.

    Notes
    -----
    Hirsch et al., Magn Reson Med 71:267-277, 2014; curl: Sinkus et al., Magn Reson Med 53:372-387,
    2005. Departures from the published sums of magnitudes: norms over components (so that the
    result does not depend on the encoding axes), noise correction, and a loss angle from the
    coherent sum.
    """
    first = fields[0]
    axes = laplacian_axes(mask.shape, first.spacing_m)
    can_curl = len(axes) == 3 and all(f.components_in_world for f in fields)
    kind: Components = components or ("curl" if can_curl else "gradient")
    if kind == "curl" and not can_curl:
        raise ComputationError("the curl needs three encoding directions and a 3-D Laplacian")
    valid = supported(mask, axes)
    if not valid.any():
        raise ComputationError("no voxel has enough neighbours inside the mask for a derivative")
    amplitude, bending = np.zeros(mask.shape), np.zeros(mask.shape)
    cross = np.zeros(mask.shape, np.complex128)
    signal, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    for field in fields:
        run = partial(_powers, field, kind=kind, mask=mask, cutoff_per_m=cutoff_per_m, axes=axes)
        qq, ll, ql = run(field.gradient)
        bins = [run(field.noise[..., b]) for b in range(field.noise.shape[-1])]
        qq_0, ll_0, ql_0 = (
            _local_mean(np.mean(part, axis=0), mask) for part in zip(*bins, strict=True)
        )
        amplitude += field.inertia * np.sqrt(np.maximum(qq - qq_0, 0))
        bending += np.sqrt(np.maximum(ll - ll_0, 0))
        cross += field.inertia * (ql - ql_0)
        # Smoothed: picking single voxels by their own power would favour chance peaks.
        signal += _local_mean(ll, mask)
        noise += ll_0
    tiny = np.finfo(np.float32).tiny
    confidence = np.clip(1 - noise / np.maximum(signal, tiny), 0, 1)
    magnitude = amplitude / np.maximum(bending, tiny)
    # Where noise leaves no curvature the ratio says nothing.
    valid &= (confidence >= MIN_CONFIDENCE) & (magnitude > 0) & (magnitude < PLAUSIBLE_PA[1])
    angle = np.abs(np.angle(-cross))
    return Stiffness(
        np.where(valid, magnitude, 0).astype(np.float32),
        np.where(valid, angle, 0).astype(np.float32),
        np.where(valid, confidence, 0).astype(np.float32),
        valid,
        kind,
        len(axes),
    )


def _quantity(
    field: WaveField, gradient: ComplexArray, kind: Components, axes: Sequence[int]
) -> ComplexArray:
    """Return q (I, J, K, components, R)."""
    if kind == "curl":
        return field.curl(gradient)
    if len(axes) == 2:  # derivatives within the slice only
        turn = field.rotation[:, list(axes)]
        gradient = np.einsum("ab,ijkacr->ijkbcr", turn, gradient)
    return gradient.reshape(*gradient.shape[:3], -1, gradient.shape[5])


def _powers(
    field: WaveField,
    gradient: ComplexArray,
    *,
    kind: Components,
    mask: BoolArray,
    cutoff_per_m: float,
    axes: Sequence[int],
) -> tuple[FloatArray, FloatArray, ComplexArray]:
    """Return sums (I, J, K) over components and drivers: |q|^2, |Lap q|^2 and q conj(Lap q)."""
    q = low_pass(_quantity(field, gradient, kind, axes), mask, field.spacing_m, cutoff_per_m, axes)
    lap = laplacian(q, field.spacing_m, axes)
    return (
        (np.abs(q) ** 2).sum((3, 4)),
        (np.abs(lap) ** 2).sum((3, 4)),
        (q * lap.conj()).sum((3, 4)),
    )


def _local_mean(values: NDArray[Any], mask: BoolArray) -> NDArray[Any]:
    """Return the mean of values (I, J, K) around every voxel, within the mask."""
    if np.iscomplexobj(values):
        return _local_mean(values.real, mask) + 1j * _local_mean(values.imag, mask)
    weight = np.maximum(ndimage.gaussian_filter(mask.astype(float), 2.0), 1e-3)
    return ndimage.gaussian_filter(np.where(mask, values, 0).astype(float), 2.0) / weight
