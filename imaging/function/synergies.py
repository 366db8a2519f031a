"""Muscle synergies: a few weights of muscles, and how each is active over the gait cycle.

Lee DD, Seung HS. Learning the parts of objects by non-negative matrix factorization. Nature
1999;401:788-791. The solver is scikit-learn's coordinate descent.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from imaging.arrays import FloatArray
from imaging.function.matching import match

RESTARTS = 10
RESAMPLES = 60
FEWEST_MUSCLES = 4
FEWEST_STRIDES = 3
MOST_STRIDES = 20
PERCENT_STEP = 2
STRAIGHT_MSE = 1e-4
VAF = 0.9
_ITERATIONS = 100
_FULL_ITERATIONS = 500
_WARM_ITERATIONS = 50
_NONZERO = 1e-6


@dataclass(frozen=True)
class Factors:
    """Weights of muscles and their activation over time.

    Attributes
    ----------
    weights : (M, k) array
        One synergy per column, of length 1.
    activation : (k, N) array
    r2 : float
        Share of the variance about the mean of all values that is explained.
    agreement : (k,) array
        Mean cosine of a synergy's weights with those of the other restarts.
    """

    weights: FloatArray
    activation: FloatArray
    r2: float
    agreement: FloatArray


@dataclass(frozen=True)
class RankQuality:
    """How well so many synergies explain the envelopes.

    `r2` is about the mean of all values; `vaf` about zero, of all muscles together; `vaf_muscle`
    that of the muscle that is explained least.
    """

    rank: int
    r2: float
    vaf: float
    vaf_muscle: float


@dataclass(frozen=True)
class Synergies:
    """Synergies of one side in one recording.

    Attributes
    ----------
    rank : int
        By `criterion`.
    criterion : str
    by_criterion : dict of str to int or None
        What every criterion gives; None where no rank that was tried fulfils it.
    curve : tuple of RankQuality
        Of every rank that was tried.
    weights, weights_low, weights_high : (M, k) array
        In the order of the time of peak; 95 % interval over resampled strides.
    activation : (k, 101) array
        That explains the mean cycle best.
    agreement : (k,) array
        Mean cosine of the weights over restarts.
    similarity : (k,) array
        Mean cosine of the weights over resampled strides.
    n : int
        Strides used.
    """

    rank: int
    criterion: str
    by_criterion: dict[str, int | None]
    curve: tuple[RankQuality, ...]
    weights: FloatArray
    weights_low: FloatArray
    weights_high: FloatArray
    activation: FloatArray
    agreement: FloatArray
    similarity: FloatArray
    n: int


def prepare(cycles: FloatArray) -> FloatArray:
    """Return envelopes from which each muscle's minimum is taken, over its maximum.

    Parameters
    ----------
    cycles : (M, K, P) array
        Muscles, strides, percents. More than 20 strides are thinned evenly, so that a long walk
        is seen from its beginning to its end.
    """
    k = cycles.shape[1]
    chosen = np.unique(np.linspace(0, k - 1, min(k, MOST_STRIDES)).round().astype(int))
    thin = cycles[:, chosen]
    lowest = thin.min(axis=(1, 2), keepdims=True)
    reach = thin.max(axis=(1, 2), keepdims=True) - lowest
    return (thin - lowest) / np.where(reach > 0, reach, 1.0)


def factorise(matrix: FloatArray, rank: int, seed: int, restarts: int = RESTARTS) -> Factors:
    """Return the best of several factorisations from random starts, carried on to its end.

    Parameters
    ----------
    matrix : (M, N) array
        Muscles over time, not negative.
    rank
        Number of synergies.
    seed
        Same seed, same result.
    restarts
        Number of random starts.
    """
    seeds = np.random.SeedSequence([seed, rank]).generate_state(restarts)
    found = [_random_start(matrix, rank, int(s)) for s in seeds]
    quality = [explained(matrix, w @ h) for w, h in found]
    best = int(np.argmax(quality))
    weights, activation = refine(matrix, found[best][0], _FULL_ITERATIONS)
    others = [w for i, (w, _) in enumerate(found) if i != best]
    agreement = np.mean([match(weights, w).cosine for w in others], axis=0)
    return Factors(weights, activation, explained(matrix, weights @ activation), agreement)


def _random_start(matrix: FloatArray, rank: int, seed: int) -> tuple[FloatArray, FloatArray]:
    return _factors(matrix, rank, _ITERATIONS, init="random", seed=seed)


def refine(
    matrix: FloatArray, weights: FloatArray, iterations: int
) -> tuple[FloatArray, FloatArray]:
    """Return weights (M, k) of length 1 and activation (k, N), starting from given weights."""
    first = np.linalg.lstsq(weights, matrix, rcond=None)[0].clip(_NONZERO)
    start = {"W": weights.clip(_NONZERO), "H": first}
    return _factors(matrix, weights.shape[1], iterations, init="custom", start=start)


def _factors(
    matrix: FloatArray,
    rank: int,
    iterations: int,
    *,
    init: str,
    seed: int | None = None,
    start: Mapping[str, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray]:
    # Imported here: recordings of a few channels have no synergies and need not wait for it.
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(rank, init=init, random_state=seed, max_iter=iterations)
    with warnings.catch_warnings():
        # The best of several is kept, and its R2 is told.
        warnings.simplefilter("ignore", ConvergenceWarning)
        weights = model.fit_transform(matrix, **(start or {}))
    return _unit(weights, model.components_)


def _unit(weights: FloatArray, activation: FloatArray) -> tuple[FloatArray, FloatArray]:
    length = np.linalg.norm(weights, axis=0)
    return weights / np.where(length > 0, length, 1.0), activation * length[:, None]


def explained(matrix: FloatArray, fitted: FloatArray) -> float:
    """Return 1 − residual over total sum of squares about the mean of all values."""
    return float(1 - ((matrix - fitted) ** 2).sum() / ((matrix - matrix.mean()) ** 2).sum())


def accounted(matrix: FloatArray, fitted: FloatArray) -> tuple[float, float]:
    """Return the variance accounted for, about zero: of all muscles, and of the least explained.

    Torres-Oviedo G, Macpherson JM, Ting LH. Muscle synergy organization is robust across a
    variety of postural perturbations. J Neurophysiol 2006;96:1530-1546.
    """
    left, whole = ((matrix - fitted) ** 2).sum(axis=1), (matrix**2).sum(axis=1)
    return float(1 - left.sum() / whole.sum()), float((1 - left / whole).min())


def rank_curve(
    matrix: FloatArray, seed: int, restarts: int = 4
) -> list[tuple[RankQuality, Factors]]:
    """Return quality and factors of one synergy up to three quarters of the number of muscles."""
    highest = max(1, round(0.75 * len(matrix)))
    found = []
    for rank in range(1, highest + 1):
        factors = factorise(matrix, rank, seed, restarts)
        vaf, worst = accounted(matrix, factors.weights @ factors.activation)
        found.append((RankQuality(rank, factors.r2, vaf, worst), factors))
    return found


def straight_line_rank(r2: Sequence[float]) -> int:
    """Return the rank from which on R² over rank is a straight line.

    Lines are fitted to the points from rank r upwards, r = 1, 2, …, until the mean squared
    residual is below 1e-4. Cheung VCK, d'Avella A, Tresch MC, Bizzi E. J Neurosci
    2005;25:6419-6434; threshold of Santuz A, Ekizos A, Janshen L, Baltzopoulos V, Arampatzis A.
    Int J Neural Syst 2017;27:1750022, and of musclesyneRgies.
    """
    for first in range(1, len(r2) - 1):
        ranks, values = np.arange(first, len(r2) + 1), np.asarray(r2[first - 1 :])
        line = np.polyval(np.polyfit(ranks, values, 1), ranks)
        if ((values - line) ** 2).mean() < STRAIGHT_MSE:
            return first
    return max(1, len(r2) - 1)


def ranks_by_criterion(curve: Sequence[RankQuality]) -> dict[str, int | None]:
    """Return the number of synergies by every criterion; None where no rank reaches it."""
    return {
        "straight_line": straight_line_rank([q.r2 for q in curve]),
        "vaf": next((q.rank for q in curve if q.vaf > VAF), None),
        "vaf_muscle": next((q.rank for q in curve if q.vaf_muscle > VAF), None),
    }


def find_synergies(cycles: FloatArray, criterion: str, seed: int) -> Synergies:
    """Find the synergies of one side in one recording.

    Parameters
    ----------
    cycles : (M, K, 101) array
        Envelopes of at least four muscles over at least three strides; none flat.
    criterion
        ``straight_line``, ``vaf`` (all muscles together above .9) or ``vaf_muscle`` (each of them
        above .9). Where no rank that was tried reaches it, the highest is taken.
    seed
        Same seed, same result.
    """
    scaled = prepare(cycles)
    m, k, _ = scaled.shape
    thin = scaled[:, :, ::PERCENT_STEP]
    matrix = thin.reshape(m, -1)
    curve = [quality for quality, _ in rank_curve(matrix, seed)]
    ranks = ranks_by_criterion(curve)
    rank = ranks[criterion] or curve[-1].rank
    factors = factorise(matrix, rank, seed)
    mean = scaled.mean(axis=1)
    activation = np.stack([nnls(factors.weights, now)[0] for now in mean.T], axis=1)
    order = np.argsort(activation.argmax(axis=1), kind="stable")
    weights = factors.weights[:, order]
    low, high, similarity = _resampled(thin, weights, seed)
    return Synergies(
        rank,
        criterion,
        ranks,
        tuple(curve),
        weights,
        low,
        high,
        activation[order],
        factors.agreement[order],
        similarity,
        k,
    )


def _resampled(
    scaled: FloatArray, weights: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the 95 % interval of the weights over resampled strides, and their mean cosine.

    Every resample starts from the weights themselves: what another start would find is told by
    the agreement of restarts.
    """
    m, k, p = scaled.shape
    rng = np.random.default_rng([seed, 0x5E])
    found, cosines = [], []
    for _ in range(RESAMPLES):
        drawn = scaled[:, rng.integers(0, k, k)].reshape(m, k * p)
        other, _ = refine(drawn, weights, _WARM_ITERATIONS)
        pairs = match(weights, other)
        found.append(other[:, pairs.second])
        cosines.append(pairs.cosine)
    low, high = np.percentile(found, [2.5, 97.5], axis=0)
    return low, high, np.mean(cosines, axis=0)
