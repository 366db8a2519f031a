"""Probabilities of the structures of one leg: what every way of labelling yields.

Network, registered atlases, propagated slices and foreign models all end in :class:`Shares`, so
that they can be joined, given anatomical sense and refined by the same functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32
from imaging.image import Image, resample
from imaging.muscles import structure
from imaging.threads import in_threads

_FLOOR = 1e-4
_NEVER = 0.05


@dataclass(frozen=True)
class Shares:
    """Probabilities of the structures of one leg.

    Attributes
    ----------
    keys : tuple of str
        Keys of the catalogue without side; the first is ``""``, everything that has no key.
    values : (C, I, J, K) float32
        One channel per key; they add up to 1 in every voxel.
    grid : Image
        Where the voxels lie (its data are not used), canonical axis order.
    """

    keys: tuple[str, ...]
    values: Float32
    grid: Image

    @cached_property
    def winner(self) -> NDArray[np.int16]:
        """Channel of the likeliest structure (I, J, K)."""
        return likeliest(self.values)

    def indices(self) -> NDArray[np.int16]:
        """Return the catalogue index of the likeliest structure (I, J, K); 0 for none."""
        return key_indices(self.keys)[self.winner]

    def confidence(self) -> Float32:
        """Return the probability of the likeliest structure (I, J, K)."""
        return np.asarray(self.values.max(axis=0), np.float32)


def likeliest(values: Float32) -> NDArray[np.int16]:
    """Return the channel of the largest value (I, J, K), the first of equal ones.

    `numpy.argmax` along the first axis takes twenty times as long.
    """
    best = values[0].copy()
    winner = np.zeros(best.shape, np.int16)
    for c, channel in enumerate(values[1:], start=1):
        better = channel > best
        winner[better] = c
        np.maximum(best, channel, out=best)
    return winner


def key_indices(keys: Sequence[str]) -> NDArray[np.int16]:
    """Return the catalogue index of each key; 0 for ``""``."""
    return np.array([structure(key).index if key else 0 for key in keys], np.int16)


def soft_labels(
    indices: NDArray[np.integer], keys: Sequence[str], grid: Image, sigma_mm: float
) -> Shares:
    """Return shares of a label map, its borders smoothed by a Gaussian.

    Parameters
    ----------
    indices : (I, J, K)
        Catalogue indices without side; those not among `keys` count as none.
    keys
        Keys of the shares, ``""`` first.
    grid
        Grid of `indices`.
    sigma_mm
        Standard deviation of the Gaussian, mm.
    """
    sigma = sigma_mm / grid.spacing
    values = np.zeros((len(keys), *indices.shape), np.float32)
    for c, index in enumerate(key_indices(keys)):
        if c > 0:
            mask = (indices == index).astype(np.float32)
            values[c] = ndimage.gaussian_filter(mask, sigma) if sigma_mm > 0 else mask
    values[0] = np.clip(1.0 - values[1:].sum(0), 0.0, 1.0)
    return Shares(tuple(keys), values, grid)


def join(parts: Sequence[Shares], weights: Sequence[float]) -> Shares:
    """Return the weighted geometric mean of shares on one grid with the same keys.

    A source that is sure outweighs one that is not. Source: logarithmic opinion pool,
    Genest & Zidek, Stat Sci 1, 1986.
    """
    total = np.zeros_like(parts[0].values)
    for part, weight in zip(parts, weights, strict=True):
        total += np.float32(weight) * np.log(np.maximum(part.values, _FLOOR))
    total -= total.max(axis=0, keepdims=True)
    np.exp(total, out=total)
    total /= total.sum(axis=0, keepdims=True)
    return Shares(parts[0].keys, total, parts[0].grid)


def label_on(shares: Shares, like: Image) -> tuple[NDArray[np.int16], Float32]:
    """Return catalogue indices and their probabilities on another grid of the same world.

    Probabilities are interpolated, not labels, so that borders stay smooth; a few channels are
    held at a time, and structures that are nowhere likely are left out. Beyond the shares' grid
    their border values continue: an image ends half a voxel beyond the centres of its last slices.
    """
    best = np.zeros(like.shape, np.float32)
    winner = np.zeros(like.shape, np.int16)

    def fine(channel: Float32) -> Float32:
        return resample(shares.grid.with_data(channel), like, fill=None).data

    used = [c for c in range(len(shares.keys)) if c == 0 or shares.values[c].max() > _NEVER]
    indices = key_indices(shares.keys)
    for c, value in zip(used, in_threads(fine, [shares.values[c] for c in used]), strict=True):
        better = value > best
        winner[better] = indices[c]
        np.maximum(best, value, out=best)
    return winner, best
