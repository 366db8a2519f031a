"""Which synergy of one person, side or condition is which of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from imaging.arrays import FloatArray


@dataclass(frozen=True)
class Match:
    """Pairs of columns of two sets of weights.

    Attributes
    ----------
    second : (k,) array
        Column of the second set for every column of the first; −1 without a partner.
    cosine : (k,) array
        Cosine of each pair; NaN without a partner.
    """

    second: NDArray[np.intp]
    cosine: FloatArray


def cosines(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the cosine of every column of (M, k) with every column of (M, l)."""
    lengths = np.outer(np.linalg.norm(first, axis=0), np.linalg.norm(second, axis=0))
    return (first.T @ second) / np.where(lengths > 0, lengths, 1.0)


def match(first: FloatArray, second: FloatArray) -> Match:
    """Pair columns one to one so that the sum of cosines is largest.

    Kuhn HW. The Hungarian method for the assignment problem. Nav Res Logist Q 1955;2:83-97.

    Parameters
    ----------
    first, second : (M, k), (M, l) array
        Weights of the same muscles in the same order.
    """
    table = cosines(first, second)
    rows, columns = linear_sum_assignment(table, maximize=True)
    partner = np.full(table.shape[0], -1, dtype=np.intp)
    partner[rows] = columns
    cosine = np.full(table.shape[0], np.nan)
    cosine[rows] = table[rows, columns]
    return Match(partner, cosine)


def match_by_name(
    first: FloatArray, first_names: Sequence[str], second: FloatArray, second_names: Sequence[str]
) -> tuple[Match, list[str]]:
    """Pair synergies by the muscles that both have, and return these.

    Weights of muscles that only one has do not count, so a cosine over few muscles says little.
    """
    shared = [name for name in first_names if name in second_names]
    a = first[[first_names.index(name) for name in shared]]
    b = second[[second_names.index(name) for name in shared]]
    return match(a, b), shared
