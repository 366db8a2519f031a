"""Forces of the muscles of one leg over the cycle, with draws behind their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.musclemap.cross_section import Area

DRAWS = 2000
LIMITS = (2.5, 97.5)


@dataclass(frozen=True)
class Activity:
    """Mean cycle of a muscle.

    Attributes
    ----------
    mean, error : (T,) array
        Mean over strides and its standard error, percent of MVC or of the muscle's own peak.
    n : int
        Strides; 1 where their spread is not known.
    mvc : bool
        Relative to MVC.
    """

    mean: FloatArray
    error: FloatArray
    n: int
    mvc: bool


def activities(curves: pd.DataFrame) -> dict[int, Activity]:
    """Return the mean cycle of each muscle that has one without a gap.

    Parameters
    ----------
    curves
        Mean cycles in percent: label, percent, mean, sd, n, unit.
    """
    out = {}
    for label in sorted(int(v) for v in curves["label"].unique()):
        rows = curves[curves["label"] == label].sort_values("percent")
        mean, n = rows["mean"].to_numpy(float), rows["n"].min()
        if not np.isfinite(mean).all():
            continue
        strides = 1 if pd.isna(n) else max(int(n), 1)
        error = rows["sd"].to_numpy(float) / np.sqrt(strides)
        if not np.isfinite(error).all():
            strides = 1
        mvc = bool(rows["unit"].astype(str).str.contains("MVC").all())
        out[label] = Activity(mean, error, strides, mvc)
    return out


@dataclass(frozen=True)
class Forces:
    """Force of the muscles of one leg.

    Attributes
    ----------
    percent : (T,) array
        Of the gait cycle.
    values : (M, T) array
        N.
    draws : (R, M, T) array
        What the values may as well be; NaN where an error is not known.
    """

    percent: FloatArray
    values: FloatArray
    draws: FloatArray

    @classmethod
    def draw(
        cls,
        labels: Sequence[int],
        areas: Mapping[int, Area],
        active: Mapping[int, Activity],
        factors: Mapping[int, FloatArray],
        percent: FloatArray,
        tension_n_cm2: float,
        rng: np.random.Generator,
    ) -> Forces:
        """Return forces, and what they may as well be by the errors of what they rest on.

        A mean cycle errs as a whole, by Student's t with one degree of freedom less than strides;
        muscles err independently of each other.
        """
        values = np.empty((len(labels), len(percent)))
        draws = np.empty((DRAWS, len(labels), len(percent)))
        for k, label in enumerate(labels):
            own, area = active[label], areas[label]
            factor = 0.01 * tension_n_cm2 * factors.get(label, np.ones(len(percent)))
            values[k] = factor * np.maximum(own.mean, 0) * area.effective_cm2
            t = rng.standard_t(own.n - 1, DRAWS) if own.n > 1 else np.full(DRAWS, np.nan)
            drawn = np.maximum(own.mean + t[:, None] * own.error, 0)
            draws[:, k] = factor * drawn * area.draws(rng, DRAWS)[:, None]
        return cls(percent, values, draws)

    def over_cycle(self) -> tuple[FloatArray, FloatArray]:
        """Return force summed over the cycle, (M, 1) and draws (R, M, 1)."""
        steps = np.diff(self.percent)
        weights = 0.5 * (np.append(steps, 0.0) + np.append(0.0, steps))  # trapezoids
        return (self.values @ weights)[:, None], (self.draws @ weights)[..., None]


def share_of(forces: FloatArray, k: int) -> FloatArray:
    """Return the share of muscle `k` in the sum of (..., M, T), percent; NaN where that is 0."""
    total = forces.sum(axis=-2)
    return np.asarray(100.0 * forces[..., k, :] / np.where(total > 0, total, np.nan))


def interval(draws: FloatArray) -> FloatArray:
    """Return the 95 % interval (2, T) of draws (R, T); NaN where too few of them have a value."""
    enough = np.isfinite(draws).mean(axis=0) > 0.9
    out = np.full((2, draws.shape[1]), np.nan)
    if enough.any():
        out[:, enough] = np.nanpercentile(draws[:, enough], LIMITS, axis=0)
    return out


def around(value: FloatArray, limits: FloatArray) -> FloatArray:
    """Return limits (2, T) that hold the value (T,), whatever the skew of the draws."""
    return np.stack([np.minimum(limits[0], value), np.maximum(limits[1], value)])
