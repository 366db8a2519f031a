"""Direction fields that a muscle might have had with other noise: a wild bootstrap.

The smooth field is a regression of tensors on place. Its residuals, one per voxel and all six
components together, are given random signs and smoothed as the data were; that is the error which
noise makes in the smooth field. Everything is done on blocks that are small beside the kernel.

Davidson R, Flachaire E. The wild bootstrap, tamed at last. J Econometrics 2008;146:162-169.
Fan J, Gijbels I. Local polynomial modelling and its applications. Chapman & Hall, 1996.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.architecture.compartments import sides
from imaging.architecture.direction import DirectionField, principal_direction, shear
from imaging.architecture.lags import lagged_correlation
from imaging.architecture.smoothing import Kernel, LocalPolynomial, coarsen
from imaging.arrays import FloatArray
from imaging.geometry import AponeurosisSurface
from imaging.image import voxel_size

_MOST_LEVERAGE = 0.9
_FARTHEST_LAG = 3  # voxels over which neighbours may share noise
_REFERENCES = 4
# Blocks as small as this widen a kernel by less than 1 %, in replicas and in what they are
# compared with alike.
_BLOCKS_PER_SIGMA = 3.5
_ISOTROPIC = np.array([1, 0, 1, 0, 0, 1], np.float32)  # xx xy yy xz yz zz


@dataclass(frozen=True)
class FieldReplicas:
    """The smooth tensors of a muscle and what is needed to draw others.

    Attributes
    ----------
    affine : (4, 4) array
        Blocks to world mm.
    side_mm : (S, I, J, K) float32 array
        Height of each block above each sheet.
    smooth : (C, I, J, K, 6) float32 array
        Smooth tensors per compartment, in any unit.
    residual : (I, J, K, 6) array
        What the smooth tensor of its own compartment leaves of each block's, enlarged by its
        leverage: its variance is that of the noise.
    fits
        The smoother of each compartment.
    kernel
        Its width and order.
    growth : float
        By how much noise that neighbours share enlarges its error.
    """

    affine: FloatArray
    side_mm: FloatArray
    smooth: FloatArray
    residual: FloatArray
    fits: Sequence[LocalPolynomial]
    kernel: Kernel
    growth: float = 1.0

    @classmethod
    def build(
        cls,
        tensor: FloatArray,
        affine: FloatArray,
        weights: FloatArray,
        kernel: Kernel,
        sheets: Sequence[AponeurosisSurface],
    ) -> FieldReplicas:
        """Return the replicas of a field that a kernel smoothed from tensors.

        Parameters
        ----------
        tensor : (I, J, K, 6) array
            World frame; zero where there is no data.
        affine : (4, 4) array
            Its voxels to world mm.
        weights : (C, I, J, K) array
            How much each voxel counted for each compartment.
        kernel
            Width and order.
        sheets
            What parts the compartments, 2^S = C.
        """
        spacing = voxel_size(affine)
        scaled = tensor / (float(np.abs(tensor).max()) or 1.0)
        block_mm = kernel.sigma_mm / _BLOCKS_PER_SIGMA
        values, weights, coarse_mm = coarsen(scaled, weights, spacing, block_mm)
        block = coarse_mm / spacing
        moved = affine @ np.vstack([np.c_[np.diag(block), (block - 1) / 2], [0, 0, 0, 1]])
        fits = [LocalPolynomial.build(w, coarse_mm, kernel) for w in weights]
        smooth = np.stack([f.smooth(values) for f in fits])
        side_mm = sides(values.shape[:3], moved, sheets)
        here = cls(moved, side_mm, smooth, np.zeros_like(values), fits, kernel)
        leverage = here._own(np.stack([f.leverage for f in fits])[..., None])
        used = here._own(np.stack([(f.weight > 0) & f.known for f in fits])[..., None])
        residual = (values - here._own(smooth)) / (1.0 - np.minimum(leverage, _MOST_LEVERAGE))
        return cls(moved, side_mm, smooth, np.where(used, residual, 0.0), fits, kernel)

    @classmethod
    def of(
        cls,
        tensor: FloatArray,
        affine: FloatArray,
        field: DirectionField,
        sheets: Sequence[AponeurosisSurface],
        rng: np.random.Generator,
    ) -> FieldReplicas:
        """Return the replicas of a field fitted to tensors (I, J, K, 6), with their common noise.

        Raises
        ------
        ValueError
            The field does not come from tensors.
        """
        if field.kernel is None:
            raise ValueError("a field without tensors has no replicas")
        fields = cls.build(tensor, affine, field.weights, field.kernel, sheets)
        return fields.with_common_noise(rng)

    @property
    def share(self) -> FloatArray:
        """How much each block (I, J, K) counted for any compartment."""
        return np.asarray(np.max([f.weight for f in self.fits], axis=0))

    def _own(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return of (C, I, J, K, N) what each block's own compartment says."""
        owner = np.stack([f.weight for f in self.fits]).argmax(axis=0)
        return np.take_along_axis(values, owner[None, ..., None], axis=0)[0]

    def _smoothed(self, values: FloatArray) -> FloatArray:
        return np.stack([f.smooth(values) for f in self.fits])

    def _directions(self, tensor: FloatArray) -> FloatArray:
        out = np.zeros((*tensor.shape[:-1], 3), np.float32)
        for c, fit in enumerate(self.fits):
            out[c][fit.known] = principal_direction(tensor[c][fit.known])
        return out

    def original(self) -> FloatArray:
        """Return the directions (C, I, J, K, 3) of the smooth tensors themselves."""
        return self._directions(self.smooth)

    def smoothed_again(self) -> FloatArray:
        """Return the directions after smoothing what was smooth: the bias, to first order, twice.

        References
        ----------
        Twicing: Tukey, Exploratory data analysis, 1977, chapter 16.
        """
        return self._directions(self._smoothed(self._own(self.smooth)))

    def noisy_tensor(self, rng: np.random.Generator) -> FloatArray:
        """Return tensors (I, J, K, 6) of a scan with other noise; zero where there are none."""
        used = np.any(self.residual != 0, axis=-1, keepdims=True)
        drawn = self._own(self.smooth) + self.growth * self._signs(rng) * self.residual
        return np.where(used, drawn, 0.0)

    def noisy(self, rng: np.random.Generator) -> FloatArray:
        """Return directions (C, I, J, K, 3) with as much noise again as they have."""
        noise = np.float32(self.growth) * self._smoothed(self._signs(rng) * self._turning)
        tensor = self.smooth.copy()
        tensor[..., :5] += noise
        return self._directions(tensor)

    @cached_property
    def _turning(self) -> FloatArray:
        """Residuals (I, J, K, 5) less zz: what is the same in all directions turns none."""
        rest = self.residual - self.residual[..., 5:] * _ISOTROPIC
        return np.ascontiguousarray(rest[..., :5], np.float32)

    def _signs(self, rng: np.random.Generator) -> FloatArray:
        shape = (*self.residual.shape[:3], 1)
        return (2.0 * rng.integers(0, 2, shape) - 1.0).astype(np.float32)

    def with_common_noise(self, rng: np.random.Generator) -> FieldReplicas:
        """Return the same, knowing how much noise that neighbours share enlarges its error.

        Denoising and interpolation spread the noise of a voxel over its neighbours; signs drawn
        for each voxel do not know. The variance of a smooth value grows by the sum of the
        correlations of the noise over all lags; these are what residuals show beyond what
        residuals of independent noise show under the same smoother. Its root is never below 1.
        """
        axis = principal_direction(self._own(self.smooth))
        seen = _lag_sums(shear(self.residual, axis))
        expected = np.zeros(3)
        for _ in range(_REFERENCES):
            drawn = self._signs(rng) * self.residual
            left = drawn - np.where(drawn != 0, self._own(self._smoothed(drawn)), 0.0)
            expected += _lag_sums(shear(left, axis)) / _REFERENCES
        growth = np.maximum(1.0 + 2.0 * (seen - expected), 1.0)
        return replace(self, growth=float(np.sqrt(growth.prod())))


def _lag_sums(values: FloatArray) -> FloatArray:
    """Return per axis the sum of the correlations of values (I, J, K, N) over lags from 1 on."""
    there = np.any(values != 0, axis=-1)
    lags = range(1, _FARTHEST_LAG + 1)
    return np.sum([lagged_correlation(values, there, lag) for lag in lags], axis=0)
