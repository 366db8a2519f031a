"""Weighted linear least squares of the log signal, voxel by voxel, in compiled loops.

Every voxel is worked on by one thread and from its own samples alone, so that results do not
depend on how many threads there are.

Collier Q, et al. Iterative reweighted linear least squares for accurate, fast, and robust
estimation of diffusion magnetic resonance parameters. Magn Reson Med 2015;73:2174.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

PARAMETERS = 7
REWEIGHTINGS = 2  # with the signals that the model predicts, after a fit with those measured
_FLOOR = 1e-3  # smallest signal taken as such, share of the voxel's largest
_LEAST_PIVOT = 1e-6  # what a parameter tells beyond the others, below which they are not apart
_CHUNK = 4096
_OUTLIER = 3.0  # standard deviations
_ROBUST_ROUNDS = 8
_SPARE = 2  # samples kept beyond as many as there are parameters
_LEAST_FREEDOM = 0.05  # 1 - leverage of a sample that the others can still judge
_NORMAL_MAD = 1.4826


def threads() -> int:
    """Return how many threads may be used: those allowed by OMP_NUM_THREADS and the system."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    available = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    return min(int(allowed), available) if allowed.isdigit() and int(allowed) else available


def over_voxels(work: Callable[[slice], None], count: int) -> None:
    """Call `work` with slices that cover `count` voxels; compiled loops run side by side."""
    parts = [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
    if threads() == 1 or len(parts) < 2:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(work, parts))


@numba.njit(cache=True, nogil=True)
def _factor(design, weights, lower):  # type: ignore[no-untyped-def]
    """Write the Cholesky factor of X' W X; tell whether the parameters can be told apart."""
    lower[:] = 0.0
    for n in range(len(design)):
        w = weights[n]
        if w == 0.0:
            continue
        for j in range(PARAMETERS):
            wx = w * design[n, j]
            for k in range(j + 1):
                lower[j, k] += wx * design[n, k]
    for j in range(PARAMETERS):
        whole = lower[j, j]
        pivot = whole
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        if not pivot > _LEAST_PIVOT * whole:
            return False
        root = np.sqrt(pivot)
        lower[j, j] = root
        for i in range(j + 1, PARAMETERS):
            rest = lower[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            lower[i, j] = rest / root
    return True


@numba.njit(cache=True, nogil=True)
def _solve(design, weights, logs, lower, beta):  # type: ignore[no-untyped-def]
    """Write the weighted least squares solution; tell whether there is one."""
    if not _factor(design, weights, lower):
        return False
    beta[:] = 0.0
    for n in range(len(design)):
        wy = weights[n] * logs[n]
        for j in range(PARAMETERS):
            beta[j] += wy * design[n, j]
    for j in range(PARAMETERS):
        for k in range(j):
            beta[j] -= lower[j, k] * beta[k]
        beta[j] /= lower[j, j]
    for j in range(PARAMETERS - 1, -1, -1):
        for k in range(j + 1, PARAMETERS):
            beta[j] -= lower[k, j] * beta[k]
        beta[j] /= lower[j, j]
    return True


@numba.njit(cache=True, nogil=True)
def _predict(design, beta, predicted):  # type: ignore[no-untyped-def]
    """Write the predicted signals, in units of the voxel's largest."""
    for n in range(len(design)):
        log = 0.0
        for j in range(PARAMETERS):
            log += design[n, j] * beta[j]
        predicted[n] = np.exp(min(max(log, -6.0), 1.0))


@numba.njit(cache=True, nogil=True)
def _leverage(row, weight, lower, work):  # type: ignore[no-untyped-def]
    """Return w x' (X' W X)^-1 x of one sample, 0..1 when it is among those fitted."""
    total = 0.0
    for j in range(PARAMETERS):
        work[j] = row[j]
        for k in range(j):
            work[j] -= lower[j, k] * work[k]
        work[j] /= lower[j, j]
        total += work[j] * work[j]
    return weight * total


@numba.njit(cache=True, nogil=True)
def _prepare(signal, trust, relative, logs, used):  # type: ignore[no-untyped-def]
    """Write signals relative to the largest, their logarithms and trust; return largest, count."""
    largest = 0.0
    for n in range(len(signal)):
        largest = max(largest, signal[n])
    count = 0
    for n in range(len(signal)):
        used[n] = trust[n] if len(trust) else 1.0
        if not signal[n] > _FLOOR * largest:
            used[n] = 0.0
        relative[n] = signal[n] / largest if used[n] > 0 else 0.0
        logs[n] = np.log(relative[n]) if used[n] > 0 else 0.0
        count += used[n] > 0
    return largest, count


@numba.njit(cache=True, nogil=True)
def _reweighted(design, logs, used, weights, lower, beta, predicted):  # type: ignore[no-untyped-def]
    """Fit, weighing by the signals predicted; `predicted` starts as those measured."""
    for turn in range(1 + REWEIGHTINGS):
        for n in range(len(design)):
            weights[n] = used[n] * predicted[n] * predicted[n]
        if not _solve(design, weights, logs, lower, beta):
            return False
        if turn < REWEIGHTINGS:
            _predict(design, beta, predicted)
    return True


@numba.njit(cache=True, nogil=True)
def fit_voxels(signal, trust, design, beta, spread):  # type: ignore[no-untyped-def]
    """Fit every voxel.

    Parameters
    ----------
    signal : (V, N) float32 array
    trust : (V, N) or (V, 0) float32 array
        0..1, 0: left out; none: all 1.
    design : (N, 7) array
        Columns of similar size, the first 1.
    beta : (V, 7) array
        Written; log signal in units of the voxel's largest. NaN where it cannot be fitted.
    spread : (V,) or (0,) array
        Written unless empty: robust standard deviation of the residuals, in units of the signal.
    """
    samples = len(design)
    relative, logs, used = np.empty(samples), np.empty(samples), np.empty(samples)
    weights, predicted, work = np.empty(samples), np.empty(samples), np.empty(PARAMETERS)
    lower = np.empty((PARAMETERS, PARAMETERS))
    for v in range(len(signal)):
        largest, count = _prepare(signal[v], trust[v], relative, logs, used)
        predicted[:] = relative
        if count < PARAMETERS or not _reweighted(
            design, logs, used, weights, lower, beta[v], predicted
        ):
            beta[v] = np.nan
            continue
        if not len(spread):
            continue
        _predict(design, beta[v], predicted)
        kept = 0
        for n in range(samples):
            free = 1.0 - _leverage(design[n], weights[n], lower, work)
            if used[n] > 0 and free > _LEAST_FREEDOM:
                logs[kept] = abs(relative[n] - predicted[n]) / np.sqrt(free)
                kept += 1
        spread[v] = _NORMAL_MAD * largest * np.median(logs[:kept]) if kept else np.nan


@numba.njit(cache=True, nogil=True)
def reject_outliers(signal, trust, design, sigma, beta, rejected):  # type: ignore[no-untyped-def]
    """Fit voxels with outlying samples again without these.

    Geman-McClure weights find a fit that outliers do not draw; samples that lie far from it are
    left out of a last weighted fit.

    Parameters
    ----------
    signal, trust, design
        As in :func:`fit_voxels`.
    sigma : (V,) array
        Standard deviation of noise, in units of the signal.
    beta : (V, 7) array
        Of :func:`fit_voxels`; written where samples were left out.
    rejected : (V,) integer array
        Written: how many samples were left out.
    """
    samples = len(design)
    relative, logs, used = np.empty(samples), np.empty(samples), np.empty(samples)
    weights, predicted, far = np.empty(samples), np.empty(samples), np.empty(samples)
    trial, work = np.empty(PARAMETERS), np.empty(PARAMETERS)
    lower = np.empty((PARAMETERS, PARAMETERS))
    for v in range(len(signal)):
        if np.isnan(beta[v, 0]):
            continue
        largest, count = _prepare(signal[v], trust[v], relative, logs, used)
        noise = max(sigma[v] / largest, _FLOOR)
        trial[:] = beta[v]
        _predict(design, trial, predicted)
        _weigh(used, predicted, weights)
        if not _factor(design, weights, lower):
            continue
        if not _distances(
            design, relative, used, predicted, weights, lower, noise, -1.0, work, far
        ):
            continue
        for _ in range(_ROBUST_ROUNDS):
            for n in range(samples):
                t = (relative[n] - predicted[n]) / noise
                weights[n] = used[n] * predicted[n] * predicted[n] / (1.0 + t * t) ** 2
            if not _solve(design, weights, logs, lower, trial):
                break
            _predict(design, trial, predicted)
        _weigh(used, predicted, weights)
        _distances(design, relative, used, predicted, weights, lower, noise, 1.0, work, far)
        left = _leave_out(far, used, count)
        if left and _reweighted(design, logs, used, weights, lower, trial, predicted):
            beta[v] = trial
            rejected[v] = left


@numba.njit(cache=True, nogil=True)
def _weigh(used, predicted, weights):  # type: ignore[no-untyped-def]
    for n in range(len(used)):
        weights[n] = used[n] * predicted[n] * predicted[n]


@numba.njit(cache=True, nogil=True)
def _distances(design, relative, used, predicted, weights, lower, noise, sign, work, far):  # type: ignore[no-untyped-def]
    """Write residuals in standard deviations; tell whether any is outlying.

    `sign` is -1 for samples that took part in the fit (residuals shrink with leverage) and 1 for
    those to be judged by the others (the prediction's own error adds).
    """
    any_far = False
    for n in range(len(design)):
        far[n] = 0.0
        share = 1.0 + sign * min(_leverage(design[n], weights[n], lower, work), 1.0)
        if used[n] > 0 and share > _LEAST_FREEDOM:
            far[n] = abs(relative[n] - predicted[n]) / (noise * np.sqrt(share))
            any_far = any_far or far[n] > _OUTLIER
    return any_far


@numba.njit(cache=True, nogil=True)
def _leave_out(far, used, count):  # type: ignore[no-untyped-def]
    """Take the trust from outliers, the worst first, while enough samples stay; return how many."""
    left = 0
    while count - left > PARAMETERS + _SPARE:
        worst = np.argmax(far)
        if far[worst] <= _OUTLIER:
            break
        used[worst] = 0.0
        far[worst] = 0.0
        left += 1
    return left
