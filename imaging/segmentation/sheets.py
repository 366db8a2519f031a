"""The borders between the muscles of a label map and what they touch, as sheets of points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import Float32, FloatArray
from imaging.muscles import structure_of

_MIN_POINTS = 30


@dataclass(frozen=True)
class Border:
    """Points of the border between two labels.

    Attributes
    ----------
    first, second : int
        Labels; normals point from the first, a muscle, to the second.
    points : (N, 3) array
        Continuous voxel indices, in the middle between two voxels.
    normals : (N, 2) array
        Unit vectors across the leg, along the voxel axes, in mm.
    """

    first: int
    second: int
    points: Float32
    normals: Float32


def sheets(indices: NDArray[np.int16], spacing: FloatArray) -> Iterator[Border]:
    """Yield the borders that muscles have with each other, with bones and with the rest."""
    points, pairs = _faces(indices)
    smooth = _smooth_masks(indices, spacing)
    if not len(points):
        return
    codes = pairs[:, 0].astype(np.int64) * 1000 + pairs[:, 1]
    order = np.argsort(codes, kind="stable")
    _, starts = np.unique(codes[order], return_index=True)
    for chosen in np.split(order, starts[1:]):
        a, b = (int(v) for v in pairs[chosen[0]])
        if len(chosen) < _MIN_POINTS:
            continue
        at = points[chosen]
        slope = _slope(smooth, b, at, spacing) - _slope(smooth, a, at, spacing)
        length = np.linalg.norm(slope, axis=1)
        good = length > 1e-4
        yield Border(a, b, at[good], (slope[good] / length[good, None]).astype(np.float32))


def which_are_muscles(indices: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return a table: whether each index in a map is a muscle."""
    table = np.zeros(int(indices.max(initial=0)) + 1, bool)
    for index in np.flatnonzero(np.bincount(indices.ravel())):
        table[index] = is_muscle(int(index))
    return table


def is_muscle(index: int) -> bool:
    """Tell whether a catalogue index is a muscle or a group of muscles."""
    return index > 0 and structure_of(index).is_muscle


def _faces(indices: NDArray[np.int16]) -> tuple[Float32, NDArray[np.int16]]:
    """Return middles (N, 3) of the faces across the leg between labels, and labels (N, 2).

    The first label is a muscle; of two muscles, the one of smaller index.
    """
    all_points, all_pairs = [], []
    muscle = which_are_muscles(indices)
    for axis in (0, 1):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        one, two = indices[tuple(low)], indices[tuple(high)]
        at = np.nonzero((one != two) & (muscle[one] | muscle[two]))
        pairs = np.sort(np.stack([one[at], two[at]], -1), axis=1)
        swap = ~muscle[pairs[:, 0]]
        pairs[swap] = pairs[swap][:, ::-1]
        points = np.stack(at, -1).astype(np.float32)
        points[:, axis] += 0.5
        all_points.append(points)
        all_pairs.append(pairs)
    return np.concatenate(all_points), np.concatenate(all_pairs)


Smooth = dict[int, tuple[NDArray[np.int_], Float32]]


def _smooth_masks(indices: NDArray[np.int16], spacing: FloatArray) -> Smooth:
    """Return corner and smoothed mask of every label in its box, for normals."""
    sigma = np.array([1.5, 1.5, min(2.0, spacing[2] / 2)]) / spacing
    pad = np.ceil(3 * sigma).astype(int) + 1
    out = {}
    boxes = ndimage.find_objects(indices + 1)
    for index, box in enumerate(boxes):
        if box is not None:
            wide = tuple(
                slice(max(s.start - p, 0), min(s.stop + p, n))
                for s, p, n in zip(box, pad, indices.shape, strict=True)
            )
            mask = (indices[wide] == index).astype(np.float32)
            corner = np.array([s.start for s in wide])
            out[index] = corner, ndimage.gaussian_filter(mask, sigma, truncate=3.0)
    return out


def _slope(smooth: Smooth, index: int, points: Float32, spacing: FloatArray) -> FloatArray:
    """Return the gradient (N, 2) across the leg of a smoothed mask, per mm."""
    corner, mask = smooth[index]
    local = np.rint(points).astype(int) - corner
    top = np.array(mask.shape) - 1
    out = np.zeros((len(points), 2))
    for axis in (0, 1):
        ends = []
        for sign in (1, -1):
            place = local.copy()
            place[:, axis] += sign
            ends.append(mask[tuple(np.clip(place, 0, top).T)])
        out[:, axis] = (ends[0] - ends[1]) / (2 * spacing[axis])
    return out
