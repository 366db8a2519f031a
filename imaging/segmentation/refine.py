"""Move the borders of labels by a few millimetres onto the fascia that the image shows.

Every border between two structures is a sheet of points with normals across the leg. The image is
read along the normals; how well a septum or an edge lies at each offset is averaged over the
neighbours on the same sheet, and the sheet moves where the mean is best. So single bright or dark
spots move nothing, and where nothing is seen the border stays where probabilities put it.

Works in any contrast: a septum may be darker or brighter than muscle. Sources: search along normals
as in active shape models (Cootes et al., Comput Vis Image Underst 61, 1995), aggregation of costs
as in stereo matching (Hosni et al., IEEE TPAMI 35, 2013).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.muscles import structure_of
from imaging.segmentation.sheets import Border, is_muscle, sheets, which_are_muscles

BOUNDARY = (
    "A muscle ends at the inside of its fascia; two muscles that touch share the middle of the "
    "septum between them; fat between muscles that is seen and thicker than a voxel belongs to none"
)
MOST_MM = 2.5
_STEP_MM = 0.5
_ARM_MM = 1.5
# Neighbours on a sheet that are heard: standard deviation across and along the leg, mm.
_CELL_MM = (3.0, 3.0, 5.0)
# How much brighter or darker, against muscle, a septum must be to pull over the whole way.
_PULL = 0.08
_FIELD_MM = 1.5
_ROOM_MM = 8.0
# Weight of a step beside that of a line.
_RISE = 0.4


def refine(
    indices: NDArray[np.int16],
    data: NDArray[Any],
    spacing: FloatArray,
    most_mm: float = MOST_MM,
    rounds: int = 2,
) -> NDArray[np.int16]:
    """Return labels whose borders lie on the fascia seen in the image.

    Parameters
    ----------
    indices : (I, J, K) int16
        Catalogue indices without side, of one leg; third axis along the leg.
    data : (I, J, K)
        Bias-corrected image, any contrast.
    spacing : (3,)
        Voxel size, mm.
    most_mm
        Largest move in one round.
    rounds
        How often; later ones move half as far.
    """
    box = _around_muscles(indices, spacing)
    if box is None:
        return indices
    inside = indices[box]
    values = _relative(inside, data[box])
    for n in range(rounds):
        field = displacement(inside, values, spacing, most_mm / 2**n)
        inside = moved(inside, field, spacing)
    out = indices.copy()
    out[box] = inside
    return out


def displacement(
    indices: NDArray[np.int16], values: Float32, spacing: FloatArray, most_mm: float
) -> Float32:
    """Return how far borders should move (2, I, J, K), mm along the first two voxel axes.

    Parameters
    ----------
    indices : (I, J, K) int16
        Catalogue indices without side.
    values : (I, J, K) float32
        Image relative to muscle (1).
    spacing : (3,)
        Voxel size, mm.
    most_mm
        Largest move.
    """
    total = np.zeros((3, *indices.shape), np.float32)
    for sheet in sheets(indices, spacing):
        offsets, score = evidence(sheet, values, spacing, most_mm)
        along = best_offsets(sheet, offsets, score, spacing)
        at = tuple(np.rint(sheet.points).astype(int).T)
        np.add.at(total[0], at, along * sheet.normals[:, 0])
        np.add.at(total[1], at, along * sheet.normals[:, 1])
        np.add.at(total[2], at, 1.0)
    sigma = (0.0, *(_FIELD_MM / spacing[:2]), min(_FIELD_MM, spacing[2] / 2) / spacing[2])
    total = ndimage.gaussian_filter(total, sigma, truncate=3.0)
    return total[:2] / np.maximum(total[2], 1e-6)


def moved(indices: NDArray[np.int16], field: Float32, spacing: FloatArray) -> NDArray[np.int16]:
    """Return labels moved by a displacement field (2, I, J, K) in mm; the nearest four vote."""
    out = indices.copy()
    i, j, k = np.nonzero(np.hypot(field[0], field[1]) > 0.1 * min(spacing[:2]))
    x = np.clip(i - field[0][i, j, k] / spacing[0], 0, indices.shape[0] - 1.001)
    y = np.clip(j - field[1][i, j, k] / spacing[1], 0, indices.shape[1] - 1.001)
    low_x, low_y = x.astype(int), y.astype(int)
    fx, fy = x - low_x, y - low_y
    corners = [(0, 0, (1 - fx) * (1 - fy)), (1, 0, fx * (1 - fy)), (0, 1, (1 - fx) * fy),
               (1, 1, fx * fy)]  # fmt: skip
    labels = np.stack([indices[low_x + a, low_y + b, k] for a, b, _ in corners])
    weights = np.stack([w for *_, w in corners])
    votes = np.stack([(weights * (labels == own)).sum(0) for own in labels])
    out[i, j, k] = np.take_along_axis(labels, votes.argmax(0)[None], 0)[0]
    return out


def evidence(
    sheet: Border, values: Float32, spacing: FloatArray, most_mm: float
) -> tuple[FloatArray, Float32]:
    """Return offsets (D,) mm along the normals and how well a border lies there (N, D).

    A thin line, dark or (between muscles) bright, or a step; muscle lies before it.
    """
    step = max(_STEP_MM, 0.5 * float(min(spacing[:2])))
    arm = max(1, round(max(_ARM_MM, float(max(spacing[:2]))) / step))
    most = max(1, round(most_mm / step))
    reach = np.arange(-most - arm, most + arm + 1) * step
    across = reach[:, None, None] * (sheet.normals / spacing[:2]).astype(np.float32)
    where = np.concatenate(
        [sheet.points[None, :, :2] + across,
         np.broadcast_to(sheet.points[None, :, 2:], (len(reach), len(sheet.points), 1))], axis=2,
    )  # fmt: skip
    profile = ndimage.map_coordinates(
        values, where.reshape(-1, 3).T, order=1, mode="nearest", output=np.float32
    ).reshape(len(reach), -1).T  # fmt: skip
    before, here, after = profile[:, : -2 * arm], profile[:, arm:-arm], profile[:, 2 * arm :]
    rise = 0.5 * np.abs(after - before)
    line = np.minimum(before, after) - here
    if is_muscle(sheet.second):
        line = np.maximum(line, here - np.maximum(before, after))
    score = np.maximum(line, 0.0) + _RISE * rise
    if sheet.second > 0 and structure_of(sheet.second).tissue == "bone":
        # Cortex, which belongs to the bone, is thin: a long arm would reach over it to the marrow.
        short, count = max(1, arm // 2), here.shape[1]
        outer, inner = (profile[:, arm + n : arm + n + count] for n in (-short, short))
        score = 0.5 * np.maximum(outer - inner, 0.0)
    if not is_muscle(sheet.second):
        score *= np.exp(-0.5 * ((before - 1.0) / 0.35) ** 2)
    return reach[arm:-arm], np.minimum(score, 1.5).astype(np.float32)


def best_offsets(
    sheet: Border, offsets: FloatArray, score: Float32, spacing: FloatArray
) -> Float32:
    """Return how far every point of a sheet should move along its normal (N,), mm.

    Scores are averaged over the neighbours in the sheet before the best is taken, and the moves
    once more after it.
    """
    cell = np.maximum(np.array(_CELL_MM), spacing)
    cells = np.floor(sheet.points * spacing / cell).astype(int)
    cells -= cells.min(0)
    shape = tuple(int(n) for n in cells.max(0) + 1)
    flat = np.ravel_multi_index(tuple(cells.T), shape)
    size = int(np.prod(shape))

    def spread(amount: NDArray[Any]) -> NDArray[Any]:
        total = np.bincount(flat, amount, size).reshape(shape)
        return ndimage.gaussian_filter(total, 1.0, mode="constant", truncate=2.0)

    used = np.unique(flat)
    count = np.maximum(spread(np.ones(len(flat))).ravel()[used], 1e-6)
    mean = np.stack([spread(s).ravel()[used] for s in score.T], -1) / count[:, None]
    mean -= _PULL * (offsets / offsets[-1]) ** 2
    chosen = np.zeros(size)
    chosen[used] = _peak(offsets, mean)
    again = spread(chosen[flat]).ravel()[used] / count
    chosen[used] = again
    return chosen[flat].astype(np.float32)


def _peak(offsets: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the offset of the largest value in each row, refined by a parabola."""
    best = np.clip(mean.argmax(1), 1, len(offsets) - 2)
    rows = np.arange(len(mean))
    low, middle, high = (mean[rows, best + n] for n in (-1, 0, 1))
    bow = np.minimum(low - 2 * middle + high, -1e-9)
    part = np.clip(0.5 * (low - high) / bow, -1.0, 1.0)
    return offsets[best] + part * (offsets[1] - offsets[0])


def _relative(indices: NDArray[np.int16], data: NDArray[Any]) -> Float32:
    """Divide the image by the median of muscle in every slice, smoothed along the leg."""
    muscle = which_are_muscles(indices)[indices]
    core = ndimage.binary_erosion(muscle, np.ones((3, 3, 1)))
    level = np.full(indices.shape[2], np.nan)
    for k in range(indices.shape[2]):
        if core[:, :, k].sum() > 50:
            level[k] = np.median(data[:, :, k][core[:, :, k]])
    known = np.isfinite(level) & (level > 0)
    if not known.any():
        return np.ones(data.shape, np.float32)
    at = np.arange(len(level))
    level = ndimage.gaussian_filter1d(np.interp(at, at[known], level[known]), 2.0, mode="nearest")
    return np.clip(data / level, 0.0, 3.0).astype(np.float32)


def _around_muscles(
    indices: NDArray[np.int16], spacing: FloatArray
) -> tuple[slice, slice, slice] | None:
    """Return the box of all muscles and what their borders may reach; None without muscles."""
    boxes = ndimage.find_objects(which_are_muscles(indices)[indices].view(np.uint8))
    if not boxes:
        return None
    pad = np.ceil(_ROOM_MM / spacing).astype(int)
    x, y, z = (
        slice(max(s.start - int(p), 0), min(s.stop + int(p), n))
        for s, p, n in zip(boxes[0], pad, indices.shape, strict=True)
    )
    return x, y, z
