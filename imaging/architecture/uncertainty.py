"""Confidence intervals of a muscle's means: how far noise, smoothing and seeds may have moved them.

Noise: a subset of points is followed again through fields with other noise. Bias: noise bends
fascicles and makes them end early, smoothing unbends them; both are estimated, and the interval is
made to hold the mean as it is and as it would be without the bias. Seeds: neighbouring ones tell
what other seeds would have given. All is for the boundary that was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import cKDTree

from imaging.architecture.fascicles import Fascicles
from imaging.architecture.measures import samples
from imaging.architecture.replicas import FieldReplicas
from imaging.architecture.seeds import spread_seeds
from imaging.architecture.tracer import Tracer

FloatArray = NDArray[np.floating[Any]]
Means = Mapping[str, float]

_PROBES = 400  # points that are followed through every replica
_FEWEST_PROBES = 20  # that must have a fascicle
_LEVEL = 0.95
_BLOCK_MM = 15.0
_DRAWS = 1000
SAMPLING_ONLY = "95 % sampling interval from 15 mm blocks"


def means(table: pd.DataFrame) -> dict[str, float]:
    """Return the mean of every figure over the fascicles of a table."""
    return {name: float(np.average(v, weights=w)) for name, (v, w) in _finite(table).items()}


def _finite(table: pd.DataFrame) -> dict[str, tuple[FloatArray, FloatArray]]:
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
    wide = float(stats.t.ppf(0.5 + _LEVEL / 2, max(replicas - 1, 1))) * error
    above = sum(max(b, 0.0) for b in biases)
    below = sum(max(-b, 0.0) for b in biases)
    return max(value - above - wide, 0.0), value + below + wide


def confidence(
    fascicles: Fascicles,
    seeds: FloatArray,
    tracer: Tracer,
    fields: FieldReplicas,
    count: int,
    rng: np.random.Generator,
) -> dict[str, tuple[float, float]]:
    """Return the 95 % confidence intervals of a muscle's figures.

    Parameters
    ----------
    fascicles
        Its fascicles.
    seeds : (F, 3) array
        Where they were started.
    tracer
        What they end on.
    fields
        Source of other direction fields.
    count
        Number of replicas.
    rng
        Source of the draws.
    """
    region = tracer.region
    spacing = (1000.0 * region.volume_ml / _PROBES) ** (1 / 3)
    probes = spread_seeds(region.points, region.faces, spacing, rng)

    def follow(vectors: FloatArray) -> dict[str, float]:
        traced = tracer.trace(probes, vectors, fields.side_mm, fields.affine, fascicles.order)
        enough = len(traced.kept) >= _FEWEST_PROBES
        return means(traced.fascicles.table) if enough else {}

    first = follow(fields.original())
    again = follow(fields.smoothed_again())
    growth = fields.common_noise(rng)
    noisy = [follow(fields.noisy(rng, growth)) for _ in range(count)]
    out = {}
    for name, (values, weights) in _finite(fascicles.table).items():
        drawn = np.array([m[name] for m in noisy if name in m])
        if name not in first or name not in again or len(drawn) < max(2, count // 2):
            continue
        error = np.hypot(drawn.std(ddof=1), sampling_error(values, weights, seeds))
        biases = (noise_bias(first[name], drawn), again[name] - first[name])
        value = float(np.average(values, weights=weights))
        out[name] = interval(value, float(error), biases, len(drawn))
    return out
