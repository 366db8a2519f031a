"""Least-squares Helmholtz inversion of the curl of the displacement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import (
    cutoff,
    laplacian,
    local_mean,
    low_pass,
    supported,
    within,
)
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import MIN_CONFIDENCE
from imaging.elastography.notes import CURL_CITATIONS, backwards_warning
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA

_AXES = (0, 1, 2)
# Noise alone makes G'' negative in half of the voxels.
_MOSTLY = 0.75


def curl_helmholtz(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    window_voxels: float = 1.0,
) -> Inversion:
    """Return storage and loss modulus that fit G Lap q = -rho omega^2 q, with q the curl.

    G = sum(conj(Lap q) (-rho omega^2 q)) / sum(|Lap q|^2) over components, drivers, frequencies
    and a small window; from both sums is taken what noise adds to them, which is known from the
    frequency bins without motion. The medium is taken as locally homogeneous and isotropic.

    Parameters
    ----------
    fields
        One per frequency, on one grid, with three independent encoding directions.
    mask : (I, J, K) bool array
        Tissue.
    labels : (I, J, K) int array, optional
        Neither stencils nor the window cross their borders.
    window_voxels
        Sigma of the window.

    Raises
    ------
    ComputationError
        Fewer than three directions, or no voxel has a complete stencil.

    Notes
    -----
    Sinkus et al., Magn Reson Imaging 23:159-165, 2005.
    """
    if not all(f.components_in_world for f in fields):
        raise ComputationError("the curl needs three encoding directions")
    valid = supported(mask, _AXES, labels)
    if not valid.any():
        raise ComputationError("no voxel has enough neighbours inside the mask for a derivative")
    top = np.zeros(mask.shape, np.complex128)
    bottom, noise, used = np.zeros(mask.shape), np.zeros(mask.shape), []
    for field in fields:
        q = field.curl(field.gradient)
        still = [field.curl(gradient) for gradient in field.still_gradients]
        limit = cutoff(q, still[0], mask, field.spacing_m, _AXES)
        used.append(round(limit, 1))
        cross, power = _sums(field, q, mask, limit)
        made = [_sums(field, s, mask, limit) for s in still]
        cross_0, power_0 = (
            local_mean(np.mean(part, axis=0), mask) for part in zip(*made, strict=True)
        )
        top -= field.inertia * (cross - cross_0)
        bottom += power - power_0
        noise += power_0
    top, bottom = (within(v, valid, labels, window_voxels) for v in (top, bottom))
    total = local_mean(bottom + noise, valid)
    tiny = np.finfo(np.float32).tiny
    confidence = np.clip(1 - local_mean(noise, valid) / np.maximum(total, tiny), 0, 1)
    modulus = top / np.maximum(bottom, tiny)
    plausible = (modulus.real > 0) & (np.abs(modulus) < PLAUSIBLE_PA[1])
    valid &= (confidence >= MIN_CONFIDENCE) & plausible

    def kept(values: FloatArray) -> FloatArray:
        return np.where(valid, values, 0).astype(np.float32)

    negative = float((modulus.imag[valid] < 0).mean()) if valid.any() else 0.0
    return Inversion(
        "curl",
        "least squares on the Helmholtz equation of the curl, 3-D Laplacian, Butterworth low-pass "
        f"{' and '.join(f'{c:.0f}' for c in used)} /m, isotropic",
        {
            "storage": QuantityMap(kept(modulus.real), "Pa", "storage_modulus"),
            "loss": QuantityMap(kept(modulus.imag), "Pa", "loss_modulus"),
            "confidence": QuantityMap(kept(confidence), "1", "confidence"),
        },
        valid,
        warnings=(backwards_warning(negative),) if negative > _MOSTLY else (),
        citations=CURL_CITATIONS,
        facts={"cutoff_per_m": used},
    )


def _sums(
    field: WaveField, q: ComplexArray, mask: BoolArray, limit: float
) -> tuple[ComplexArray, FloatArray]:
    """Return sums (I, J, K) over components and drivers: q conj(Lap q) and |Lap q|^2."""
    smooth = low_pass(q, mask, field.spacing_m, limit, _AXES)
    lap = laplacian(smooth, field.spacing_m, _AXES)
    return (smooth * lap.conj()).sum((3, 4)), (np.abs(lap) ** 2).sum((3, 4))
