"""Which legs a step draws from: every leg is another person's after a while."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.training.anatomy import vary
from imaging.training.legs import TrainingLeg
from imaging.training.scans import ScannedLeg

# So many images of a leg are drawn, in the mean, before its bellies change.
_IMAGES = 400.0
_AS_IT_IS = 0.15


class Cast:
    """Legs whose bellies change as training goes on; what a step sees follows from its number.

    Parameters
    ----------
    seed
        Of the training.
    legs
        The legs as they are.
    weights : (L,)
        Chance of each leg.
    batch
        Images per step.
    """

    def __init__(
        self, seed: int, legs: Sequence[TrainingLeg | ScannedLeg], weights: NDArray[np.floating],
        batch: int = 8,
    ) -> None:  # fmt: skip
        self.seed, self.weights = seed, weights
        self._legs = list(legs)
        self._now = list(legs)
        self._round = [-1] * len(self._legs)
        self._steps = np.maximum(_IMAGES / (batch * np.maximum(weights, 1e-6)), 1.0)

    def at(self, step: int) -> list[TrainingLeg | ScannedLeg]:
        """Return the legs of a step; real images stay as they are."""
        for n, leg in enumerate(self._legs):
            own = int((step + n * 37) // self._steps[n])
            if own == self._round[n] or isinstance(leg, ScannedLeg):
                continue
            rng = np.random.default_rng([self.seed, n, own])
            asis = rng.random() < _AS_IT_IS
            self._now[n] = leg if asis else vary(rng, leg, float(rng.uniform(0.3, 1.0)))
            self._round[n] = own
        return self._now
