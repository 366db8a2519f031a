"""Least-squares Helmholtz inversion of the curl of the displacement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.derivatives import local_mean, within
from imaging.elastography.helmholtz import HelmholtzSums
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.mdev import MIN_CONFIDENCE
from imaging.elastography.notes import CURL_CITATIONS, backwards_warning
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.stiffness import PLAUSIBLE_PA

# Noise alone makes G'' negative in half of the voxels.
_MOSTLY = 0.75


def curl_helmholtz(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    window_voxels: float = 1.0,
    cutoff_per_m: float | None = None,
    sums: HelmholtzSums | None = None,
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
    cutoff_per_m, sums
        As in :func:`imaging.elastography.mdev.mdev`.

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
    sums = sums or HelmholtzSums(fields, mask, labels, cutoff_per_m)
    valid = sums.valid.copy()
    top = np.zeros(mask.shape, np.complex128)
    bottom, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    for one in sums.frequencies:
        top -= one.inertia * (one.ql - one.ql_0)
        bottom += one.ll - one.ll_0
        noise += one.ll_0
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
        f"least squares on the Helmholtz equation of the {sums.kind}, {sums.slab.text}, "
        f"Butterworth low-pass {sums.cutoff_text}, isotropic",
        {
            "storage": QuantityMap(kept(modulus.real), "Pa", "storage_modulus"),
            "loss": QuantityMap(kept(modulus.imag), "Pa", "loss_modulus"),
            "confidence": QuantityMap(kept(confidence), "1", "confidence"),
        },
        valid,
        warnings=(backwards_warning(negative),) if negative > _MOSTLY else (),
        citations=CURL_CITATIONS,
        facts=sums.facts,
    )
