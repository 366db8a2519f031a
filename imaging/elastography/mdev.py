"""Multifrequency dual elasto-visco inversion (MDEV) of harmonic wave fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.elastography.derivatives import local_mean, within
from imaging.elastography.helmholtz import HelmholtzSums
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.notes import MDEV_CITATIONS, mdev_warnings
from imaging.elastography.waves import WaveField
from imaging.stiffness import PLAUSIBLE_PA

#: Below this share of signal above noise a voxel holds no stiffness.
MIN_CONFIDENCE = 0.5
#: Sigma of the window in which powers are averaged before they are divided.
WINDOW_VOXELS = 1.0


def mdev(
    fields: Sequence[WaveField],
    mask: BoolArray,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    cutoff_per_m: float | None = None,
    sums: HelmholtzSums | None = None,
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
    cutoff_per_m
        Butterworth low-pass, cycles per metre. Default: where signal meets noise in the spectrum,
        per frequency.
    sums
        Of the same input, where another inversion has made them.

    Raises
    ------
    ComputationError
        No voxel has a complete stencil.

    Notes
    -----
    Hirsch et al., Magn Reson Med 71:267-277, 2014; curl: Sinkus et al., Magn Reson Med 53:372-387,
    2005. Departures from the published sums of magnitudes: norms over components (so that the
    result does not depend on the encoding axes) and over a small window, noise correction, and a
    loss angle from the coherent sum. What q is: :mod:`imaging.elastography.helmholtz`.
    """
    sums = sums or HelmholtzSums(fields, mask, labels, cutoff_per_m)
    valid = sums.valid.copy()
    amplitude, bending = np.zeros(mask.shape), np.zeros(mask.shape)
    cross = np.zeros(mask.shape, np.complex128)
    signal, noise = np.zeros(mask.shape), np.zeros(mask.shape)
    for one in sums.frequencies:
        qq, ll = (
            within(v, valid, labels, WINDOW_VOXELS) for v in (one.qq - one.qq_0, one.ll - one.ll_0)
        )
        amplitude += one.inertia * np.sqrt(np.maximum(qq, 0))
        bending += np.sqrt(np.maximum(ll, 0))
        cross += one.inertia * within(one.ql - one.ql_0, valid, labels, WINDOW_VOXELS)
        # Smoothed: picking single voxels by their own power would favour chance peaks.
        signal += local_mean(ll + one.ll_0, valid)
        noise += one.ll_0
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
    drivers = fields[0].displacement.shape[4]
    return Inversion(
        "mdev",
        f"MDEV on the {sums.kind}, {sums.slab.text}, Butterworth low-pass {sums.cutoff_text}, "
        "isotropic",
        maps, valid,
        warnings=mdev_warnings(confidence[valid], len(sums.slab.derived), drivers),
        citations=MDEV_CITATIONS, facts=sums.facts,
    )  # fmt: skip


def _inside(values: FloatArray, valid: BoolArray) -> FloatArray:
    return np.where(valid, values, 0).astype(np.float32)
