"""Slices that lost signal because the leg moved while diffusion was being encoded.

Averaged over the voxels of a slice, the logarithm of the signal follows the log-linear tensor
model exactly, whichever way the fibres run: one short fit per slice finds the volumes that do not
follow it. Each slice stands alone, so that interleaved and multiband orders need no care. The
scale of the misfit comes from all slices (Andersson JLR, et al. Incorporating outlier detection
and replacement into a non-parametric framework for movement and distortion correction of
diffusion MR images. NeuroImage 2016;141:556).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.tensor import design_matrix

_MIN_VOXELS = 40  # of the mask in a slice
_FLOOR = 0.02  # smallest signal taken as such, share of the leg's
_DOUBT, _REJECT = 4.0, 6.0  # standard deviations: weight 1 below, 0 above
_MIN_SPREAD = 0.007  # in log signal: losses of 3 % do no harm
_MIN_SPREAD_LOCAL = 0.03  # the same against neighbouring slices: losses of 15 %
_NEIGHBOURS = 11  # slices
_MAX_SHARE = 0.4  # of the volumes of a slice
_MAX_LEVERAGE = 0.95


@dataclass(frozen=True)
class Outliers:
    """Verdict on every slice of every volume.

    Attributes
    ----------
    weights : (N, K) array
        Trust, 0..1.
    z : (N, K) array
        Misfit of the slice's mean log signal in standard deviations, negative for lost signal;
        0 where it cannot be judged.
    """

    weights: FloatArray
    z: FloatArray

    @property
    def found(self) -> NDArray[np.intp]:
        """Volume and slice (M, 2) of those with less than half the trust."""
        return np.argwhere(self.weights < 0.5)

    @property
    def share(self) -> float:
        """Share of the judged slices of all volumes that are outliers."""
        judged = int((self.z != 0).sum())
        return len(self.found) / judged if judged else 0.0

    @property
    def volumes(self) -> NDArray[np.intp]:
        """Volumes of which most judged slices are outliers."""
        judged = (self.z != 0).sum(1)
        bad = (self.weights < 0.5).sum(1)
        return np.flatnonzero((judged > 0) & (bad > 0.5 * judged))


def find_outliers(
    data: FloatArray, table: GradientTable, mask: NDArray[np.bool_], slice_axis: int
) -> Outliers:
    """Judge every slice of every volume.

    Parameters
    ----------
    data : (I, J, K, N) array
        Magnitude.
    table : GradientTable
    mask : (I, J, K) bool array
        Legs.
    slice_axis
        Voxel axis across the slices.
    """
    log = _slice_means(data, mask, slice_axis)
    design = design_matrix(table)
    design = design / np.abs(design).max(0)
    # Losses in single slices first: they bend the fit of a slice so that others hide behind them.
    local = _local_misfits(log)
    keep = np.isfinite(log) & (np.abs(local) < _REJECT)
    keep = _without_bad_volumes(log, design, keep)
    z: FloatArray = np.zeros(log.shape)
    for _ in range(int(_MAX_SHARE * len(log))):
        z = _misfits(log, design, keep)
        worst = np.abs(np.where(keep, z, 0)).argmax(0), np.arange(log.shape[1])
        wrong = (np.abs(z[worst]) > _REJECT) & (keep.sum(0) > design.shape[1] + 1)
        if not wrong.any():
            break
        # One volume at a time: the worst misfit bends the fit of the others.
        keep[worst[0][wrong], worst[1][wrong]] = False
    z = np.where(np.abs(local) > np.abs(z), local, z)
    return Outliers(np.clip((_REJECT - np.abs(z)) / (_REJECT - _DOUBT), 0, 1), z)


def replaced(
    data: FloatArray,
    table: GradientTable,
    mask: NDArray[np.bool_],
    outliers: Outliers,
    slice_axis: int,
) -> FloatArray:
    """Put what the other volumes predict into outlier slices.

    They keep a weight of 0 in the tensor fit; this keeps them from spreading to their neighbours
    when volumes are smoothed or resampled.

    Returns
    -------
    (I, J, K, N) float32 array
    """
    out = np.moveaxis(data.astype(np.float32), slice_axis, 0)
    rows = np.moveaxis(mask, slice_axis, 0)
    design = design_matrix(table)
    design = design / np.abs(design).max(0)
    for k in np.unique(outliers.found[:, 1]):
        trust = outliers.weights[:, k]
        signal = out[k][rows[k]]
        root = np.sqrt(trust)
        projection = design @ np.linalg.pinv(design * root[:, None]) * root
        predicted = np.exp(_log(signal, _floor(data, mask)) @ projection.T)
        predicted = np.minimum(predicted, 2 * signal.max(1, keepdims=True))
        signal = np.where(trust < 0.5, predicted, signal)
        out[k][rows[k]] = signal
    return np.ascontiguousarray(np.moveaxis(out, 0, slice_axis))


def _slice_means(data: FloatArray, mask: NDArray[np.bool_], slice_axis: int) -> FloatArray:
    """Return the mean log signal (N, K), brighter voxels counting more; NaN in small slices."""
    slices, rows = np.moveaxis(data, slice_axis, 0), np.moveaxis(mask, slice_axis, 0)
    floor = _floor(data, mask)
    out = np.full((data.shape[3], len(slices)), np.nan)
    for k, (values, inside) in enumerate(zip(slices, rows, strict=True)):
        if inside.sum() >= _MIN_VOXELS:
            signal = values[inside]
            out[:, k] = np.average(
                _log(signal, floor), axis=0, weights=np.square(np.median(signal, axis=1)) + floor**2
            )
    return out


def _floor(data: FloatArray, mask: NDArray[np.bool_]) -> float:
    """Return the smallest signal taken as such."""
    return _FLOOR * float(np.median(data[mask])) + 1e-12


def _log(signal: FloatArray, floor: float) -> FloatArray:
    return np.log(np.maximum(signal, floor))


def _local_misfits(log: FloatArray) -> FloatArray:
    """Return log signals (N, K) against their slice and their volume nearby, in deviations.

    Motion, stretch and anatomy change neighbouring slices alike, so that this is sharper than the
    fit; but a loss in many slices of a volume stays hidden here.
    """
    usable = np.isfinite(log)
    rest = np.where(usable, log, 0)
    for _ in range(3):
        rest = rest - np.median(rest, axis=0)
        rest = rest - ndimage.median_filter(rest, size=(1, _NEIGHBOURS), mode="mirror")
    spread = 1.4826 * np.median(np.abs(rest), axis=0)
    return np.where(usable, rest / np.maximum(spread, _MIN_SPREAD_LOCAL), 0.0)


def _without_bad_volumes(
    log: FloatArray, design: FloatArray, keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Take out volumes that most slices of the others contradict, the worst first."""
    leverage = np.einsum("vp,pv->v", design, np.linalg.pinv(design))
    for _ in range(int(_MAX_SHARE * len(log))):
        scores = np.zeros(len(log))
        for v in np.flatnonzero(keep.any(1) & (leverage < _MAX_LEVERAGE)):
            without = keep.copy()
            without[v] = False
            z = _misfits(log, design, without)[v]
            scores[v] = np.abs(np.median(z[z != 0])) if z.any() else 0.0
        worst = int(scores.argmax())
        if scores[worst] < _REJECT or keep.any(1).sum() <= design.shape[1] + 1:
            break
        keep = keep.copy()
        keep[worst] = False
    return keep


def _misfits(log: FloatArray, design: FloatArray, keep: NDArray[np.bool_]) -> FloatArray:
    """Return misfits (N, K) to the fit of the other kept volumes, in standard deviations.

    0 where a slice is too small, or where nothing else tells what the volume should be.
    """
    usable = np.isfinite(log)
    values = np.where(usable, log, 0)
    normal = np.einsum("vk,vp,vq->kpq", keep.astype(float), design, design)
    inverse = np.linalg.pinv(normal, hermitian=True)
    beta = np.einsum("kpq,vq,vk->kp", inverse, design, np.where(keep, values, 0))
    leverage = np.einsum("vp,kpq,vq->vk", design, inverse, design)
    residual = values - design @ beta.T
    free = np.maximum(1 - leverage, 1 - _MAX_LEVERAGE)
    # Misfit over its own spread: a kept volume is compared with the fit without it.
    scaled = np.where(keep, residual / np.sqrt(free), residual / np.sqrt(1 + leverage))
    judged = usable & (~keep | (leverage < _MAX_LEVERAGE))
    spread = _robust_sd(scaled[judged & keep])
    return np.where(judged, scaled / max(spread, _MIN_SPREAD), 0.0)


def _robust_sd(values: FloatArray) -> float:
    return 1.4826 * float(np.median(np.abs(values))) if values.size else 0.0
