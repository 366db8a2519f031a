"""Interval of a median of samples that are alike near each other, as in smooth maps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from imaging.arrays import FloatArray

#: Samples that count for fewer independent ones give no interval.
LEAST_INDEPENDENT = 5.0
# Of all samples, these many tell how alike they are.
_DRAWN = 400
# Lags in mm up to which likeness is looked at, and pairs that a lag needs.
_LAGS_MM, _LEAST_PAIRS = np.arange(0.5, 9.0, 1.0), 200
# A median of normal samples that are alike scatters a little more than their mean.
_MEDIAN = 1.1
_ROUNDS, _SETTLED = 30, 0.01


def median_interval(
    values: FloatArray, frame: NDArray[np.intp], world: FloatArray, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of a median of samples that are alike near each other.

    The half-variogram within frames tells at which distance likeness falls to one half; samples
    count for ``1 / mean(rho)`` independent ones, with a Gaussian correlation over their distances
    in space (Griffith 2005, Ann Assoc Am Geogr 95:740-760). Frames of one place so count once. It
    tells how unsure the median of these frames is, not what another placement would show.

    Parameters
    ----------
    values : (N,) array
    frame : (N,) int array
        Which frame each sample is of.
    world : (N, D) array
        Where it lies, mm.
    seed
        Of the samples drawn.

    Returns
    -------
    low, high : float
        None where they count for fewer than five independent ones, or likeness cannot be told.
    """
    drawn = np.random.default_rng(seed).permutation(len(values))[:_DRAWN]
    own, distance = values[drawn], squareform(pdist(world[drawn]))
    middle, variance = float(np.median(values)), float(own.var())
    if variance == 0:
        return None
    same = frame[drawn][:, None] == frame[drawn]
    lags, half_squares = _variogram(own, distance, same)
    found = _independent(lags, half_squares, variance, distance)
    if found is None or found[0] < LEAST_INDEPENDENT:
        return None
    count, sill = found
    half = _MEDIAN * float(stats.t.ppf(0.975, count - 1)) * float(np.sqrt(sill / count))
    return middle - half, middle + half


def _variogram(
    values: FloatArray, distance: FloatArray, same: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Return mean distances (L,) and half mean squared differences (L,) of pairs of one frame."""
    squares = 0.5 * (values[:, None] - values) ** 2
    lags, halves = [], []
    for low, high in pairwise(_LAGS_MM):
        pairs = same & (distance >= low) & (distance < high)
        if pairs.sum() >= _LEAST_PAIRS:
            lags.append(float(distance[pairs].mean()))
            halves.append(float(squares[pairs].mean()))
    return np.array(lags), np.array(halves)


def _independent(
    lags: FloatArray, halves: FloatArray, variance: float, distance: FloatArray
) -> tuple[float, float] | None:
    """Return how many independent samples there are, and their variance; None if it is not told.

    The variance within a region is too small by one part in as many, so both are found in turns.
    """
    if not len(lags):
        return None
    count = 10.0
    for _ in range(_ROUNDS):
        sill = variance / (1 - 1 / max(count, 1.5))
        rho = 1 - halves / sill
        below = np.flatnonzero(rho < 0.5)
        if not len(below):
            return None
        k = int(below[0])
        if k == 0:
            half_mm = 0.5 * lags[0] / (1 - rho[0])
        else:
            share = (rho[k - 1] - 0.5) / (rho[k - 1] - rho[k])
            half_mm = lags[k - 1] + share * (lags[k] - lags[k - 1])
        new = 1 / float(np.exp(-np.log(2) * (distance / half_mm) ** 2).mean())
        if abs(new - count) < _SETTLED * count:
            break
        count = 0.5 * (count + new)
    return count, sill
