"""Motion that the tensor can follow, found by what it does to the tensor field.

A displacement even in the gradient changes the signal at edges just as other tensors there would.
The mean of the other volumes does not follow it, yet takes true contrast of tensors between
tissues for such a displacement. What tells both apart is where they show: motion of a volume by p
changes its log signal by J p, with J the change of the mean log signal with motion, and so leaves
a ridge J c in the elements of the tensor along every edge, while tissues leave steps. The
displacement sought is that whose removal leaves the tensor field the least total variation.

Total variation: Rudin LI, Osher S, Fatemi E. Physica D 1992;60:259; minimised by iteratively
reweighted least squares (Wohlberg B, Rodriguez P. IEEE Signal Process Lett 2007;14:948).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.diffusion.gradients import GradientTable
from imaging.diffusion.resample import Placement
from imaging.diffusion.tensor import design_matrix
from imaging.image import Image

_FLOOR = 0.15  # of the legs' signal, below which there is more noise than tissue
_LEAST = 0.01  # smallest signal taken as such
_REWEIGHTINGS = 12
_SETTLED = 1e-3  # share of the largest change, below which another weighting does no more
_SMALL = 0.1  # of the median variation, below which variation counts as square
_RIM_VOXELS = 2
_LEAST_TOLD = 0.03  # of what is told best: along an even cylinder contrast looks like motion


def hidden_motion(
    aligned: Image,
    placements: Sequence[Placement],
    table: GradientTable,
    mask: NDArray[np.bool_],
) -> FloatArray:
    """Return the steps (N, 6), mm and rad, that take such motion off; 0 where it cannot be told.

    Parameters
    ----------
    aligned : Image
        4-D magnitude, volumes at rest as they are placed now.
    placements
        One for each volume.
    table : GradientTable
        World RAS+, in the scanner.
    mask : (I, J, K) bool array
        Legs.
    """
    design = design_matrix(table.rotated(np.array([p.pose[:3, :3].T for p in placements])))
    design /= np.maximum(np.abs(design).max(0), 1e-12)
    mean = aligned.data.mean(-1)
    bright = float(np.percentile(mean[mask], 90)) if mask.any() else 0.0
    if bright <= 0 or np.linalg.matrix_rank(design) < design.shape[1]:
        return np.zeros((len(design), 6))
    logs = np.maximum(aligned.data, _LEAST * bright)
    np.log(logs, out=logs)
    elements = logs @ np.linalg.pinv(design)[1:].T.astype(np.float32)
    ridges = _change_with_motion(aligned, logs.mean(-1), placements[0].centre)
    del logs  # as large as the series
    tissue = (mean > _FLOOR * bright) & ndimage.binary_dilation(mask, iterations=_RIM_VOXELS)
    trust = np.minimum(mean / bright, 1) * tissue
    change = _least_variation(elements, ridges, trust, aligned.spacing)
    return -design[:, 1:] @ change.T


def _change_with_motion(grid: Image, log_signal: FloatArray, centre: FloatArray) -> FloatArray:
    """Return the change (I, J, K, 6) of a log signal with translation (mm) and rotation (rad)."""
    thick = [n > 1 for n in grid.shape]
    along = [np.gradient(log_signal, axis=a) if t else 0 * log_signal for a, t in enumerate(thick)]
    slope = np.stack(along, -1) @ np.linalg.inv(grid.affine)[:3, :3]
    lever = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)) - centre
    return np.concatenate([slope, np.cross(lever, slope)], -1).astype(np.float32)


def _least_variation(
    field: FloatArray, ridges: FloatArray, trust: FloatArray, spacing: FloatArray
) -> FloatArray:
    """Return c (6, C) for which field (..., C) less ridges (..., 6) c varies least."""
    rows, values, weights = [], [], []
    for axis, step in enumerate(spacing):
        pair = np.minimum(*(np.delete(trust, end, axis) for end in (0, -1)))
        both = pair > 0
        rows.append(np.diff(ridges, axis=axis)[both] / np.float32(step))
        values.append(np.diff(field, axis=axis)[both] / np.float32(step))
        weights.append(pair[both].astype(np.float32))
    x, y, trusted = (np.concatenate(parts) for parts in (rows, values, weights))
    change: FloatArray = np.zeros((x.shape[1], y.shape[1]))
    if len(x) <= x.shape[1]:
        return change
    weight = trusted
    for _ in range(_REWEIGHTINGS):
        weighted = x * weight[:, None]
        before, change = change, _solved(weighted.T @ x, weighted.T @ y)
        if np.abs(change - before).max() < _SETTLED * np.abs(change).max():
            break
        left = trusted * np.sqrt(np.square(y - x @ change).sum(1))
        weight = np.square(trusted) / np.maximum(left, _SMALL * np.median(left) + 1e-12)
    return change


def _solved(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solve for translations and rotations, 0 along what edges hardly tell."""
    parts = np.repeat([np.trace(normal[:3, :3]), np.trace(normal[3:, 3:])], 3)
    scale = 1 / np.sqrt(np.maximum(parts, 1e-300))
    inverse = np.linalg.pinv(normal * np.outer(scale, scale), rcond=_LEAST_TOLD, hermitian=True)
    solution: FloatArray = scale[:, None] * (inverse @ (scale[:, None] * right))
    return solution
