"""Statistics of confidence intervals: spread over replicas, bias by noise, sampling of seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special
from scipy.spatial import cKDTree

from imaging.architecture.measures import Table, samples
from imaging.arrays import FloatArray

_LEVEL = 0.95
_BLOCK_MM = 15.0
_DRAWS = 1000
SAMPLING_ONLY = "95 % sampling interval from 15 mm blocks"


def means(table: Table) -> dict[str, float]:
    """Return the mean of every figure over the fascicles of a table."""
    return {name: float(np.average(v, weights=w)) for name, (v, w) in finite_samples(table).items()}


def finite_samples(table: Table) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return values and weights of every mean over the fascicles that have the figure."""
    out = {}
    for name, (values, weights) in samples(table).items():
        use = np.isfinite(values)
        if use.any():
            out[name] = (values[use], weights[use])
    return out


def sampling_limits(
    table: pd.DataFrame, places: FloatArray, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals that know only the spread of fascicles (F,) over places (F, 3) mm.

    Neighbouring fascicles are not independent; cubes of 15 mm are drawn with replacement instead
    of single fascicles.

    References
    ----------
    Efron and Tibshirani 1993; blocks: Hall, Stoch Proc Appl 1985.
    """
    keys = np.floor((places - places.min(axis=0)) / _BLOCK_MM).astype(int)
    _, block = np.unique(keys, axis=0, return_inverse=True)
    count = int(block.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=_DRAWS)
    out = {}
    for name, (values, weights) in samples(table).items():
        use = np.where(np.isfinite(values), weights, 0.0)
        mass = drawn @ np.bincount(block.ravel(), use, count)
        total = drawn @ np.bincount(block.ravel(), use * np.nan_to_num(values), count)
        there = mass > 0
        if there.any():
            low, high = np.percentile(total[there] / mass[there], [2.5, 97.5])
            out[name] = (float(low), float(high))
    return out


def noise_bias(value: float, replicas: FloatArray) -> float:
    """Return how far noise has moved a mean, from means (B,) with twice the noise's variance.

    The square of the mean is taken to grow in proportion to the variance: for small changes that
    is the usual extrapolation to no noise, and it also holds for lengths of vectors (curvature,
    angles near 0), which noise can only enlarge.

    References
    ----------
    Cook and Stefanski, J Am Stat Assoc 1994;89:1314 (simulation-extrapolation).
    """
    without = 2.0 * value**2 - float(np.mean(replicas)) ** 2
    return value - float(np.sqrt(max(without, 0.0)))


def sampling_error(values: FloatArray, weights: FloatArray, places: FloatArray) -> float:
    """Return the standard error of a weighted mean over places (F, 3) that are spread evenly.

    One point was drawn in every cube; what another draw would have given differs as neighbouring
    cubes do.

    References
    ----------
    Wolter, Introduction to variance estimation, 2007, chapter 8 (successive differences).
    """
    if len(values) < 2:
        return float("inf")
    part = weights * (values - np.average(values, weights=weights)) / weights.sum()
    _, nearest = cKDTree(places).query(places, k=2)
    return float(np.sqrt(0.5 * np.sum((part - part[nearest[:, 1]]) ** 2)))


def interval(
    value: float, error: float, biases: Sequence[float], replicas: int
) -> tuple[float, float]:
    """Return the 95 % interval of a figure.

    Parameters
    ----------
    value
        The figure; not negative.
    error
        Its standard error.
    biases
        Estimates of how far it may have been moved. They are not taken off: the interval holds
        the figure with and without them.
    replicas
        Number of replicas behind the error.
    """
    wide = float(special.stdtrit(max(replicas - 1, 1), 0.5 + _LEVEL / 2)) * error
    above = sum(max(b, 0.0) for b in biases)
    below = sum(max(-b, 0.0) for b in biases)
    return max(value - above - wide, 0.0), value + below + wide
