"""Single outlying samples are found and left out of the weighted fit, in compiled loops.

Collier Q, et al. Iterative reweighted linear least squares for accurate, fast, and robust
estimation of diffusion magnetic resonance parameters. Magn Reson Med 2015;73:2174.
"""

from __future__ import annotations

import numba
import numpy as np

from imaging.diffusion.wls import (
    PARAMETERS,
    distances,
    factor,
    leverages,
    predict,
    prepare,
    reweighted,
    solve,
    weigh,
)

_OUTLIER = 3.0  # standard deviations
_ROBUST_ROUNDS = 8
_SPARE = 2  # samples kept beyond as many as there are parameters
_SETTLED = 0.05  # standard deviations by which predictions still change
_LEAST_NOISE = 1e-3  # share of the largest signal


@numba.njit(cache=True, nogil=True)
def _leave_out(far, limit, used, count):  # type: ignore[no-untyped-def]
    """Take the trust from outliers, the worst first, while enough samples stay; return how many."""
    left = 0
    while count - left > PARAMETERS + _SPARE:
        worst = np.argmax(far)
        if far[worst] <= limit:
            break
        used[worst] = 0.0
        far[worst] = 0.0
        left += 1
    return left


@numba.njit(cache=True, nogil=True)
def reject_outliers(signal, trust, model, sigma, worst, beta, rejected):  # type: ignore[no-untyped-def]
    """Fit voxels with outlying samples again without these.

    Geman-McClure weights find a fit that outliers do not draw; samples that lie far from it are
    left out of a last weighted fit.

    Parameters
    ----------
    signal, trust, model
        As in :func:`imaging.diffusion.wls.fit_voxels`.
    sigma : (V,) array
        Standard deviation of noise, in units of the signal.
    worst : (V,) array
        Of :func:`imaging.diffusion.wls.fit_voxels`.
    beta : (V, 7) array
        Of :func:`imaging.diffusion.wls.fit_voxels`; written where samples were left out.
    rejected : (V,) float array
        Written: how many samples were left out.
    """
    outer, across = model[1], model[2]
    samples = len(outer)
    relative, logs, used = np.empty(samples), np.empty(samples), np.empty(samples)
    weights, predicted, far = np.empty(samples), np.empty(samples), np.empty(samples)
    trial, leverage = np.empty(PARAMETERS), np.empty(samples)
    normal = np.empty(outer.shape[1])
    lower, inverse = np.zeros((2, PARAMETERS, PARAMETERS))
    for v in range(len(signal)):
        if not worst[v] > _OUTLIER * sigma[v]:
            continue
        largest, count = prepare(signal[v], trust[v], relative, logs, used)
        noise = max(sigma[v] / largest, _LEAST_NOISE)
        trial[:] = beta[v]
        predict(across, trial, predicted)
        for _ in range(_ROBUST_ROUNDS):
            weigh(used, predicted, weights)
            for n in range(samples):
                weights[n] /= (1.0 + ((relative[n] - predicted[n]) / noise) ** 2) ** 2
            if not solve(model, weights, logs, normal, lower, trial):
                break
            far[:] = predicted
            predict(across, trial, predicted)
            if np.abs(predicted - far).max() < _SETTLED * noise:
                break
        weigh(used, predicted, weights)
        if not factor(outer, weights, normal, lower):
            continue
        leverages(model[3], weights, lower, inverse, leverage)
        distances(relative, used, predicted, leverage, 1.0, far)
        left = _leave_out(far, _OUTLIER * noise, used, count)
        if left and reweighted(model, logs, used, weights, normal, lower, trial, predicted):
            beta[v] = trial
            rejected[v] = left
