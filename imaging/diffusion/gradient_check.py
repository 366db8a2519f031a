"""Are the gradient directions flipped or permuted? Judged by the data and by anatomy.

A wrong table leaves FA and MD as they are and turns e1. Two kinds of evidence:

- coherence: walking along e1 from a voxel, e1 should stay the same (Schilling KG, et al. A fiber
  coherence index for quality control of B-table orientation in diffusion MRI scans. Magn Reson
  Imaging 2019;58:82);
- anatomy: muscle fibres of the lower leg run mainly along the leg, and, where labels of the muscles
  are given, the fascicles of each muscle lean the way they are known to.

Inside smooth muscles e1 and a flipped e1 are about equally coherent, so that only anatomy can tell
flips apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.fibre_prior import FibrePrior, compare_with_anatomy
from imaging.diffusion.tensor import TensorFit, to_matrix
from imaging.image import Image

_SMOOTHING_MM = 3.0
_WALKS_MM = (6.0, 10.0)
_MIN_FA = 0.1
_MAX_FA = 0.6
_BLOCK_MM = 25.0
_POINTS = 30_000
_ANATOMY_SLACK = 0.15
_CLEAR_T = 4.0
_CLEAR_GAIN = 0.004
_MIN_BLOCKS = 8
_SAME = 0.998  # mean squared cosine above which two tables give the same directions
_LONG_RATIO = 1.5
# Differences of log-likelihood. A table as given is right far more often than any one other:
# a change has that (0.9 against 0.1 / 23) to outweigh.
_CLEAR_OK = 3.0
_CLEAR_CHANGE = _CLEAR_OK + float(np.log(0.9 / (0.1 / 23)))
_FEWEST_REGIONS = 5
_MAX_MISFIT = 2.0  # a leg that anatomy does not describe says nothing about a table


@dataclass(frozen=True)
class GradientCheck:
    """Verdict on the gradient table.

    Attributes
    ----------
    status : str
        ``ok``: no other table explains the data as well; ``corrected``: another one explains them
        clearly better (the caller applies `change`); ``undecided``: the data cannot tell.
    change : (3, 3) array
        Signed permutation of the voxel axes of the best table; identity unless ``corrected``.
    best : str
        Name of the table with the best score, such as ``x y z`` or ``-x y z``.
    along_leg : float
        Mean squared cosine between e1 and the long axis, of the table as given.
    coherence : float
        Mean squared cosine of e1 along the walk, of the table as given.
    across_leg : bool
        The table as given has fibres run clearly less along the leg than another one does.
    t : float
        Paired t statistic of the best table against its strongest rival (or the given one).
    log_odds : float
        With labels: log-likelihood of the best table less that of its strongest rival.
    regions : int
        With labels: muscles, or parts of them, compared with anatomy.
    misfit : float
        With labels: how far the best table is from anatomy, in tolerances.
    """

    status: Literal["ok", "corrected", "undecided"]
    change: FloatArray
    best: str
    along_leg: float
    coherence: float
    across_leg: bool
    t: float
    log_odds: float = np.nan
    regions: int = 0
    misfit: float = np.nan


def candidates() -> FloatArray:
    """Return the 24 signed permutations (24, 3, 3) that differ for axes; the first is identity.

    The 48 flips and permutations come in pairs Q and -Q, which turn an axis into the same axis.
    """
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=2):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = (*signs, 1.0)
            found.append(matrix)
    return np.array(found)


def name_of(change: FloatArray) -> str:
    """Return a signed permutation as text: where each voxel axis comes from."""
    axes = np.argmax(np.abs(change), axis=1)
    return " ".join(
        f"{'-' if row[a] < 0 else ''}{'xyz'[a]}" for row, a in zip(change, axes, strict=True)
    )


def check_gradients(
    fit: TensorFit, mask: NDArray[np.bool_], grid: Image, labels: Image | None = None
) -> GradientCheck:
    """Score every flip and permutation of the voxel axes.

    Parameters
    ----------
    fit : TensorFit
        Fitted with the table as given, world RAS+.
    mask : (I, J, K) bool array
        Legs.
    grid : Image
        Any image on the grid of the fit.
    labels : Image or None
        Muscle labels in the same world, on any grid; without them flips stay undecided as a rule.
    """
    e1, fa = _smooth_direction(fit, mask, grid)
    good = mask & (fa > _MIN_FA) & (fa < _MAX_FA)
    voxels = np.argwhere(good)
    voxels = voxels[:: max(1, len(voxels) // _POINTS)]
    blocks = _blocks(voxels, grid)
    if len(np.unique(blocks)) < _MIN_BLOCKS:
        return GradientCheck("undecided", np.eye(3), "x y z", np.nan, np.nan, False, 0.0)
    rotation = grid.rotation
    given = e1[tuple(voxels.T)]
    along = leg_axis(mask, grid)
    changes = candidates()
    prior = np.empty(len(changes))
    axes = np.array([rotation @ c @ rotation.T for c in changes])
    turned = np.einsum("cij,pj->cpi", axes, given[:: max(1, len(given) // 2000)])
    same = np.square(np.einsum("api,bpi->abp", turned, turned)).mean(2) > _SAME
    coherence = np.empty((len(changes), len(np.unique(blocks))))
    for c in range(len(changes)):
        turn = axes[c]
        prior[c] = np.square(given @ turn.T @ along).mean()
        score = _walk(voxels, given, e1, good, turn, grid)
        coherence[c] = _block_means(score, blocks)
    check = _decide(changes, prior, coherence, same)
    if labels is None:
        return check
    anatomy = compare_with_anatomy(fit.tensor, good, grid, labels, axes)
    return _judge_by_anatomy(check, changes, anatomy, same)


def leg_axis(mask: NDArray[np.bool_], grid: Image) -> FloatArray:
    """Return the long axis (3,) of the largest leg, world RAS+; S when it is not long."""
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    points = grid.to_world(np.argwhere(pieces == sizes.argmax()))
    values, vectors = np.linalg.eigh(np.cov(points.T))
    if np.sqrt(values[2] / values[1]) < _LONG_RATIO:
        return np.array([0.0, 0.0, 1.0])
    return vectors[:, 2]


def _smooth_direction(
    fit: TensorFit, mask: NDArray[np.bool_], grid: Image
) -> tuple[FloatArray, FloatArray]:
    """Return e1 (I, J, K, 3) of the smoothed tensor, and FA of the tensor itself."""
    smooth = np.empty_like(fit.tensor)
    for c in range(6):
        ndimage.gaussian_filter(
            fit.tensor[..., c], _SMOOTHING_MM / grid.spacing, output=smooth[..., c]
        )
    e1 = np.zeros_like(fit.e1)
    e1[mask] = np.linalg.eigh(to_matrix(smooth[mask]))[1][:, :, 2]
    return e1, fit.fa


def _walk(
    voxels: NDArray[Any],
    given: FloatArray,
    e1: FloatArray,
    good: NDArray[np.bool_],
    turn: FloatArray,
    grid: Image,
) -> FloatArray:
    """Return the mean squared cosine (P,) of e1 there and a walk away; NaN where it leaves."""
    direction = given @ turn.T @ np.linalg.inv(grid.affine[:3, :3]).T
    total = np.zeros(len(voxels))
    count = np.zeros(len(voxels))
    for walk in (*_WALKS_MM, *(-w for w in _WALKS_MM)):
        there = np.rint(voxels + walk * direction).astype(int)
        inside = ((there >= 0) & (there < grid.shape)).all(1)
        there[~inside] = 0
        index = tuple(there.T)
        inside &= good[index]
        cosine = np.einsum("ij,ij->i", e1[index], given)
        total += np.where(inside, cosine**2, 0)
        count += inside
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _blocks(voxels: NDArray[Any], grid: Image) -> NDArray[Any]:
    """Return the number of the cube that each voxel lies in: neighbours are not independent."""
    cubes = np.floor(voxels * grid.spacing / _BLOCK_MM).astype(int)
    return np.unique(cubes, axis=0, return_inverse=True)[1].ravel()


def _block_means(score: FloatArray, blocks: NDArray[Any]) -> FloatArray:
    """Return the mean score of every block, NaN where it has none."""
    valid = np.isfinite(score)
    count = np.bincount(blocks[valid], minlength=blocks.max() + 1)
    total = np.bincount(blocks[valid], score[valid], minlength=blocks.max() + 1)
    return np.where(count >= 20, total / np.maximum(count, 1), np.nan)


def _decide(
    changes: FloatArray, prior: FloatArray, coherence: FloatArray, same: NDArray[np.bool_]
) -> GradientCheck:
    """Weigh anatomy first (it decides permutations), then coherence (it decides flips)."""
    plausible = np.flatnonzero(prior >= prior.max() - _ANATOMY_SLACK)
    means = np.nanmean(coherence, axis=1)
    best = int(plausible[np.argmax(means[plausible])])
    rivals = [int(c) for c in plausible if c != best and not same[best, c]]
    against = {r: _paired_t(coherence[best], coherence[r]) for r in rivals}
    t = min(against.values(), default=np.inf)
    gain = means[best] - max((means[r] for r in rivals), default=-np.inf)
    clear = t >= _CLEAR_T and gain >= _CLEAR_GAIN
    status: Literal["ok", "corrected", "undecided"] = "undecided"
    if clear:
        status = "ok" if best == 0 or same[best, 0] else "corrected"
    change = changes[best] if status == "corrected" else np.eye(3)
    return GradientCheck(
        status,
        change,
        name_of(changes[best]),
        float(prior[0]),
        float(means[0]),
        bool(0 not in plausible),
        float(min(t, 1e3)),
    )


def _judge_by_anatomy(
    check: GradientCheck, changes: FloatArray, anatomy: FibrePrior, same: NDArray[np.bool_]
) -> GradientCheck:
    """Return the verdict that the lean of fascicles allows; most regions have to agree."""
    score = anatomy.log_likelihood
    if anatomy.regions < _FEWEST_REGIONS:
        return replace(check, regions=anatomy.regions)
    best = int(score.argmax())
    rivals = np.flatnonzero(~same[best] & (np.arange(len(score)) != best))
    odds = float(score[best] - score[rivals].max())
    status: Literal["ok", "corrected", "undecided"] = "undecided"
    if anatomy.misfit <= _MAX_MISFIT and odds >= _CLEAR_OK:
        if best == 0 or same[best, 0]:
            status = "ok"
        elif (
            score[best] - score[0] >= _CLEAR_CHANGE
            and 2 * anatomy.in_favour[best, 0] > anatomy.regions
        ):
            status = "corrected"
    return replace(
        check,
        status=status,
        change=changes[best] if status == "corrected" else np.eye(3),
        best=name_of(changes[best]),
        log_odds=odds,
        regions=anatomy.regions,
        misfit=anatomy.misfit,
    )


def _paired_t(a: FloatArray, b: FloatArray) -> float:
    """Return the paired t statistic over blocks."""
    difference = a - b
    difference = difference[np.isfinite(difference)]
    if len(difference) < _MIN_BLOCKS:
        return 0.0
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return float(difference.mean() / max(error, 1e-9))
