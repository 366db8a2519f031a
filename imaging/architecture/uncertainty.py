"""Confidence intervals of a muscle's means from its own fascicles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

_BLOCK_MM = 15.0
_DRAWS = 1000


def block_bootstrap(
    values: FloatArray, weights: FloatArray, places: FloatArray, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % sampling interval of a weighted mean.

    Neighbouring fascicles are not independent; cubes of 15 mm are drawn with replacement instead
    of single fascicles. The interval speaks of the spread within this muscle of this scan, not of
    noise that all fascicles share.

    Parameters
    ----------
    values, weights : (F,) array
        Value and weight of each fascicle.
    places : (F, 3) array
        Where it is, mm.
    rng
        Source of the draws.

    References
    ----------
    Efron and Tibshirani 1993; blocks: Hall, Stoch Proc Appl 1985.
    """
    keys = np.floor((places - places.min(axis=0)) / _BLOCK_MM).astype(int)
    _, block = np.unique(keys, axis=0, return_inverse=True)
    block = block.ravel()
    mass = np.bincount(block, weights)
    total = np.bincount(block, weights * values)
    drawn = rng.multinomial(len(mass), np.full(len(mass), 1.0 / len(mass)), size=_DRAWS)
    low, high = np.percentile((drawn @ total) / (drawn @ mass), [2.5, 97.5])
    return float(low), float(high)
