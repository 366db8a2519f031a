"""Multifrequency dual elasto-visco inversion (MDEV) of harmonic wave fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import (
    cutoff,
    laplacian,
    laplacian_axes,
    local_mean,
    low_pass,
    supported,
    within,
)
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.notes import MDEV_CITATIONS, mdev_warnings
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA

Components = Literal["curl", "gradient"]

#: Below this share of signal above noise a voxel holds no stiffness.
MIN_CONFIDENCE = 0.5
#: Sigma of the window in which powers are averaged before they are divided.
WINDOW_VOXELS = 1.0


def mdev(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    components: Components | None = None,
    cutoff_per_m: float | None = None,
) -> Inversion:
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
    labels : (I, J, K) int array, optional
        Neither stencils nor the window cross their borders.
    components
        q: ``curl`` of the displacement, free of compression and pressure, which needs three
        encoding directions and a 3-D Laplacian; or all ``gradient`` components. Default: the curl
        where possible.
    cutoff_per_m
        Butterworth low-pass, cycles per metre. Default: where signal meets noise in the spectrum,
        per frequency.

    Raises
    ------
    ComputationError
        No voxel has a complete stencil.

    Notes
    -----
    Hirsch et al., Magn Reson Med 71:267-277, 2014; curl: Sinkus et al., Magn Reson Med 53:372-387,
    2005. Departures from the published sums of magnitudes: norms over components (so that the
    result does not depend on the encoding axes) and over a small window, noise correction, and a
    loss angle from the coherent sum.
    """
    first = fields[0]
    axes = laplacian_axes(mask.shape, first.spacing_m)
    can_curl = len(axes) == 3 and all(f.components_in_world for f in fields)
    kind: Components = components or ("curl" if can_curl else "gradient")
    if kind == "curl" and not can_curl:
        raise ComputationError("the curl needs three encoding directions and a 3-D Laplacian")
    valid = supported(mask, axes, labels)
    if not valid.any():
        raise ComputationError("no voxel has enough neighbours inside the mask for a derivative")
    amplitude, bending = np.zeros(mask.shape), np.zeros(mask.shape)
    cross = np.zeros(mask.shape, np.complex128)
    signal, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    used = []
    for field in fields:
        q = _quantity(field, field.gradient, kind, axes)
        still = [_quantity(field, gradient, kind, axes) for gradient in field.still_gradients]
        limit = cutoff_per_m or cutoff(q, still[0], mask, field.spacing_m, axes)
        used.append(round(limit, 1))
        run = partial(_powers, field, mask=mask, cutoff_per_m=limit, axes=axes)
        qq, ll, ql = run(q)
        qq_0, ll_0, ql_0 = (
            local_mean(np.mean(part, axis=0), mask) for part in zip(*map(run, still), strict=True)
        )
        qq, ll = (within(v, valid, labels, WINDOW_VOXELS) for v in (qq - qq_0, ll - ll_0))
        amplitude += field.inertia * np.sqrt(np.maximum(qq, 0))
        bending += np.sqrt(np.maximum(ll, 0))
        cross += field.inertia * within(ql - ql_0, valid, labels, WINDOW_VOXELS)
        # Smoothed: picking single voxels by their own power would favour chance peaks.
        signal += local_mean(ll + ll_0, valid)
        noise += ll_0
    tiny = np.finfo(np.float32).tiny
    confidence = np.clip(1 - noise / np.maximum(signal, tiny), 0, 1)
    magnitude = amplitude / np.maximum(bending, tiny)
    # Where noise leaves no curvature the ratio says nothing.
    valid &= (confidence >= MIN_CONFIDENCE) & (magnitude > 0) & (magnitude < PLAUSIBLE_PA[1])
    angle = np.abs(np.angle(-cross))
    maps = {
        "stiffness": QuantityMap(_inside(magnitude, valid), "Pa", "magnitude"),
        "lossangle": QuantityMap(_inside(angle, valid), "rad", "loss_angle"),
        "confidence": QuantityMap(_inside(confidence, valid), "1", "confidence"),
    }
    facts = {"components": kind, "laplacian": len(axes), "cutoff_per_m": used}
    return Inversion(
        "mdev", _text(kind, len(axes), used), maps, valid,
        warnings=mdev_warnings(confidence[valid], len(axes), first.gradient.shape[5]),
        citations=MDEV_CITATIONS, facts=facts,
    )  # fmt: skip


def _inside(values: FloatArray, valid: BoolArray) -> FloatArray:
    return np.where(valid, values, 0).astype(np.float32)


def _text(kind: Components, dimensions: int, used: Sequence[float]) -> str:
    """Name the method with its choices."""
    laplacian = (
        "3-D Laplacian"
        if dimensions == 3
        else "2-D Laplacian within slices (too few or too thick slices for a third derivative)"
    )
    return (
        f"MDEV on the {kind} of the displacement, {laplacian}, Butterworth low-pass "
        f"{' and '.join(f'{c:.0f}' for c in used)} /m, isotropic"
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
    q: ComplexArray,
    *,
    mask: BoolArray,
    cutoff_per_m: float,
    axes: Sequence[int],
) -> tuple[FloatArray, FloatArray, ComplexArray]:
    """Return sums (I, J, K) over components and drivers: |q|^2, |Lap q|^2 and q conj(Lap q)."""
    q = low_pass(q, mask, field.spacing_m, cutoff_per_m, axes)
    lap = laplacian(q, field.spacing_m, axes)
    return (
        (np.abs(q) ** 2).sum((3, 4)),
        (np.abs(lap) ** 2).sum((3, 4)),
        (q * lap.conj()).sum((3, 4)),
    )
