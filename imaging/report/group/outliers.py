"""Which values lie far from those of the other persons, by modified z-scores.

Center and spread are taken over persons, so that two sessions of one person are not two witnesses:
each person stands for itself with the mean of its sessions. Every session is then held against
them.

Iglewicz B, Hoaglin DC. How to Detect and Handle Outliers. ASQC Quality Press, 1993.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.cycles import circular_difference, circular_mean
from imaging.muscles import side_and_key
from imaging.report.group.subjects import Subject
from imaging.report.profile import circular_measures
from imaging.report.ways import ways_of

# Spread below this share of the largest value is rounding.
_ROUNDING = 1e-9
MIN_FOR_OUTLIERS = 5
OUTLIER_SCORE = 3.5
_DRAWS = 2000
VALUES = ("prefix", "participant", "session", "muscle", "measure", "unit", "value", "label",
          "way")  # fmt: skip


def long_values(subjects: Sequence[Subject]) -> pd.DataFrame:
    """Return every value of a muscle, one row each (see :data:`VALUES`).

    `muscle` is side and key. Muscles that the catalogue does not know go by their names, since
    their labels need not mean the same in two persons. `way` is how a figure was taken, where
    that matters: only like is held against like.
    """
    rows = [
        (s.prefix, s.participant, s.session, side_and_key(m.label, names=s.names), m.measure,
         m.unit, float(m.value), m.label, way)
        for s in subjects
        for m, way in zip(s.measures, ways_of(s.measures), strict=True)
        if m.label > 0 and m.value is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(VALUES))


def person_means(
    values: FloatArray, persons: Sequence[str], circular: bool = False
) -> FloatArray:  # fmt: skip
    """Return one value per person: the mean of its sessions."""
    _, place = np.unique(np.asarray(persons, dtype=str), return_inverse=True)
    if circular:
        return np.array([circular_mean(values[place == k])[0] for k in range(place.max() + 1)])
    return np.asarray(np.bincount(place, values) / np.bincount(place), dtype=float)


def robust_scores(
    values: FloatArray, persons: Sequence[str] | None = None, circular: bool = False
) -> FloatArray:
    """Return modified z-scores, 0.6745·(x − median)/MAD.

    Parameters
    ----------
    values
        Finite.
    persons
        Whose each value is; None: each of another one.
    circular
        Places in the gait cycle, percent: 99 and 1 are neighbours.

    Returns
    -------
    array
        NaN where fewer than five persons have a value, or half of them the same.
    """
    values = np.asarray(values, dtype=float)
    own = values if persons is None else person_means(values, persons, circular)
    if len(own) < MIN_FOR_OUTLIERS:
        return np.full(len(values), np.nan)
    center = center_of(own, circular)
    spread = np.median(np.abs(_away(own, center, circular)))
    if spread <= _ROUNDING * np.abs(own).max():
        return np.full(len(values), np.nan)
    return np.asarray(0.6745 * _away(values, center, circular) / spread, dtype=float)


@cache
def chance_of_outlier(persons: int) -> float:
    """Return the share of values that lie that far where all are normal, one per person.

    By drawing: in small groups the MAD is uncertain and the share larger than the tail of the
    normal distribution (.0005).

    Examples
    --------
    >>> chance_of_outlier(4), round(chance_of_outlier(200), 4) < 0.001
    (0.0, True)
    """
    if persons < MIN_FOR_OUTLIERS:
        return 0.0
    drawn = np.random.default_rng(1).normal(size=(_DRAWS, persons))
    away = drawn - np.median(drawn, axis=1, keepdims=True)
    spread = np.median(np.abs(away), axis=1, keepdims=True)
    return float((np.abs(0.6745 * away / spread) > OUTLIER_SCORE).mean())


def expected_outliers(values: pd.DataFrame) -> int:
    """Return how many of the scored values would lie that far if all were normal."""
    known = values[values["score"].notna()]
    persons = known.groupby(["measure", "muscle", "way"])["participant"].agg(["nunique", "size"])
    pairs = zip(persons["nunique"], persons["size"], strict=True)
    return round(sum(chance_of_outlier(int(n)) * int(size) for n, size in pairs))


def _away(values: FloatArray, center: float, circular: bool) -> FloatArray:
    return circular_difference(values, center) if circular else values - center


def center_of(values: FloatArray, circular: bool = False) -> float:
    """Return the median; around the cycle, the value whose distances to all others are least."""
    if not circular:
        return float(np.median(values))
    distances = np.abs(circular_difference(values[:, None], values[None, :])).sum(axis=1)
    return float(values[np.argmin(distances)])


def scored(values: pd.DataFrame) -> pd.DataFrame:
    """Return the values of muscles with score and center of the same muscle, measure and way."""
    circular = circular_measures(sorted(values["measure"].unique()))
    numbers, persons = values["value"].to_numpy(float), values["participant"].to_numpy()
    scores, usual = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for rows in values.groupby(["measure", "muscle", "way"]).indices.values():
        measure = values["measure"].iloc[rows[0]]
        own, who, around = numbers[rows], list(persons[rows]), measure in circular
        scores[rows] = robust_scores(own, who, around)
        usual[rows] = center_of(person_means(own, who, around), around)
    return values.assign(score=scores, usual=usual)


def find_outliers(values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`scored` that lie far, the farthest first."""
    far = values[values["score"].abs() > OUTLIER_SCORE]
    return far.sort_values("score", key=lambda s: -s.abs(), kind="stable").reset_index(drop=True)
