"""Two states, quiet and active, behind a series of log energies.

Rabiner LR. A tutorial on hidden Markov models and selected applications in speech recognition. Proc
IEEE 1989;77:257-286.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from imaging.arrays import BoolArray, FloatArray

QUIET_S, ACTIVE_S = 0.3, 0.2
ROUNDS = 30
# Figures of the noise alone; a narrower state would be one of few samples.
LEAST_SD = 0.1
START_PERCENT = (20.0, 90.0)
START_SD = 0.6


@dataclass(frozen=True)
class TwoStates:
    """Both states, and how likely the active one is at each time.

    Attributes
    ----------
    means, sds : (2,) array
        Of the log energy in the quiet and in the active state.
    active : (N,) array
        Posterior probability of the active state; of what was not recorded, by its neighbours.
    """

    means: FloatArray
    sds: FloatArray
    active: FloatArray

    @property
    def contrast(self) -> float:
        """Energy of the active over that of the quiet state."""
        return float(np.exp(self.means[1] - self.means[0]))


def two_states(
    levels: FloatArray, known: BoolArray, step_s: float, shared: float
) -> TwoStates | None:
    """Fit both states by expectation maximisation (Baum-Welch) with Gaussian emissions.

    The chances to leave a state are those of the usual duration of quiet (300 ms) and of a burst
    (200 ms) and are not fitted. A level below the mean of the quiet state counts as at its mean,
    and so does one above the mean of the active state: what is quieter than quiet is not active,
    though the active state is the wider one.

    Parameters
    ----------
    levels : (N,) array
        Log energy.
    known : (N,) array
        Whether it was recorded.
    step_s
        Between two levels.
    shared
        How many levels share their samples: each counts for one over that.

    Returns
    -------
    TwoStates or None
        None where all levels are alike.
    """
    if not known.any():
        return None
    means = np.percentile(levels[known], START_PERCENT)
    if not means[1] > means[0]:
        return None
    sds = np.full(2, START_SD)
    leave = np.array([step_s / QUIET_S, step_s / ACTIVE_S])
    active = np.empty(len(levels))
    for _ in range(ROUNDS):
        _posterior(levels, known, means, sds, leave, 1 / shared, active)
        fitted, sds = _moments(levels[known], active[known])
        settled = np.abs(fitted - means).max() < 1e-3
        means = fitted
        if settled or not means[1] > means[0]:
            break
    return TwoStates(means, sds, active) if means[1] > means[0] else None


def _moments(levels: FloatArray, active: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and SD of both states, each level counted by its probability."""
    means, sds = np.zeros(2), np.zeros(2)
    for state, weight in enumerate((1 - active, active)):
        total = max(float(weight.sum()), 1e-9)
        means[state] = (weight * levels).sum() / total
        spread = (weight * (levels - means[state]) ** 2).sum() / total
        sds[state] = max(np.sqrt(spread), LEAST_SD)
    return means, sds


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _posterior(levels, known, means, sds, leave, weight, active):  # type: ignore[no-untyped-def]
    """Write the probability of the active state, (N,), by forward and backward recursion."""
    n = len(levels)
    odds = np.empty(n)
    for t in range(n):
        if not known[t]:
            odds[t] = 0.0
            continue
        quiet = max(levels[t] - means[0], 0.0) / sds[0]
        above = min(levels[t] - means[1], 0.0) / sds[1]
        odds[t] = weight * (0.5 * (quiet * quiet - above * above) + np.log(sds[0] / sds[1]))
    forward = np.empty(n)
    p = 0.5
    for t in range(n):
        if t > 0:
            p = p * (1 - leave[1]) + (1 - p) * leave[0]
        p = 1 / (1 + (1 - p) / p * np.exp(-odds[t]))
        p = min(max(p, 1e-12), 1 - 1e-12)
        forward[t] = p
    b = 0.5  # share of the active state in what comes later
    active[n - 1] = forward[n - 1]
    for t in range(n - 2, -1, -1):
        after = 1 / (1 + (1 - b) / b * np.exp(-odds[t + 1]))
        up = (1 - leave[1]) * after + leave[1] * (1 - after)
        down = leave[0] * after + (1 - leave[0]) * (1 - after)
        b = min(max(up / (up + down), 1e-12), 1 - 1e-12)
        f = forward[t]
        active[t] = f * b / (f * b + (1 - f) * (1 - b))
