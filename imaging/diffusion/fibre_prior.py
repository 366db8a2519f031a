"""How well directions agree with where the fascicles of each muscle lean, known from anatomy.

See :mod:`imaging.anatomy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.anatomy import lean_direction, leans, leg_axes, sides_contradicted
from imaging.arrays import FloatArray, IntArray
from imaging.diffusion.tensor import to_matrix
from imaging.image import Image
from imaging.muscles import structure_of

_SLAB_MM = 15.0  # of a leg, within which the middle of a muscle's cross-section is taken
_FEWEST_VOXELS = 30
_FREEDOM = 4.0  # of Student's t: no single muscle decides


@dataclass(frozen=True)
class FibrePrior:
    """How well every candidate table agrees with anatomy.

    Attributes
    ----------
    log_likelihood : (C,) array
        Of each candidate; differences count.
    regions : int
        Muscles, or parts of them, that were compared.
    deviations : (R, C) array
        Of each region under each candidate, in tolerances.
    in_favour : (C, C) array
        How many regions agree better with the first candidate than with the second.
    contradiction : str
        How the sides of the labels contradict the leg; empty where they do not.
    """

    log_likelihood: FloatArray
    regions: int
    deviations: FloatArray
    in_favour: IntArray
    contradiction: str = ""

    def misfit(self, candidate: int) -> float:
        """Return the root mean square deviation of a candidate, in tolerances.

        About 1 when the labels and the table of leans fit the data.
        """
        return float(np.sqrt(np.mean(np.square(self.deviations[:, candidate]))))


def compare_with_anatomy(
    tensor: FloatArray, good: NDArray[np.bool_], grid: Image, labels: Image, turns: FloatArray
) -> FibrePrior:
    """Compare directions under every candidate table with where fascicles lean.

    Parameters
    ----------
    tensor : (I, J, K, 6) array
        Fitted with the table as given, world RAS+.
    good : (I, J, K) bool array
        Voxels whose tensor can be trusted.
    grid : Image
        Any image on the grid of the tensor.
    labels : Image
        100 * side + index, same world, any grid.
    turns : (C, 3, 3) array
        What each candidate does to world directions.
    """
    voxels = np.argwhere(good)
    points = grid.to_world(voxels)
    label = labels_at(labels, points)
    tensors = to_matrix(tensor[tuple(voxels.T)].astype(float))
    tensors /= np.trace(tensors, axis1=1, axis2=2)[:, None, None]
    scores, deviations = [], []
    for side in (1, 2):
        own = label // 100 == side
        axes = leg_axes(label[own], points[own]) if own.sum() >= _FEWEST_VOXELS else None
        if axes is None:
            continue
        for part, row in _regions(label[own], points[own] @ axes.T):
            mean, error = _mean_direction(tensors[own][part], points[own][part] @ axes[2])
            expected = lean_direction(row) @ axes
            cosine = np.abs(np.einsum("cij,j->ci", turns, mean) @ expected)
            off = np.degrees(np.arccos(np.minimum(cosine, 1.0))) / np.hypot(
                row.tolerance_deg, error
            )
            deviations.append(off)
            scores.append(-0.5 * (_FREEDOM + 1) * np.log1p(off**2 / _FREEDOM))
    contradiction = sides_contradicted(label, points)
    if not scores:
        nothing = np.zeros(len(turns))
        empty = np.zeros((0, len(turns)))
        return FibrePrior(nothing, 0, empty, np.zeros((len(turns),) * 2, int), contradiction)
    score = np.array(scores)
    in_favour = (score[:, :, None] > score[:, None, :]).sum(axis=0)
    return FibrePrior(score.sum(axis=0), len(score), np.array(deviations), in_favour, contradiction)


def labels_at(labels: Image, points: FloatArray) -> IntArray:
    """Return the label (P,) at world points (P, 3); 0 outside the image."""
    there = np.rint(labels.to_voxels(points)).astype(int)
    inside = ((there >= 0) & (there < labels.shape)).all(axis=1)
    there[~inside] = 0
    return np.where(inside, labels.data[tuple(there.T)], 0).astype(int)


def _regions(label: IntArray, place: FloatArray) -> list[tuple[NDArray[np.bool_], Any]]:
    """Return which voxels belong to each row of the prior, `place` being anterior, lateral, up."""
    keys = {int(n): structure_of(int(n)).key for n in np.unique(label)}
    found = []
    for row in leans():
        part = np.isin(label, [n for n, key in keys.items() if key == row.muscle])
        if not part.any():
            continue
        slab = np.floor(place[:, 2] / _SLAB_MM).astype(int)
        slab -= slab.min()
        count = np.maximum(np.bincount(slab[part], minlength=slab.max() + 1), 1)
        names, whole = row.region.split("-"), part
        for axis, (less, more) in enumerate((("posterior", "anterior"), ("medial", "lateral"))):
            if less not in names and more not in names:
                continue
            total = np.bincount(slab[whole], place[whole, axis], minlength=slab.max() + 1)
            beyond = place[:, axis] > (total / count)[slab]
            part = part & (beyond if more in names else ~beyond)
        if part.sum() >= _FEWEST_VOXELS:
            found.append((part, row))
    return found


def _mean_direction(tensors: FloatArray, height: FloatArray) -> tuple[FloatArray, float]:
    """Return the first eigenvector of the mean tensor and its standard error in degrees.

    The error comes from how slabs along the leg differ.
    """
    mean = np.linalg.eigh(tensors.mean(axis=0))[1][:, 2]
    slab = np.floor(height / _SLAB_MM).astype(int)
    slabs = [s for s in np.unique(slab) if (slab == s).sum() >= 5]
    parts = np.array([tensors[slab == s].mean(axis=0) for s in slabs])
    if len(parts) < 2:
        return mean, 30.0
    off = np.degrees(np.arccos(np.minimum(np.abs(np.linalg.eigh(parts)[1][:, :, 2] @ mean), 1.0)))
    return mean, float(np.sqrt(np.mean(off**2) / (len(parts) - 1)))
