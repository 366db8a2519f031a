"""Mean, spread and 95 % interval of figures over strides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from imaging.arrays import FloatArray
from imaging.function.cycles import circular_difference, circular_mean
from imaging.measures import Measure

LEVEL = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean of `n` strides, with its standard error; SD and error are NaN for one stride."""

    mean: float
    sd: float
    n: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.sd / np.sqrt(self.n)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean by Student's t; NaN for one stride."""
        return _around(self.mean, self.error, self.n - 1)


def over_strides(values: FloatArray, *, circular: bool = False) -> Spread:
    """Return mean and SD of values (K,); circular: of percent of the cycle, around the circle."""
    if circular:
        mean, sd = circular_mean(values)
        return Spread(mean, sd, len(values))
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Spread(float(values.mean()), sd, len(values))


def measure(label: int, name: str, found: Spread, unit: str, note: str) -> Measure:
    """Return a figure over strides, with SD and interval where there are several strides."""
    low, high = found.interval
    if not np.isfinite(found.sd):
        return Measure(label, name, found.mean, unit, n=found.n, note=note)
    return Measure(label, name, found.mean, unit, found.n, found.sd, low, high, note=note)


@dataclass(frozen=True)
class Difference:
    """Right against left, with the SD of single strides and the 95 % interval of the value.

    NaN where a side has one stride.
    """

    value: float
    sd: float
    low: float
    high: float


def difference(right: Spread, left: Spread) -> Difference:
    """Return right minus left in percent of the cycle, the short way round, by Welch's t.

    Welch BL. The generalization of 'Student's' problem when several different population variances
    are involved. Biometrika 1947;34:28-35.
    """
    value = float(circular_difference(right.mean, left.mean))
    welch = _welch(right.error, right.n, left.error, left.n)
    return Difference(value, float(np.hypot(right.sd, left.sd)), *_around(value, *welch))


def index(right: Spread, left: Spread) -> Difference:
    """Return 100·(R − L) / (½·(R + L)), percent; its interval to first order (delta method)."""
    total = right.mean + left.mean
    value = 200 * (right.mean - left.mean) / total
    slope = 400 / total**2
    by_right, by_left = slope * left.mean, slope * right.mean
    welch = _welch(by_right * right.error, right.n, by_left * left.error, left.n)
    sd = float(np.hypot(by_right * right.sd, by_left * left.sd))
    return Difference(value, sd, *_around(value, *welch))


def _welch(a: float, n_a: int, b: float, n_b: int) -> tuple[float, float]:
    """Return the error of a difference of two means, and its degrees of freedom."""
    if n_a < 2 or n_b < 2:
        return float("nan"), float("nan")
    both = a**2 + b**2
    below = a**4 / (n_a - 1) + b**4 / (n_b - 1)
    return float(np.sqrt(both)), both**2 / below if below > 0 else float(n_a + n_b - 2)


def _around(value: float, error: float, freedom: float) -> tuple[float, float]:
    if not (np.isfinite(error) and freedom >= 1):
        return float("nan"), float("nan")
    reach = float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return value - reach, value + reach
