"""Are the gradient directions flipped, permuted or of other axes? Judged by data and by anatomy.

A wrong table leaves FA and MD as they are and turns e1. Two kinds of evidence:

- coherence: walking along e1 from a voxel, e1 should stay the same (see
  :mod:`imaging.diffusion.coherence`);
- anatomy: muscle fibres of the lower leg run mainly along the leg, and, where labels of the muscles
  are given, the fascicles of each muscle lean the way they are known to.

Inside smooth muscles e1 and a flipped e1 are about equally coherent, so that coherence counts for
little beside anatomy where there are labels. Labels whose sides contradict where they lie, or the
shape of the leg, say nothing about a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.coherence import MIN_BLOCKS, block_coherence, paired_t, smooth_direction
from imaging.diffusion.fibre_prior import FibrePrior, compare_with_anatomy
from imaging.diffusion.table_candidates import Candidate, all_candidates, candidates, name_of
from imaging.diffusion.tensor import TensorFit
from imaging.image import Image

__all__ = ["GradientCheck", "candidates", "check_gradients", "leg_axis", "name_of"]

_MIN_FA = 0.1
_MAX_FA = 0.6
_POINTS = 30_000
_ANATOMY_SLACK = 0.15
_CLEAR_T = 4.0
_CLEAR_GAIN = 0.004
_SAME = 0.998  # mean squared cosine above which two tables give the same directions
_NEAR = 0.93  # 15 degrees: a table so near is told, but is no rival to a verdict on flips
_LONG_RATIO = 1.5
# Differences of log-likelihood. A table as given is right far more often than any one other: a
# change has that to outweigh. Of wrong tables half have signs or the frame wrong, the rest axes
# exchanged.
_CLEAR_OK = 3.0
_RIGHT = 0.9
_MOST_BY_COHERENCE = 4.0  # wrong tables of smooth muscles can be the more coherent ones
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
        What the best table does to directions along voxel axes, orthogonal; identity unless
        ``corrected``.
    best : str
        Name of the table with the best score, such as ``x y z``, ``-x y z``, ``world x -y z``
        or ``scanner -x -y z``; see :class:`imaging.diffusion.table_candidates.Candidate`.
    along_leg : float
        Mean squared cosine between e1 and the long axis, of the table as given.
    coherence : float
        Mean squared cosine of e1 along the walk, of the table as given.
    across_leg : bool
        The table as given has fibres run clearly less along the leg than another one does.
    t : float
        Paired t statistic of the most coherent table against its strongest rival.
    log_odds : float
        With labels: log-likelihood of the best table less that of its strongest rival.
    regions : int
        With labels: muscles, or parts of them, compared with anatomy.
    misfit : float
        With labels: how far the best table is from anatomy, in tolerances.
    contradiction : str
        How the sides of the labels contradict the leg; empty where they do not.
    nearly : str
        Another table, within 15 degrees of the best, that is not clearly worse; empty: none.
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
    contradiction: str = ""
    nearly: str = ""


@dataclass(frozen=True)
class _Tables:
    """The tables compared, and which of them give the same or nearly the same directions."""

    all: Sequence[Candidate]
    similarity: FloatArray  # (C, C), mean squared cosine
    rotation: FloatArray

    def same(self, one: int) -> NDArray[np.bool_]:
        """Tell which tables (C,) cannot be told from one."""
        return np.asarray(self.similarity[one] > _SAME)

    def verdict(self, best: int, corrected: bool) -> tuple[FloatArray, str]:
        """Return what the best table changes, and its name."""
        change = self.rotation.T @ self.all[best].turn @ self.rotation
        return change if corrected else np.eye(3), self.all[best].name

    def nearly(self, best: int, score: FloatArray, near: NDArray[np.bool_]) -> str:
        """Return the strongest table near the best that is not clearly worse, else nothing."""
        rivals = [int(c) for c in np.flatnonzero(near) if score[best] - score[c] < _CLEAR_OK]
        if not rivals:
            return ""
        rival = max(rivals, key=lambda c: float(score[c]))
        angle = np.degrees(np.arccos(np.sqrt(min(self.similarity[best, rival], 1.0))))
        return f"{self.all[rival].name}, {angle:.0f} degrees away"

    def clear_change(self, best: int) -> float:
        """Return the difference of log-likelihood that a change to a table has to reach."""
        alike = sum(c.common == self.all[best].common for c in self.all[1:])
        return _CLEAR_OK + float(np.log(_RIGHT / (0.5 * (1.0 - _RIGHT) / max(alike, 1))))


def check_gradients(
    fit: TensorFit, mask: NDArray[np.bool_], grid: Image, labels: Image | None = None
) -> GradientCheck:
    """Score every flip and permutation of the voxel axes, and of the scanner's.

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
    e1 = smooth_direction(fit, mask, grid)
    good = mask & (fit.fa > _MIN_FA) & (fit.fa < _MAX_FA)
    voxels = np.argwhere(good)
    voxels = voxels[:: max(1, len(voxels) // _POINTS)]
    found = all_candidates(grid.rotation)
    turns = np.array([c.turn for c in found])
    coherence = block_coherence(voxels, e1, good, turns, grid)
    if coherence.shape[1] < MIN_BLOCKS:
        return GradientCheck("undecided", np.eye(3), "x y z", np.nan, np.nan, False, 0.0)
    given = e1[tuple(voxels.T)]
    turned = np.einsum("cij,pj->cpi", turns, given[:: max(1, len(given) // 2000)])
    similarity = np.square(np.einsum("api,bpi->abp", turned, turned)).mean(2)
    tables = _Tables(found, similarity, grid.rotation)
    prior = np.square(np.einsum("cij,pj->cpi", turns, given) @ leg_axis(mask, grid)).mean(1)
    check = _decide(tables, prior, coherence)
    if labels is None:
        return check
    anatomy = compare_with_anatomy(fit.tensor, good, grid, labels, turns)
    return _judge_by_anatomy(check, tables, anatomy, _by_coherence(coherence))


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


def _by_coherence(coherence: FloatArray) -> FloatArray:
    """Return how much less likely than the most coherent table each one (C,) is; at most so much.

    The mean over blocks is taken as normal: half the square of the paired t.
    """
    best = coherence[int(np.nanmean(coherence, axis=1).argmax())]
    t = np.array([paired_t(best, other) for other in coherence])
    return np.asarray(-np.minimum(0.5 * np.square(np.maximum(t, 0.0)), _MOST_BY_COHERENCE))


def _decide(tables: _Tables, prior: FloatArray, coherence: FloatArray) -> GradientCheck:
    """Weigh anatomy first (it decides permutations), then coherence (it decides flips)."""
    plausible = np.flatnonzero(prior >= prior.max() - _ANATOMY_SLACK)
    means = np.nanmean(coherence, axis=1)
    best = int(plausible[np.argmax(means[plausible])])
    same = tables.same(best)
    rivals = [int(c) for c in plausible if not same[c]]
    against = {r: paired_t(coherence[best], coherence[r]) for r in rivals}
    t = min(against.values(), default=np.inf)
    gain = means[best] - max((means[r] for r in rivals), default=-np.inf)
    clear = t >= _CLEAR_T and gain >= _CLEAR_GAIN
    status: Literal["ok", "corrected", "undecided"] = "undecided"
    if clear:
        status = "ok" if same[0] else "corrected"
    return GradientCheck(
        status, *tables.verdict(best, status == "corrected"), float(prior[0]), float(means[0]),
        bool(0 not in plausible), float(min(t, 1e3)),
    )  # fmt: skip


def _judge_by_anatomy(
    check: GradientCheck, tables: _Tables, anatomy: FibrePrior, by_coherence: FloatArray
) -> GradientCheck:
    """Return the verdict that the lean of fascicles allows; most regions have to agree."""
    if anatomy.contradiction:
        return replace(
            check, status="undecided", change=np.eye(3), regions=anatomy.regions,
            contradiction=anatomy.contradiction,
        )  # fmt: skip
    if anatomy.regions < _FEWEST_REGIONS:
        return replace(check, regions=anatomy.regions)
    score = anatomy.log_likelihood + by_coherence
    best = int(score.argmax())
    clear = score[best] - score[0] >= tables.clear_change(best) and bool(
        2 * anatomy.in_favour[best, 0] > anatomy.regions
    )
    near = tables.similarity[0] > _NEAR
    if near[best] and not clear:
        best = 0
    same, near = tables.same(best), tables.similarity[best] > _NEAR
    odds = float(score[best] - score[~near].max())
    status: Literal["ok", "corrected", "undecided"] = "undecided"
    if anatomy.misfit(best) <= _MAX_MISFIT and odds >= _CLEAR_OK:
        if same[0]:
            status = "ok"
        elif clear:
            status = "corrected"
    change, name = tables.verdict(best, status == "corrected")
    return replace(
        check, status=status, change=change, best=name, log_odds=odds, regions=anatomy.regions,
        misfit=anatomy.misfit(best), nearly=tables.nearly(best, score, near & ~same),
    )  # fmt: skip
