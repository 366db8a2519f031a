"""Single outlying samples are found and left out of the weighted fit, in compiled loops.

Collier Q, et al. Iterative reweighted linear least squares for accurate, fast, and robust
estimation of diffusion magnetic resonance parameters. Magn Reson Med 2015;73:2174.
"""

from __future__ import annotations

import numpy as np

from imaging.diffusion.lanes import (
    LANES,
    PARAMETERS,
    distances,
    factor,
    lanewise,
    leverages,
    load,
    new_block,
    predict,
    solve,
    weigh,
)
from imaging.diffusion.wls import reweighted

_OUTLIER = 3.0  # standard deviations
_ROBUST_ROUNDS = 8
_SPARE = 2  # samples kept beyond as many as there are parameters
_SETTLED = 0.05  # standard deviations by which predictions still change
_LEAST_NOISE = 1e-3  # share of the largest signal


@lanewise
def _leave_out(limit, x, b):  # type: ignore[no-untyped-def]
    """Take the trust from outliers of a lane, the worst first, while enough samples stay.

    Return how many.
    """
    left = 0
    while b.usable[x] - left > PARAMETERS + _SPARE:
        worst = 0
        for n in range(len(b.far)):
            if b.far[n, x] > b.far[worst, x]:
                worst = n
        if b.far[worst, x] <= limit:
            break
        b.used[worst, x] = 0.0
        b.far[worst, x] = 0.0
        left += 1
    return left


@lanewise
def _settle(model, noise, b):  # type: ignore[no-untyped-def]
    """Move predictions to a fit that outliers do not draw; `predicted` starts as the plain fit's.

    A lane that has settled, or cannot be fitted any more, stays as it is.
    """
    moving, change = np.ones(LANES), np.empty(LANES)
    for _ in range(_ROBUST_ROUNDS):
        weigh(b)
        for n in range(len(b.weights)):
            for x in range(LANES):
                ratio = (b.relative[n, x] - b.predicted[n, x]) / noise[x]
                tail = 1.0 + ratio * ratio
                b.weights[n, x] /= tail * tail
        b.solved[:] = 1.0
        solve(model, b)
        predict(model[0], b.beta, b.far)
        change[:] = 0.0
        for x in range(LANES):
            moving[x] *= b.solved[x]
        for n in range(len(b.far)):
            for x in range(LANES):
                new = b.far[n, x] if moving[x] > 0 else b.predicted[n, x]
                change[x] = max(change[x], abs(new - b.predicted[n, x]))
                b.predicted[n, x] = new
        still = 0.0
        for x in range(LANES):
            moving[x] = 0.0 if change[x] < _SETTLED * noise[x] else moving[x]
            still += moving[x]
        if still == 0:
            break


@lanewise
def reject_outliers(signal, voxels, trust, model, sigma, worst, beta, rejected):  # type: ignore[no-untyped-def]
    """Fit voxels with outlying samples again without these.

    Geman-McClure weights find a fit that outliers do not draw; samples that lie far from it are
    left out of a last weighted fit.

    Parameters
    ----------
    signal, voxels, trust, model
        As in :func:`imaging.diffusion.wls.fit_voxels`.
    sigma : (V,) array
        Standard deviation of noise, in units of the signal.
    worst : (V,) array
        Of :func:`imaging.diffusion.wls.fit_voxels`.
    beta : (V, 7) array
        Of :func:`imaging.diffusion.wls.fit_voxels`; written where samples were left out.
    rejected : (G,) float32 array
        Written where samples were left out: which share.
    """
    b, rows = new_block(len(model[0])), np.empty(LANES, np.int64)
    noise, left = np.empty(LANES), np.zeros(LANES, np.int64)
    suspect = np.flatnonzero(worst > _OUTLIER * sigma)
    for start in range(0, len(suspect), LANES):
        width = min(LANES, len(suspect) - start)
        for x in range(LANES):
            rows[x] = suspect[min(start + x, len(suspect) - 1)]
        load(signal, voxels, trust, rows, b)
        for x in range(LANES):
            noise[x] = max(sigma[rows[x]] / b.largest[x], _LEAST_NOISE)
            for j in range(PARAMETERS):
                b.beta[j, x] = beta[rows[x], j]
        predict(model[0], b.beta, b.predicted)
        _settle(model, noise, b)
        weigh(b)
        b.solved[:] = 1.0
        factor(model[1], b)
        leverages(model[1], b)
        distances(1.0, b)
        for x in range(LANES):
            left[x] = _leave_out(_OUTLIER * noise[x], x, b) if b.solved[x] > 0 else 0
        if left.max() == 0:
            continue
        reweighted(model, b)
        for x in range(width):
            if left[x] and b.solved[x] > 0:
                rejected[voxels[rows[x]]] = left[x] / signal.shape[1]
                for j in range(PARAMETERS):
                    beta[rows[x], j] = b.beta[j, x]
