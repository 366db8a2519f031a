"""Means and slopes of values that follow each other, stride by stride.

Neighbouring strides resemble each other, so n strides say less than n independent values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from imaging.arrays import FloatArray


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error, degrees of freedom and number of values."""

    value: float
    error: float
    freedom: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval; Student's t."""
        half = float(special.stdtrit(self.freedom, 0.975)) * self.error
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """Two-sided p of no difference from 0."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * special.stdtr(self.freedom, -abs(self.value) / self.error))


def lag_one(runs: Sequence[FloatArray], parameters: int) -> float:
    """Return the correlation of neighbours over several runs, 0 where it is not positive.

    Parameters
    ----------
    runs
        Residuals of each run in the order of time, from a fit of `parameters` to each.
    parameters
        1 for a mean, 2 for a line. A fit takes some correlation out of its residuals: on average
        1 + 3ρ over n for a mean (Marriott FHC, Pope JA. Biometrika 1954;41:390-402), about twice
        that for a line.
    """
    square = sum(float((r**2).sum()) for r in runs)
    n, count = sum(len(r) for r in runs), max(len(runs), 1)
    each = n / count
    if square <= 0 or each <= parameters + 1:
        return 0.0
    r = sum(float((r[1:] * r[:-1]).sum()) for r in runs) / square
    corrected = (r + parameters / each) / max(1 - 3 * parameters / each, 0.5)
    # What independent values show by chance is not taken for a correlation, and a few strides
    # cannot tell a strong one.
    return float(min(corrected, 0.5)) if corrected > 1 / np.sqrt(n) else 0.0


def mean_of(values: FloatArray, rho: float | None = None) -> Estimate:
    """Return the mean of at least three values in the order of time.

    `rho` is the correlation of neighbours, where other runs have told it.
    """
    n = len(values)
    mean = float(values.mean())
    rho = lag_one([values - mean], 1) if rho is None else rho
    effective = n * (1 - rho) / (1 + rho)
    error = float(values.std(ddof=1)) / np.sqrt(effective)
    return Estimate(mean, error, max(effective - 1, n / 3), n)


def slope_of(values: FloatArray, at: FloatArray) -> Estimate:
    """Return the slope of at least four values over `at`; least squares."""
    n = len(values)
    away = at - at.mean()
    slope = float((away * values).sum() / (away**2).sum())
    rest = values - values.mean() - slope * away
    rho = lag_one([rest], 2)
    widen = (1 + rho) / (1 - rho)
    variance = float((rest**2).sum()) / (n - 2) / float((away**2).sum())
    return Estimate(slope, float(np.sqrt(variance * widen)), max(n / widen - 2, n / 3), n)
