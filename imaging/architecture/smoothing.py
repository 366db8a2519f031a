"""Smoothing of tensors inside a muscle: local polynomials, and how wide, judged by the data.

The kernel sees only voxels of the muscle and fits a polynomial rather than a mean, so that a
border, where half of the kernel is missing, does not pull the values inwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.architecture.moments import Powers, add_products, first_rows, moments
from imaging.arrays import BoolArray, FloatArray

LEAST_MASS = 0.01  # of a full kernel, below which nothing is said
_TRUNCATE = 3.0
RIDGE = 0.0003  # ten times more flattens bends at borders by .5 deg of direction
_HIGHEST_POWER = 6
_MOST_LEVERAGE = 0.9
_COARSE_MM = 3.0
_BLOCKS_PER_SIGMA = 5.0


@dataclass(frozen=True)
class Kernel:
    """A Gaussian of standard deviation `sigma_mm` under which a polynomial is fitted."""

    sigma_mm: float
    order: int  # 1 linear, 2 quadratic, 3 cubic


CANDIDATES = (
    *(Kernel(s, 1) for s in (2.5, 3.5, 5.0, 7.0, 10.0)),
    *(Kernel(s, 2) for s in (5.0, 7.0, 10.0, 14.0, 20.0)),
    *(Kernel(s, 3) for s in (14.0, 20.0)),
)


def gaussian_mean(values: FloatArray, spacing: FloatArray, sigma_mm: float) -> FloatArray:
    """Return the Gaussian mean of an image (I, J, K); outside it counts as 0."""
    kernels = _kernels(spacing, sigma_mm)
    (_, mean), *_ = moments(values, kernels, [(0, 0, 0)])
    return mean


@dataclass(frozen=True)
class LocalPolynomial:
    """A polynomial fitted about every voxel, ready for any values on the same weights.

    Attributes
    ----------
    weight : (I, J, K) float32 array
        How much each voxel counts.
    known : (I, J, K) bool array
        Where there is enough data.
    leverage : (I, J, K) float32 array
        Share that a voxel has in its own smooth value.

    References
    ----------
    Fan and Gijbels, Local polynomial modelling and its applications, 1996.
    """

    weight: FloatArray
    known: BoolArray
    leverage: FloatArray
    _basis: list[Powers]
    _kernels: list[list[FloatArray]]
    _first_row: FloatArray  # (known, terms) of the inverse of the normal equations

    @classmethod
    def build(
        cls,
        weight: FloatArray,
        spacing: FloatArray,
        kernel: Kernel,
        ridge: float = RIDGE,
        where: BoolArray | None = None,
    ) -> LocalPolynomial:
        """Return the fit for weights (I, J, K) on voxels of `spacing` (3,) mm.

        `ridge` is the share of a full kernel added to the slopes' normal equations: more flattens
        slopes. Beyond `where` (I, J, K) nothing is worked out, nor known.
        """
        kernels = _kernels(spacing, kernel.sigma_mm)
        weight = weight.astype(np.float32)
        basis = _basis(kernel.order)
        products = {tuple(np.add(p, q).tolist()) for p in basis for q in basis}
        (_, mass), *_ = moments(weight, kernels, [(0, 0, 0)], where)
        known = mass > LEAST_MASS
        known &= True if where is None else where
        found = moments(weight, kernels, sorted(products), known)
        inside = {powers: moment[known] for powers, moment in found}
        first_row = first_rows(inside, basis, ridge)
        leverage = np.zeros(weight.shape, np.float32)
        centre = float(np.prod([k[0][len(k[0]) // 2] for k in kernels]))
        leverage[known] = centre * weight[known] * first_row[:, 0]
        return cls(weight, known, leverage, basis, kernels, first_row)

    def shared_leverage(self, correlation: FloatArray) -> FloatArray:
        """Return the share (I, J, K) of its noise that a voxel keeps in its own smooth value.

        Noise that next voxels share with it, `correlation` (3,) along each axis, comes back
        through them.
        """
        total = self.leverage.copy()
        for axis in np.flatnonzero(np.asarray(correlation) > 0):
            kernels = [
                [_next_taps(k) if a == axis else _centre_tap(k) for k in axis_kernels]
                for a, axis_kernels in enumerate(self._kernels)
            ]
            # Of the other axes only the middle counts, where all powers but 0 vanish.
            terms = [p for p in self._basis if sum(p) == p[axis]]
            for powers, moment in moments(self.weight, kernels, terms, self.known):
                row = self._first_row[:, self._basis.index(powers)]
                total[self.known] += correlation[axis] * row * moment[self.known]
        return total

    def smooth(self, values: FloatArray) -> FloatArray:
        """Return the smooth values (I, J, K, N) float32 of values (I, J, K, N); 0 if unknown."""
        count = values.shape[-1]
        places = np.flatnonzero(self.known)
        column = {powers: a for a, powers in enumerate(self._basis)}
        weighted = np.asarray(self.weight[..., None] * values, np.float32)
        total = np.zeros((len(places), count), np.float32)
        for powers, moment in moments(weighted, self._kernels, self._basis, self.known):
            factors = self._first_row[:, column[powers]]
            add_products(factors, moment.reshape(-1, count), places, total)
        smooth = np.zeros((self.weight.size, count), np.float32)
        smooth[places] = total
        return smooth.reshape(*self.weight.shape, count)


def local_polynomial(
    values: FloatArray,
    weight: FloatArray,
    spacing: FloatArray,
    kernel: Kernel,
    ridge: float = RIDGE,
    where: BoolArray | None = None,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Return smooth values (I, J, K, N), where they are known, and leverage.

    See :class:`LocalPolynomial`.
    """
    fit = LocalPolynomial.build(weight, spacing, kernel, ridge, where)
    return fit.smooth(values), fit.known, fit.leverage


def block_mm(kernel: Kernel) -> float:
    """Return the edge of blocks that are small beside a kernel."""
    return kernel.sigma_mm / _BLOCKS_PER_SIGMA


def smooth_on_blocks(
    values: FloatArray, weight: FloatArray, spacing: FloatArray, kernel: Kernel
) -> tuple[FloatArray, BoolArray]:
    """Return smooth values (I, J, K, N) and where known, from blocks where the kernel is wide.

    A kernel sees no detail far smaller than itself: the blocks are read at the voxels linearly.
    """
    fine = (spacing, weight.shape)
    values, weights, spacing = coarsen(values, weight[None], spacing, block_mm(kernel))
    smooth, known, _ = local_polynomial(values, weights[0], spacing, kernel)
    if smooth.shape[:3] == fine[1]:
        return smooth, known
    block = np.rint(spacing / fine[0])
    there = known.astype(np.float32)
    shares = [_read_at(v, block, fine[1]) for v in (there, *np.moveaxis(smooth, -1, 0))]
    out = np.stack(shares[1:], axis=-1) / np.maximum(shares[0], 0.5)[..., None]
    return out, shares[0] > 0.5


def _read_at(blocks: FloatArray, block: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return values of blocks at the voxels (I, J, K) that make them up, linearly."""
    offset = -(block - 1) / (2 * block)
    return np.asarray(ndimage.affine_transform(
        blocks, 1.0 / block, offset, output_shape=shape, order=1, mode="nearest"
    ))  # fmt: skip


def choose_kernel(
    values: FloatArray,
    weights: FloatArray,
    spacing: FloatArray,
    loss: Callable[[FloatArray, BoolArray], FloatArray],
    candidates: Sequence[Kernel] = CANDIDATES,
    correlation: FloatArray | None = None,
) -> tuple[Kernel, dict[Kernel, float]]:
    """Return the kernel that best foretells each voxel from the others, and all the scores.

    Parameters
    ----------
    values : (I, J, K, N) array
        What is smoothed.
    weights : (C, I, J, K) array
        How much each voxel counts for each compartment; its own is where it counts most.
    spacing : (3,) array
        Voxel size, mm.
    loss
        Of residuals (P, N) in the voxels (I, J, K) where true, in this order: (P,).
    candidates
        Kernels to choose from.
    correlation : (3,) array or None
        Of the noise of voxels next to each other along each axis; none: 0. A voxel's neighbours
        foretell noise that they share with it, which would ask for too little smoothing.

    Returns
    -------
    kernel, scores
        Scores are mean losses of leaving one voxel, and the noise it shares, out.

    References
    ----------
    Leave-one-out of linear smoothers: Wahba, Spline models for observational data, 1990. With
    correlated noise: Altman, J Am Stat Assoc 1990;85:749-759.
    """
    shared = np.zeros(3) if correlation is None else correlation
    owner = weights.argmax(axis=0)
    scores = {}
    for kernel in candidates:
        error, mass = 0.0, 0.0
        for c, weight in enumerate(weights):
            own = (owner == c) & (weight > 0)
            fit = LocalPolynomial.build(weight, spacing, kernel, where=own)
            smooth = fit.smooth(values)
            use = fit.known
            kept = 1.0 - np.minimum(fit.shared_leverage(shared)[use], _MOST_LEVERAGE)
            squared = loss(values[use] - smooth[use], use) / kept**2
            error += float((weight[use] * squared).sum())
            mass += float(weight[use].sum())
        scores[kernel] = error / max(mass, 1e-9)
    return min(scores, key=lambda k: scores[k]), scores


def coarsen(
    values: FloatArray, weights: FloatArray, spacing: FloatArray, most_mm: float = _COARSE_MM
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return values, weights and spacing with fine voxels joined to blocks.

    Parameters
    ----------
    values : (I, J, K, N) array
        Averaged with their weights.
    weights : (C, I, J, K) array
        Averaged.
    spacing : (3,) array
        Voxel size, mm.
    most_mm
        Largest edge of a block.
    """
    block = np.maximum((most_mm / np.asarray(spacing) + 1e-3).astype(int), 1)
    if (block == 1).all():
        return values, weights, spacing
    whole = weights.max(axis=0)
    total = _blocks(values * whole[..., None], block)
    mass = _blocks(whole[..., None], block)
    mean = np.divide(total, mass, out=np.zeros_like(total), where=mass > 0)
    return mean, np.stack([_blocks(w[..., None], block)[..., 0] for w in weights]), spacing * block


def _blocks(image: FloatArray, block: NDArray[np.integer[Any]]) -> FloatArray:
    """Return the mean of an image (I, J, K, N) over blocks; beyond its end it counts as 0."""
    extra = -np.array(image.shape[:3]) % block
    image = np.pad(image, [*((0, int(n)) for n in extra), (0, 0)])
    i, j, k = np.array(image.shape[:3]) // block
    parts = image.reshape(i, block[0], j, block[1], k, block[2], image.shape[3])
    return parts.mean(axis=(1, 3, 5))


def _basis(order: int) -> list[Powers]:
    """Return the powers of x, y, z of the polynomial's terms."""
    terms = []
    for degree in range(order + 1):
        for axes in combinations_with_replacement(range(3), degree):
            terms.append(tuple(axes.count(a) for a in range(3)))
    return terms


def _kernels(spacing: FloatArray, sigma_mm: float) -> list[list[FloatArray]]:
    """Return per axis the kernels g, u g, u2 g …; u in sigmas, g sums to one."""
    out = []
    for h in spacing:
        radius = int(np.ceil(_TRUNCATE * sigma_mm / h))
        u = np.arange(-radius, radius + 1) * h / sigma_mm
        g = np.exp(-0.5 * u**2)
        g /= g.sum()
        out.append([u**n * g for n in range(_HIGHEST_POWER + 1)])
    return out


def _centre_tap(kernel: FloatArray) -> FloatArray:
    """Return the middle (1,) of a kernel."""
    middle = len(kernel) // 2
    return kernel[middle : middle + 1]


def _next_taps(kernel: FloatArray) -> FloatArray:
    """Return a kernel (3,) with nothing but what lies next to its middle."""
    middle = len(kernel) // 2
    return kernel[middle - 1 : middle + 2] * [1.0, 0.0, 1.0]
