"""Eigenvalues and first eigenvectors of fitted tensors, and their residuals, in compiled loops."""

from __future__ import annotations

import numba
import numpy as np

from imaging.diffusion.wls import predict

_SWEEPS = 12
_SMALL = 1e-14  # of the largest element, squared sum off the diagonal that is rounding
# Where the six elements stand in the 3 x 3 tensor: Dxx Dxy Dyy Dxz Dyz Dzz.
_ROW = np.array([0, 0, 1, 0, 1, 2])
_COLUMN = np.array([0, 1, 1, 2, 2, 2])


@numba.njit(cache=True, nogil=True)
def _jacobi(a, v):  # type: ignore[no-untyped-def]
    """Turn symmetric `a` (3, 3) into its eigenvalues on the diagonal; columns of `v` the vectors.

    Cyclic Jacobi rotations: as accurate for nearly equal eigenvalues as for distant ones.
    """
    v[:] = 0.0
    for i in range(3):
        v[i, i] = 1.0
    for _ in range(_SWEEPS):
        off = a[0, 1] ** 2 + a[0, 2] ** 2 + a[1, 2] ** 2
        if off <= _SMALL**2 * (a[0, 0] ** 2 + a[1, 1] ** 2 + a[2, 2] ** 2):
            return
        for p in range(2):
            for q in range(p + 1, 3):
                if a[p, q] == 0.0:
                    continue
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
                if theta < 0:
                    t = -t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                r = 3 - p - q
                a[p, p] -= t * a[p, q]
                a[q, q] += t * a[p, q]
                a[p, q] = a[q, p] = 0.0
                x, y = a[r, p], a[r, q]
                a[r, p] = a[p, r] = c * x - s * y
                a[r, q] = a[q, r] = s * x + c * y
                for k in range(3):
                    x, y = v[k, p], v[k, q]
                    v[k, p] = c * x - s * y
                    v[k, q] = s * x + c * y


@numba.njit(cache=True, nogil=True)
def describe_voxels(signal, beta, across, scale, least, maps):  # type: ignore[no-untyped-def]
    """Turn parameters of the fit into maps; voxels that were not fitted stay 0.

    Parameters
    ----------
    signal : (V, N) float32 array
    beta : (V, 7) array
        Of :func:`imaging.diffusion.wls.fit_voxels`.
    across : (7, N) array
        Design of the fit, divided by `scale`, transposed.
    scale : (7,) array
    least
        Smallest eigenvalue, mm2/s; smaller ones are raised to it.
    maps : tuple of float32 arrays
        Written: tensor (V, 6), eigenvalues (V, 3) descending, e1 (V, 3), S0 (V,), residual (V,).
    """
    tensor, values, e1, s0, residual = maps
    a, vectors, order, d = np.empty((3, 3)), np.empty((3, 3)), np.empty(3, np.int64), np.empty(6)
    model, predicted = np.empty(7), np.empty(across.shape[1])
    for v in range(len(signal)):
        if np.isnan(beta[v, 0]):
            continue
        for m in range(6):
            a[_ROW[m], _COLUMN[m]] = a[_COLUMN[m], _ROW[m]] = beta[v, 1 + m] / scale[1 + m]
        _jacobi(a, vectors)
        order[0], order[1], order[2] = 0, 1, 2
        for i, j in ((0, 1), (1, 2), (0, 1)):
            if a[order[i], order[i]] < a[order[j], order[j]]:
                order[i], order[j] = order[j], order[i]
        d[:] = 0.0
        for k in range(3):
            value = max(a[order[k], order[k]], least)
            values[v, k] = value
            for m in range(6):
                d[m] += value * vectors[_ROW[m], order[k]] * vectors[_COLUMN[m], order[k]]
        up = -1.0 if vectors[2, order[0]] < 0 else 1.0
        for i in range(3):
            e1[v, i] = up * vectors[i, order[0]]
        model[0] = beta[v, 0]
        for m in range(6):
            model[1 + m] = scale[1 + m] * d[m]
        predict(across, model, predicted)
        largest = signal[v].max()
        level = largest * np.exp(min(max(beta[v, 0], -50.0), 50.0))
        total = 0.0
        for n in range(len(predicted)):
            total += (signal[v, n] - largest * predicted[n]) ** 2
        for m in range(6):
            tensor[v, m] = d[m]
        s0[v] = level
        residual[v] = np.sqrt(total / len(predicted)) / max(level, 1e-12)
