"""Eigenvalues and first eigenvectors of fitted tensors, and their residuals, in compiled loops."""

from __future__ import annotations

import numpy as np

from imaging.diffusion.lanes import LANES, PARAMETERS, lanewise, predict
from imaging.diffusion.wls import take_rows

_SWEEPS = 12  # at most; four do as a rule
_SMALL = 1e-15  # of the trace of absolute values, an element off the diagonal that is rounding
_TINY = 1e-300
# Where the six elements stand in the 3 x 3 tensor: Dxx Dxy Dyy Dxz Dyz Dzz.
_ROW = np.array([0, 0, 1, 0, 1, 2])
_COLUMN = np.array([0, 1, 1, 2, 2, 2])


@lanewise
def jacobi(a, v):  # type: ignore[no-untyped-def]
    """Turn symmetric `a` (3, 3, L) into its eigenvalues on the diagonal, `v` into the vectors.

    Vectors are columns; only elements on and above the diagonal of `a` are read. Cyclic Jacobi
    rotations: as accurate for nearly equal eigenvalues as for distant ones. Golub and Van Loan,
    Matrix computations, 2013, section 8.5.
    """
    cosine, sine, size = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for x in range(LANES):
        size[x] = _SMALL * (abs(a[0, 0, x]) + abs(a[1, 1, x]) + abs(a[2, 2, x])) + _TINY
    v[:] = 0.0
    for i in range(3):
        v[i, i] = 1.0
    for _ in range(_SWEEPS):
        turned = 0.0
        for p in range(2):
            for q in range(p + 1, 3):
                r = 3 - p - q
                low_p, high_p, low_q, high_q = min(r, p), max(r, p), min(r, q), max(r, q)
                for x in range(LANES):
                    # A lane that is done is not turned: others in its block do not change it.
                    off = a[p, q, x] if abs(a[p, q, x]) > size[x] else 0.0
                    apart, across = a[q, q, x] - a[p, p, x], 2.0 * off
                    length = abs(apart) + np.sqrt(apart * apart + across * across) + _TINY
                    t = (across if apart >= 0 else -across) / length
                    c = 1.0 / np.sqrt(t * t + 1.0)
                    cosine[x], sine[x] = c, t * c
                    a[p, p, x] -= t * off
                    a[q, q, x] += t * off
                    a[p, q, x] = 0.0
                for x in range(LANES):
                    turned = max(turned, abs(sine[x]))
                _rotate(a[low_p, high_p], a[low_q, high_q], cosine, sine)
                for k in range(3):
                    _rotate(v[k, p], v[k, q], cosine, sine)
        if turned == 0.0:
            return


@lanewise
def _rotate(first, second, cosine, sine):  # type: ignore[no-untyped-def]
    for x in range(LANES):
        one, other = first[x], second[x]
        first[x] = cosine[x] * one - sine[x] * other
        second[x] = sine[x] * one + cosine[x] * other


@lanewise
def _descending(a, v, values):  # type: ignore[no-untyped-def]
    """Write eigenvalues (3, L) from the largest to the smallest; order the columns of `v` alike."""
    for k in range(3):
        values[k] = a[k, k]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        for x in range(LANES):
            swap = values[i, x] < values[j, x]
            one, other = values[i, x], values[j, x]
            values[i, x] = other if swap else one
            values[j, x] = one if swap else other
            a[i, j, x] = 1.0 if swap else 0.0
        for k in range(3):
            for x in range(LANES):
                one, other = v[k, i, x], v[k, j, x]
                v[k, i, x] = other if a[i, j, x] > 0 else one
                v[k, j, x] = one if a[i, j, x] > 0 else other


@lanewise
def describe_voxels(signal, voxels, beta, design, scale, least, maps):  # type: ignore[no-untyped-def]
    """Turn parameters of the fit into maps; voxels that were not fitted stay as they are.

    Parameters
    ----------
    signal, voxels
        As in :func:`imaging.diffusion.wls.fit_voxels`.
    beta : (V, 7) array
        Of :func:`imaging.diffusion.wls.fit_voxels`.
    design : (N, 7) array
        Design of the fit, divided by `scale`, padded.
    scale : (7,) array
    least
        Smallest eigenvalue, mm2/s; smaller ones are raised to it.
    maps : tuple of float32 arrays
        Written: tensor (G, 6), eigenvalues (G, 3) descending, e1 (G, 3), S0 (G,), residual (G,).
    """
    tensor, eigenvalues, e1, s0, residual = maps
    samples = signal.shape[1]
    a, vectors = np.zeros((2, 3, 3, LANES))
    values, d = np.empty((3, LANES)), np.empty((6, LANES))
    model, predicted = np.empty((PARAMETERS, LANES)), np.empty((len(design), LANES))
    rows, here = np.empty((2, LANES), np.int64)
    largest, total = np.empty((2, LANES))
    for start in range(0, len(voxels), LANES):
        width = take_rows(start, len(voxels), rows)
        for x in range(LANES):
            here[x] = voxels[rows[x]]
            model[0, x] = beta[rows[x], 0]
            for m in range(6):
                a[_ROW[m], _COLUMN[m], x] = beta[rows[x], 1 + m] / scale[1 + m]
        jacobi(a, vectors)
        _descending(a, vectors, values)
        for m in range(6):
            d[m] = 0.0
            for k in range(3):
                for x in range(LANES):
                    value = max(values[k, x], least)
                    d[m, x] += value * vectors[_ROW[m], k, x] * vectors[_COLUMN[m], k, x]
            for x in range(LANES):
                model[1 + m, x] = scale[1 + m] * d[m, x]
        predict(design, model, predicted)
        largest[:], total[:] = 0.0, 0.0
        for n in range(samples):
            for x in range(LANES):
                largest[x] = max(largest[x], signal[here[x], n])
        for n in range(samples):
            for x in range(LANES):
                left = signal[here[x], n] - largest[x] * predicted[n, x]
                total[x] += left * left
        for x in range(width):
            v = here[x]
            if np.isnan(beta[rows[x], 0]):
                continue
            up = -1.0 if vectors[2, 0, x] < 0 else 1.0
            for k in range(3):
                eigenvalues[v, k] = max(values[k, x], least)
                e1[v, k] = up * vectors[k, 0, x]
            for m in range(6):
                tensor[v, m] = d[m, x]
            level = largest[x] * np.exp(min(max(beta[rows[x], 0], -50.0), 50.0))
            s0[v] = level
            residual[v] = np.sqrt(total[x] / samples) / max(level, 1e-12)
