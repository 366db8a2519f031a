"""Total variation of a modulus inside a region, not counted across borders of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, ComplexArray, FloatArray

# Relative step between neighbours below which a difference counts by its square.
_SMOOTH_STEP = 0.03
# What is left of the tie between neighbours of different labels: enough for lone voxels.
_ACROSS = 1e-3


class Smoothness:
    """Lagged diffusivity of the total variation of the logarithm of a modulus.

    Parameters
    ----------
    region : (I, J, K) bool array
    labels : (I, J, K) int array or None
    spacing_m : (3,) array
        Voxel size.
    """

    def __init__(
        self, region: BoolArray, labels: NDArray[np.integer[Any]] | None, spacing_m: FloatArray
    ):
        self._shape = region.shape
        self._pairs = []
        for axis in range(3):
            upper, lower = [slice(None)] * 3, [slice(None)] * 3
            upper[axis], lower[axis] = slice(1, None), slice(None, -1)
            a, b = tuple(upper), tuple(lower)
            tie = (region[a] & region[b]).astype(np.float32)
            if labels is not None:
                tie[labels[a] != labels[b]] *= _ACROSS
            tie *= np.float32((np.mean(spacing_m) / spacing_m[axis]) ** 2)
            self._pairs.append((a, b, tie))
        self._weights = [tie for _, _, tie in self._pairs]

    def update(self, modulus: ComplexArray) -> None:
        """Take the weights of total variation at a modulus."""
        self._weights = []
        for a, b, tie in self._pairs:
            mean = np.maximum(np.abs(modulus[a] + modulus[b]) / 2, 1.0)
            step = np.abs(modulus[a] - modulus[b]) / mean
            self._weights.append(tie / (np.sqrt(step**2 + _SMOOTH_STEP**2) * mean**2))

    def apply(self, modulus: ComplexArray) -> ComplexArray:
        """Return the gradient of half the weighted sum of squared differences."""
        out = np.zeros_like(modulus)
        for (a, b, _), weight in zip(self._pairs, self._weights, strict=True):
            flow = weight * (modulus[a] - modulus[b])
            out[a] += flow
            out[b] -= flow
        return out

    def diagonal(self) -> FloatArray:
        """Return the diagonal of :meth:`apply`."""
        out = np.zeros(self._shape, np.float32)
        for (a, b, _), weight in zip(self._pairs, self._weights, strict=True):
            out[a] += weight
            out[b] += weight
        return out
