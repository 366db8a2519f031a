"""Does a gradient table belong to the images? Judged by how well the tensor explains them.

The logarithm of the signal, averaged over a block of tissue, follows the log-linear tensor model
whichever way the fibres run. With the right table the model leaves the noise of the block; with
one whose rows belong to other volumes, or whose b-values are others, it leaves many times that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import MIN_DIRECTIONS, GradientTable
from imaging.diffusion.ivim import tissue_weights
from imaging.diffusion.tensor import design_matrix

_BLOCK_MM = 12.0
_MIN_VOXELS = 20  # of the mask in a block
_FLOOR = 0.02  # smallest signal taken as such, share of the leg's
_CLEAR, _BETTER = 0.6, 0.85  # ratio of misfits
_MOST_BLOCKS = 0.85  # share of the blocks that have to agree
_SAMPLES_OVER = 2  # weighted volumes beyond six, for a misfit to mean anything
_DRAWS = 19  # random orders
_CHANCE = 10.0  # percentile of their misfits that a right table stays below
_MIN_INNER = 0.3  # share of the mask that has to be left
_EROSION = 2  # voxels: at borders motion and fat shift misfit more than tables do
_WEIGHTED = 200.0  # s/mm2 from which loss of signal is judged
_MUSCLE = 1.5e-3  # mm2/s
_LEAST_LOSS = 0.1 * _MUSCLE
_DARK_LOSS = _MUSCLE / 3
MOST_DIFFUSIVITY = 6e-3
"""mm2/s; twice that of free water at body temperature."""


@dataclass(frozen=True)
class Blocks:
    """Mean log signal of blocks of tissue.

    Attributes
    ----------
    log : (N, B) array
    share : (N,) array
        Signal of each volume, share of the brightest one.
    """

    log: FloatArray
    share: FloatArray

    def misfits(self, table: GradientTable) -> FloatArray:
        """Return what the tensor leaves unexplained in each block (B,), share of the brightest."""
        design = design_matrix(table)
        scale = np.abs(design).max(0)
        root = self.share[:, None]
        basis, sizes, _ = np.linalg.svd(root * design / np.where(scale > 0, scale, 1), False)
        basis = basis[:, sizes > 1e-6 * sizes[0]]
        weighted = root * self.log
        rest = weighted - basis @ (basis.T @ weighted)
        free = max(len(rest) - basis.shape[1], 1)
        return np.sqrt(np.square(rest).sum(0) / free)

    def of_volumes(self, volumes: NDArray[np.intp]) -> Blocks:
        """Return the blocks of some volumes, by their numbers (M,)."""
        return Blocks(self.log[volumes], self.share[volumes])

    def enough_volumes(self, table: GradientTable) -> bool:
        """Tell whether there are weighted volumes enough for a misfit to mean anything."""
        weighted = int((~table.is_b0).sum())
        return weighted >= MIN_DIRECTIONS + _SAMPLES_OVER and self.log.shape[1] > 0


def tissue_blocks(data: FloatArray, mask: NDArray[np.bool_], spacing: FloatArray) -> Blocks:
    """Return the mean log signals of cubes of tissue.

    Parameters
    ----------
    data : (I, J, K, N) array
        Magnitude.
    mask : (I, J, K) bool array
        Legs.
    spacing : (3,) array
        mm.
    """
    inner = ndimage.binary_erosion(mask, iterations=_EROSION)
    mask = inner if inner.sum() >= _MIN_INNER * mask.sum() else mask
    voxels = np.argwhere(mask)
    cubes = np.floor(voxels * spacing / _BLOCK_MM).astype(int)
    block = np.unique(cubes, axis=0, return_inverse=True)[1].ravel()
    count = np.bincount(block)
    kept = count >= min(_MIN_VOXELS, count.max())
    signal = data[mask]
    floor = _FLOOR * float(np.median(signal)) + 1e-12
    log = np.array([
        np.bincount(block, np.log(np.maximum(volume, floor)))[kept] / count[kept]
        for volume in signal.T
    ])  # fmt: skip
    level = np.exp(np.median(log, axis=1))
    return Blocks(log, level / level.max())


def better(misfits: FloatArray, given: FloatArray, ratio: float = _BETTER) -> bool:
    """Tell whether misfits (B,) are smaller than others by a ratio, and in most blocks."""
    return bool(
        np.median(misfits) < ratio * np.median(given) and (misfits < given).mean() >= _MOST_BLOCKS
    )


def reordered(table: GradientTable) -> Iterator[tuple[str, GradientTable]]:
    """Yield tables in which rows were moved to other volumes, and what was done to them."""
    count, weighted = len(table.bvals), np.flatnonzero(~table.is_b0)
    for step in _steps(count):
        rows = np.roll(np.arange(count), step)
        yield (
            f"b-values and vectors moved by {_volumes(step)}",
            GradientTable(table.bvals[rows], table.vectors[rows]),
        )
    for step in _steps(len(weighted)):
        vectors = table.vectors.copy()
        vectors[weighted] = np.roll(vectors[weighted], step, axis=0)
        yield (
            f"vectors of the weighted volumes moved by {_volumes(step)}",
            GradientTable(table.bvals, vectors),
        )
    yield "rows in reverse order", GradientTable(table.bvals[::-1], table.vectors[::-1])
    vectors = table.vectors.copy()
    vectors[weighted] = vectors[weighted[::-1]]
    yield "vectors in reverse order", GradientTable(table.bvals, vectors)


@dataclass(frozen=True)
class Order:
    """Whether the rows of a table belong to the volumes one by one.

    Attributes
    ----------
    verdict : str
        ``given``; ``other``: another order explains the images clearly better; ``rather_other``:
        somewhat better; ``chance``: the given order is no better than random ones; ``unknown``:
        too few volumes.
    name : str
        What turns the given order into the best other one.
    given, best, chance : float
        Misfit as given, of the best other order, and of random ones (median).
    """

    verdict: Literal["given", "other", "rather_other", "chance", "unknown"]
    name: str = ""
    given: float = np.nan
    best: float = np.nan
    chance: float = np.nan


def compare_orders(blocks: Blocks, table: GradientTable) -> Order:
    """Compare the given order of rows with others and with chance."""
    tissue = tissue_weights(table)
    volumes = np.arange(len(table.bvals)) if tissue is None else np.flatnonzero(tissue)
    part = blocks.of_volumes(volumes)
    if not part.enough_volumes(table.of_volumes(volumes)):
        return Order("unknown")

    def misfits(other: GradientTable) -> FloatArray:
        return part.misfits(other.of_volumes(volumes))

    given = misfits(table)
    tried = [(name, misfits(other)) for name, other in reordered(table)]
    name, found = min(tried, key=lambda t: float(np.median(t[1])))
    draws = [float(np.median(misfits(other))) for other in _shuffled(table)]
    verdict: Literal["given", "other", "rather_other", "chance"] = "given"
    if better(found, given, _CLEAR):
        verdict = "other"
    elif better(found, given):
        verdict = "rather_other"
    elif np.median(given) > np.percentile(draws, _CHANCE):
        verdict = "chance"
    middle = float(np.median(draws))
    return Order(verdict, name, float(np.median(given)), float(np.median(found)), middle)


def _shuffled(table: GradientTable) -> Iterator[GradientTable]:
    """Yield tables with the vectors of weighted volumes in random order, always the same ones."""
    rng = np.random.default_rng(0)
    weighted = np.flatnonzero(~table.is_b0)
    for _ in range(_DRAWS):
        vectors = table.vectors.copy()
        vectors[weighted] = vectors[rng.permutation(weighted)]
        yield GradientTable(table.bvals, vectors)


@dataclass(frozen=True)
class Brightness:
    """Volumes whose brightness does not go with their b-value.

    Attributes
    ----------
    dark : (D,) int array
        Volumes called b = 0 that are about as dark as weighted ones.
    bright : (W,) int array
        Weighted volumes as bright as b = 0.
    all_dark : bool
        No volume called b = 0 is brighter than the weighted ones.
    diffusivity : float
        Median apparent diffusivity of the weighted volumes, mm2/s; NaN where there are none.
    """

    dark: NDArray[np.intp]
    bright: NDArray[np.intp]
    all_dark: bool
    diffusivity: float

    @property
    def lonely(self) -> bool:
        """Some b-values are wrong by themselves: moved rows make dark *and* bright volumes."""
        return not self.all_dark and bool(self.dark.size) != bool(self.bright.size)


def compare_brightness(blocks: Blocks, table: GradientTable) -> Brightness:
    """Compare how bright volumes are with their b-values."""
    level = np.median(blocks.log, axis=1)
    b0, weighted = np.flatnonzero(table.is_b0), np.flatnonzero(table.bvals >= _WEIGHTED)
    none = np.empty(0, np.intp)
    if not weighted.size:
        return Brightness(none, none, False, np.nan)

    def apparent(reference: float) -> FloatArray:
        return (reference - level[weighted]) / table.bvals[weighted]

    ordered = np.sort(level[b0])
    for reference in (ordered[len(ordered) // 2], ordered[-1]):
        found = apparent(reference)
        middle = float(np.median(found))
        lost = middle >= _DARK_LOSS or found.min() >= _LEAST_LOSS
        if lost:
            break
    else:
        return Brightness(b0, none, True, middle)
    half = 0.5 * middle * table.bvals[weighted].min()
    dark = b0[level[b0] < reference - middle * table.bvals[b0] - half]
    bright = weighted[found < min(_LEAST_LOSS, 0.25 * middle)]
    return Brightness(dark, bright, False, middle)


def _steps(count: int) -> list[int]:
    """Return the steps of a cycle, small ones first."""
    return sorted(range(-((count - 1) // 2), count // 2 + 1), key=abs)[1:]


def _volumes(step: int) -> str:
    return f"{step:+d} volume{'s' if abs(step) > 1 else ''}"
